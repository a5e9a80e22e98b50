#include "apiserver/crd/structural.h"

#include "json/document.h"

namespace slipway::apiserver {
namespace {

bool isMeta(std::string_view field) {
  return field == "apiVersion" || field == "kind" || field == "metadata";
}

void pruneValue(json::value& value, const Structural& schema, const std::string& path,
                std::vector<std::string>& unknown);

void pruneObject(json::object& object, const Structural& schema, const std::string& path, bool whole_object,
                 std::vector<std::string>& unknown) {
  std::vector<std::string> gone;
  for (auto& [key, value] : object) {
    const std::string_view name = key;
    if (whole_object && isMeta(name)) continue;
    const std::string here = path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
    const auto property = schema.properties.find(name);
    if (property != schema.properties.end()) {
      pruneValue(value, *property->second, here, unknown);
    } else if (schema.values) {
      pruneValue(value, *schema.values, here, unknown);
    } else if (!schema.any_values && !schema.keeps_unknown) {
      gone.emplace_back(name);
      unknown.push_back(here);
    }
  }
  for (const std::string& name : gone) json::removeKey(object, name);
}

void pruneValue(json::value& value, const Structural& schema, const std::string& path,
                std::vector<std::string>& unknown) {
  if (value.is_object()) pruneObject(value.get_object(), schema, path, schema.embedded, unknown);
  if (!value.is_array() || !schema.items) return;
  for (size_t i = 0; i < value.get_array().size(); ++i) {
    pruneValue(value.get_array()[i], *schema.items, fmt::format("{}[{}]", path, i), unknown);
  }
}

void defaultValue(json::value& value, const Structural& schema) {
  if (value.is_object()) applyDefaults(value.get_object(), schema);
  if (!value.is_array() || !schema.items) return;
  for (json::value& element : value.get_array()) defaultValue(element, *schema.items);
}

}  // namespace

StructuralPtr readStructural(const json::object& schema) {
  auto out = std::make_shared<Structural>();
  out->type = json::text(schema, {"type"});
  out->format = json::text(schema, {"format"});
  out->nullable = json::isTrue(schema, {"nullable"});
  out->int_or_string = json::isTrue(schema, {"x-kubernetes-int-or-string"});
  out->keeps_unknown = json::isTrue(schema, {"x-kubernetes-preserve-unknown-fields"});
  out->embedded = json::isTrue(schema, {"x-kubernetes-embedded-resource"});
  out->list_type = json::text(schema, {"x-kubernetes-list-type"});
  out->atomic_map = json::text(schema, {"x-kubernetes-map-type"}) == "atomic";
  if (const json::array* keys = json::findArray(schema, {"x-kubernetes-list-map-keys"})) {
    for (const json::value& key : *keys) out->map_keys.emplace_back(key.as_string());
  }
  if (const json::value* value = schema.if_contains("default")) out->default_value = *value;
  if (const json::object* properties = json::findObject(schema, {"properties"})) {
    for (const auto& [name, property] : *properties) {
      if (property.is_object()) out->properties.emplace(name, readStructural(property.get_object()));
    }
  }
  if (const json::object* items = json::findObject(schema, {"items"})) out->items = readStructural(*items);
  if (const json::value* more = schema.if_contains("additionalProperties")) {
    if (more->is_object()) out->values = readStructural(more->get_object());
    out->any_values = more->is_bool() && more->get_bool();
  }
  out->raw = schema;
  return out;
}

std::vector<std::string> pruneUnknown(json::object& object, const Structural& schema) {
  std::vector<std::string> unknown;
  pruneObject(object, schema, "", true, unknown);
  return unknown;
}

void applyDefaults(json::object& object, const Structural& schema) {
  for (const auto& [name, property] : schema.properties) {
    json::value* value = object.if_contains(name);
    // A null where none is allowed counts as missing if there is a default.
    if (value != nullptr && value->is_null() && !property->nullable && property->default_value) value = nullptr;
    if (value == nullptr && property->default_value) object[name] = *property->default_value;
    if (json::value* now = object.if_contains(name)) defaultValue(*now, *property);
  }
  if (!schema.values) return;
  for (auto& [key, value] : object) {
    if (!schema.properties.contains(std::string_view(key))) defaultValue(value, *schema.values);
  }
}

bool anySchema(const Structural& schema, const std::function<bool(const Structural&)>& question) {
  if (question(schema)) return true;
  for (const auto& [name, property] : schema.properties) {
    if (anySchema(*property, question)) return true;
  }
  return (schema.items && anySchema(*schema.items, question)) || (schema.values && anySchema(*schema.values, question));
}

}  // namespace slipway::apiserver
