#include "schema/types.h"

namespace slipway::schema {
namespace {

constexpr std::string_view kSimple = "sbilnfytuqxo";
constexpr std::array kSimpleForms = {Form::String,    Form::Bool,     Form::Int32,       Form::Int64,
                                     Form::Int,       Form::Double,   Form::Bytes,       Form::Time,
                                     Form::MicroTime, Form::Quantity, Form::IntOrString, Form::Any};
constexpr std::array<std::string_view, 12> kGoNames = {"string",
                                                       "bool",
                                                       "int32",
                                                       "int64",
                                                       "int",
                                                       "float64",
                                                       "[]uint8",
                                                       "v1.Time",
                                                       "v1.MicroTime",
                                                       "resource.Quantity",
                                                       "intstr.IntOrString",
                                                       "interface {}"};

}  // namespace

const Field* Type::find(std::string_view field) const {
  auto at = std::ranges::lower_bound(fields, field, {}, &Field::name);
  return at != fields.end() && at->name == field ? &*at : nullptr;
}

std::string_view Type::bareName() const {
  return name.substr(name.rfind('.') + 1);
}

std::string Type::goName() const {
  std::string_view package = name.substr(0, std::min(name.rfind('.'), name.size()));
  return fmt::format("{}.{}", package.substr(package.rfind('.') + 1), bareName());
}

json::MergeField Type::mergeField(std::string_view field) const {
  const Field* found = find(field);
  if (found == nullptr) return {};
  const Shape* inner = found->shape->element == nullptr ? found->shape : found->shape->element;
  return {inner->type, found->merge_key, found->merge, found->replace};
}

std::string goName(const Shape& shape) {
  switch (shape.form) {
    case Form::List:
      return "[]" + goName(*shape.element);
    case Form::Map:
      return "map[string]" + goName(*shape.element);
    case Form::Object:
      return shape.type->goName();
    default:
      return std::string(kGoNames[static_cast<size_t>(shape.form)]);
  }
}

Type& TypeSet::type(std::string_view name) {
  auto [at, fresh] = by_name_.try_emplace(name, nullptr);
  if (fresh) {
    at->second = &types_.emplace_back();
    at->second->name = name;
  }
  return *at->second;
}

const Type* TypeSet::find(std::string_view name) const {
  auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

Type* TypeSet::findMutable(std::string_view name) {
  auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

const Shape* TypeSet::shape(Form form, const Shape* element, const Type* type) {
  return &shapes_.emplace_back(form, element, type);
}

Result<const Shape*> TypeSet::shapeOf(std::string_view word) {
  if (auto known = by_word_.find(word); known != by_word_.end()) return known->second;
  const Shape* made = nullptr;
  if (word.starts_with("[]") || word.starts_with("{}")) {
    TRY(const Shape* element, shapeOf(word.substr(2)));
    made = shape(word[0] == '[' ? Form::List : Form::Map, element);
  } else if (word.starts_with('@')) {
    made = shape(Form::Object, nullptr, &type(word.substr(1)));
  } else if (size_t at = kSimple.find(word); word.size() == 1 && at != std::string_view::npos) {
    made = shape(kSimpleForms[at]);
  } else {
    return failure(Code::BadRequest, "schema: {:?} is no form", word);
  }
  by_word_.emplace(word, made);
  return made;
}

std::string_view TypeSet::keep(std::string text) {
  return kept_.emplace_back(std::move(text));
}

void TypeSet::settle() {
  for (Type& type : types_) std::ranges::sort(type.fields, {}, &Field::name);
  for (Shape& shape : shapes_) {
    if (shape.form == Form::Object && shape.type->fields.empty() && !shape.type->embedded && !shape.type->keeps_unknown)
      shape.form = Form::Any;
  }
}

}  // namespace slipway::schema
