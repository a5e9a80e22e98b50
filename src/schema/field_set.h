#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace slipway::schema {

/// A set of field paths, as managedFields keeps them (FieldsV1).
///
/// A tree by path element, written as FieldsV1 writes them: `f:spec`, `k:{"name":"a"}`, `v:"x"`, `i:0`. `member` says
/// that the path to this node belongs to the set, whatever is below it. A node without members below is never kept.
/// Every write of every object makes and merges some: children lie side by side, in order.
class FieldSet {
 public:
  struct Child;
  bool member = false;
  std::vector<Child> children;  ///< by their elements; after add(): once sort() was called

  bool empty() const { return !member && children.empty(); }
  void insert(const std::vector<std::string>& path);
  bool has(const std::vector<std::string>& path) const;
  /// The set below one path element, or null.
  const FieldSet* below(std::string_view element) const;
  /// A child that is not there yet, at the end: sort() when all are.
  void add(std::string element, FieldSet below);
  void sort();

  FieldSet unite(const FieldSet& other) const;
  FieldSet intersect(const FieldSet& other) const;
  FieldSet subtract(const FieldSet& other) const;
  /// unite() and subtract() in place, without a copy.
  void absorb(FieldSet other);
  void remove(const FieldSet& other);
  /// Without a path and everything below it.
  void prune(const std::vector<std::string>& path);
  bool operator==(const FieldSet& other) const;

  /// Every member, the nearer ones first: ".spec.containers[name=\"a\"].image" as conflicts show them.
  std::vector<std::string> paths() const;

  json::object toJson() const;
  static Result<FieldSet> fromJson(const json::value& fields);
};

struct FieldSet::Child {
  std::string element;
  FieldSet below;
  bool operator==(const Child& other) const = default;
};

/// `f:name`.
std::string fieldElement(std::string_view name);
/// `k:{...}` of the key fields in the order of their names.
std::string keyElement(std::vector<std::pair<std::string_view, json::value>> keys);
/// `v:...`.
std::string valueElement(const json::value& element);
/// A path element as conflicts show it: `.spec`, `[name="a"]`, `[="x"]`.
std::string shownElement(std::string_view element);

}  // namespace slipway::schema
