#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "json/json.h"

namespace slipway::apiserver {

/// A structural schema of a CustomResourceDefinition, read once: what a value at this place may be.
struct Structural {
  std::string type;  ///< "" with int-or-string or preserve-unknown-fields
  std::string format;
  bool nullable = false;
  bool int_or_string = false;
  bool keeps_unknown = false;
  bool embedded = false;
  std::map<std::string, std::shared_ptr<const Structural>, std::less<>> properties;
  std::shared_ptr<const Structural> items;
  std::shared_ptr<const Structural> values;  ///< additionalProperties
  bool any_values = false;                   ///< additionalProperties: true
  std::optional<json::value> default_value;
  std::string list_type;
  std::vector<std::string> map_keys;
  bool atomic_map = false;
  json::object raw;  ///< the schema itself: limits, patterns, enums, logic
};
using StructuralPtr = std::shared_ptr<const Structural>;

StructuralPtr readStructural(const json::object& schema);

/// Removes what the schema does not have and gives its paths. The root keeps apiVersion, kind and metadata.
std::vector<std::string> pruneUnknown(json::object& object, const Structural& schema);
/// Fills in defaults where fields are missing; drops nulls that the schema does not allow.
void applyDefaults(json::object& object, const Structural& schema);
/// Whether any schema within satisfies the question.
bool anySchema(const Structural& schema, const std::function<bool(const Structural&)>& question);

}  // namespace slipway::apiserver
