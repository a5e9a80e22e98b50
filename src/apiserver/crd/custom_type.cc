#include "apiserver/crd/custom_type.h"

namespace slipway::apiserver {

using schema::Field;
using schema::ListType;

CustomType::CustomType(const Structural& root, const schema::Schema& builtin) {
  root_ = &typeOf(root);
  std::vector<Field>& fields = root_->fields;
  std::erase_if(fields,
                [](const Field& f) { return f.name == "apiVersion" || f.name == "kind" || f.name == "metadata"; });
  const schema::Shape* text = types_.shape(schema::Form::String);
  fields.push_back({.name = "apiVersion", .shape = text});
  fields.push_back({.name = "kind", .shape = text});
  const schema::Type* metadata = builtin.findType("apimachinery.pkg.apis.meta.v1.ObjectMeta");
  fields.push_back({.name = "metadata", .shape = types_.shape(schema::Form::Object, nullptr, metadata)});
  std::sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return a.name < b.name; });
}

schema::Type& CustomType::typeOf(const Structural& from) {
  schema::Type& type = types_.type(types_.keep(fmt::format("custom.{}", count_++)));
  type.atomic = from.atomic_map;
  type.keeps_unknown = from.keeps_unknown;
  type.embedded = from.embedded;
  std::vector<Field> fields;
  for (const auto& [name, property] : from.properties) {
    Field field;
    field.name = types_.keep(name);
    field.shape = shapeOf(*property);
    field.pointer = true;
    field.list_type = property->list_type == "map"   ? ListType::Map
                      : property->list_type == "set" ? ListType::Set
                                                     : ListType::Atomic;
    field.atomic_map = property->atomic_map;
    for (const std::string& key : property->map_keys) field.map_keys.push_back(types_.keep(key));
    fields.push_back(std::move(field));
  }
  std::sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return a.name < b.name; });
  type.fields = std::move(fields);
  return type;
}

const schema::Shape* CustomType::shapeOf(const Structural& from) {
  if (from.int_or_string) return types_.shape(schema::Form::IntOrString);
  if (from.type == "string") return types_.shape(schema::Form::String);
  if (from.type == "boolean") return types_.shape(schema::Form::Bool);
  if (from.type == "integer") return types_.shape(schema::Form::Int64);
  if (from.type == "number") return types_.shape(schema::Form::Double);
  if (from.type == "array") {
    const schema::Shape* element = from.items ? shapeOf(*from.items) : types_.shape(schema::Form::Any);
    return types_.shape(schema::Form::List, element);
  }
  if (from.type != "object") return types_.shape(schema::Form::Any);
  if (from.values) return types_.shape(schema::Form::Map, shapeOf(*from.values));
  if (from.properties.empty() && from.any_values && !from.keeps_unknown) return types_.shape(schema::Form::Any);
  return types_.shape(schema::Form::Object, nullptr, &typeOf(from));
}

}  // namespace slipway::apiserver
