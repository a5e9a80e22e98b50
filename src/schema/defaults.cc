#include "schema/defaults.h"

#include <unordered_set>

#include "json/compare.h"
#include "schema/defaults_rules.h"

namespace slipway::schema {
namespace {

const Type* typeUnder(const Shape& shape) {
  const Shape* inner = &shape;
  while (inner->element != nullptr) inner = inner->element;
  return inner->type;
}

}  // namespace

Defaults::Defaults(const Schema& schema) {
  std::unordered_map<std::string_view, void (*)(json::object&)> rules;
  for (const DefaultRule& rule : defaultRules()) rules.emplace(rule.type, rule.apply);

  for (const Type& type : schema.types()) {
    Plan plan;
    for (const Field& field : type.fields) {
      if (!field.default_json.empty()) plan.constants.emplace_back(&field, json::parse(field.default_json));
    }
    if (auto rule = rules.find(type.name); rule != rules.end()) plan.rule = rule->second;
    if (!plan.empty()) plans_.emplace(&type, std::move(plan));
  }
  // A type under which there is something to fill in is on the way; until nothing is added any more.
  for (bool grown = true; grown;) {
    grown = false;
    for (const Type& type : schema.types()) {
      for (const Field& field : type.fields) {
        const Type* inner = typeUnder(*field.shape);
        if (inner == nullptr || !plans_.contains(inner)) continue;
        std::vector<const Field*>& below = plans_[&type].below;
        if (std::ranges::find(below, &field) != below.end()) continue;
        below.push_back(&field);
        grown = true;
      }
    }
  }
}

void Defaults::apply(json::object& document, const Type& type) const {
  auto found = plans_.find(&type);
  if (found == plans_.end()) return;
  const Plan& plan = found->second;
  for (const auto& [field, constant] : plan.constants) {
    json::value& part = document[field->name];
    // Where Go has no pointer, an explicit zero is no word at all.
    if (part.is_null() || (!field->pointer && json::isEmpty(part) && !part.is_structured())) part = constant;
  }
  if (plan.rule != nullptr) plan.rule(document);
  for (const Field* field : plan.below) {
    if (json::value* part = document.if_contains(field->name)) descend(*part, *field->shape);
  }
}

void Defaults::descend(json::value& part, const Shape& shape) const {
  if (json::array* list = part.if_array(); list != nullptr && shape.form == Form::List) {
    for (json::value& element : *list) descend(element, *shape.element);
  } else if (json::object* map = part.if_object()) {
    if (shape.form == Form::Object) return apply(*map, *shape.type);
    if (shape.form != Form::Map) return;
    for (auto& [key, element] : *map) descend(element, *shape.element);
  }
}

std::string_view defaultPullPolicy(std::string_view image) {
  size_t digest = image.find('@');
  std::string_view name = image.substr(0, digest);
  size_t colon = name.rfind(':');
  bool tagged = colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos;
  std::string_view tag = tagged ? name.substr(colon + 1) : "";
  bool latest = tag == "latest" || (tag.empty() && digest == std::string_view::npos);
  return latest ? "Always" : "IfNotPresent";
}

}  // namespace slipway::schema
