#pragma once

#include <string>
#include <string_view>

#include "json/json.h"
#include "schema/field_error.h"

namespace slipway::apiserver {

/// Checks what each version of a CustomResourceDefinition says beside its schema: printer columns, subresources,
/// selectable fields. Refers to what it is made of.
class VersionCheck {
 public:
  VersionCheck(const schema::Check& root, const json::array& versions) : root_(root), versions_(versions) {}

  void columns(size_t index) const;
  void subresources(size_t index) const;
  void selectable(size_t index) const;
  /// Where a field of a version stands in messages: what all versions say alike is at the top of spec, as `shared`,
  /// and checked with the first one only ("" for the others).
  std::string place(size_t index, std::string_view field, std::string_view shared) const;

 private:
  void column(const json::object& column, const std::string& path) const;
  void selectableType(const json::object& version, std::string_view text, const std::string& field) const;

  const schema::Check& root_;
  const json::array& versions_;
};

/// The list at a path, or an empty one.
const json::array& definitionList(const json::object& from, std::initializer_list<std::string_view> path);

}  // namespace slipway::apiserver
