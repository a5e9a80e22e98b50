#pragma once

#include <set>
#include <string>

#include "json/json.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// Writes types as OpenAPI schemas. `reference_prefix` is "#/components/schemas/" or "#/definitions/".
class OpenApiTypes {
 public:
  explicit OpenApiTypes(std::string reference_prefix) : prefix_(std::move(reference_prefix)) {}

  /// The type and all that it refers to.
  void add(const schema::Type& type);
  /// Says which group, version and kind a type is.
  void setKind(const schema::Type& type, const schema::Gvk& gvk);
  json::object take() { return std::move(schemas_); }

  /// "io.k8s.api.core.v1.Pod".
  static std::string nameOf(const schema::Type& type);

 private:
  /// OpenAPI v2, which has no oneOf.
  bool swagger() const { return prefix_ == "#/definitions/"; }
  /// A schema with a name of its own, as a reference to it.
  json::object named(std::string_view name, json::object schema);
  json::object shapeSchema(const schema::Shape& shape);
  json::object fieldSchema(const schema::Type& holder, const schema::Field& field);

  std::string prefix_;
  std::set<const schema::Type*> seen_;
  json::object schemas_;
};

}  // namespace slipway::apiserver
