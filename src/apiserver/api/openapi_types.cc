#include "apiserver/api/openapi_types.h"

#include "apiserver/api/openapi_custom.h"

namespace slipway::apiserver {
namespace {

json::object simple(std::string_view type, std::string_view format = {}) {
  json::object out{{"type", type}};
  if (!format.empty()) out["format"] = format;
  return out;
}

json::object oneOf(std::string_view a, std::string_view b) {
  return {{"oneOf", json::array{simple(a), simple(b)}}};
}

}  // namespace

std::string OpenApiTypes::nameOf(const schema::Type& type) {
  const std::string_view name = type.name;
  const bool known = name.starts_with("api.") || name.starts_with("apimachinery.") ||
                     name.starts_with("apiextensions-apiserver.") || name.starts_with("kube-aggregator.");
  return known ? fmt::format("io.k8s.{}", name) : std::string(name);
}

json::object OpenApiTypes::named(std::string_view name, json::object schema) {
  const std::string full = fmt::format("io.k8s.apimachinery.pkg.{}", name);
  schemas_[full] = std::move(schema);
  return {{"$ref", prefix_ + full}};
}

json::object OpenApiTypes::shapeSchema(const schema::Shape& shape) {
  using schema::Form;
  switch (shape.form) {
    case Form::String:
      return simple("string");
    case Form::Bool:
      return simple("boolean");
    case Form::Int32:
      return simple("integer", "int32");
    case Form::Int64:
      return simple("integer", "int64");
    case Form::Int:
      return simple("integer");
    case Form::Double:
      return simple("number", "double");
    case Form::Bytes:
      return simple("string", "byte");
    case Form::Time:
    case Form::MicroTime:
      return simple("string", "date-time");
    case Form::Quantity:
      return named("api.resource.Quantity", swagger() ? simple("string") : oneOf("string", "number"));
    case Form::IntOrString: {
      json::object out = swagger() ? simple("string") : oneOf("integer", "string");
      out["format"] = "int-or-string";
      return named("util.intstr.IntOrString", std::move(out));
    }
    case Form::Any:
      return {{"x-kubernetes-preserve-unknown-fields", true}};
    case Form::List:
      return {{"type", "array"}, {"items", shapeSchema(*shape.element)}};
    case Form::Map:
      return {{"type", "object"}, {"additionalProperties", shapeSchema(*shape.element)}};
    case Form::Object:
      break;
  }
  add(*shape.type);
  return {{"$ref", prefix_ + nameOf(*shape.type)}};
}

json::object OpenApiTypes::fieldSchema(const schema::Type& holder, const schema::Field& field) {
  json::object out = shapeSchema(*field.shape);
  const std::string_view words = describeMetaField(holder.name.substr(holder.name.rfind('.') + 1), field.name);
  if (!words.empty()) out["description"] = words;
  if (!field.default_json.empty()) {
    json::error_code error;
    json::value value = json::parse(field.default_json, error);
    if (!error) out["default"] = std::move(value);
  }
  if (field.shape->form == schema::Form::List) {
    const bool map = field.list_type == schema::ListType::Map;
    out["x-kubernetes-list-type"] = map ? "map" : field.list_type == schema::ListType::Set ? "set" : "atomic";
    if (map) out["x-kubernetes-list-map-keys"] = json::array(field.map_keys.begin(), field.map_keys.end());
  }
  if (field.atomic_map) out["x-kubernetes-map-type"] = "atomic";
  if (!field.merge_key.empty()) out["x-kubernetes-patch-merge-key"] = field.merge_key;
  if (field.merge || field.replace) {
    out["x-kubernetes-patch-strategy"] = field.merge && field.replace ? "merge,retainKeys"
                                         : field.merge                ? "merge"
                                                                      : "retainKeys";
  }
  return out;
}

void OpenApiTypes::add(const schema::Type& type) {
  if (!seen_.insert(&type).second) return;
  json::object properties;
  json::array required;
  for (const schema::Field& field : type.fields) {
    properties[field.name] = fieldSchema(type, field);
    if (field.required) required.emplace_back(field.name);
  }
  json::object out{{"type", "object"}};
  if (!properties.empty()) out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  if (type.atomic) out["x-kubernetes-map-type"] = "atomic";
  if (type.keeps_unknown) out["x-kubernetes-preserve-unknown-fields"] = true;
  schemas_[nameOf(type)] = std::move(out);
}

void OpenApiTypes::setKind(const schema::Type& type, const schema::Gvk& gvk) {
  json::value* found = schemas_.if_contains(nameOf(type));
  if (found == nullptr) return;
  found->as_object()["x-kubernetes-group-version-kind"] =
      json::array{json::object{{"group", gvk.group}, {"version", gvk.version}, {"kind", gvk.kind}}};
}

}  // namespace slipway::apiserver
