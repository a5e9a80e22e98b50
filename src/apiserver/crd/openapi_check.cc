#include "apiserver/crd/openapi_check.h"

#include <re2/re2.h>

#include "apiserver/crd/cause_list.h"
#include "apiserver/crd/validator.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

constexpr const char* kNeverSupported[] = {
    "$ref", "dependencies", "definitions", "patternProperties", "additionalItems", "id"};

class WordCheck : CauseList {
 public:
  WordCheck(std::vector<Cause>& causes, bool check_defaults) : CauseList(causes), check_defaults_(check_defaults) {}

  void schema(const json::object& schema, const std::string& path, bool root = false) {
    words(schema, path, root);
    type(schema, path);
    mapType(schema, path);
    listType(schema, path);
    validations(schema, path);
    if (check_defaults_) defaults(schema, path, root);
    below(schema, path);
  }

 private:
  void invalid(std::string field, const json::value& bad, std::string_view why) {
    add("FieldValueInvalid", std::move(field), fmt::format("Invalid value: {}: {}", json::serialize(bad), why));
  }
  void unsupported(std::string field, std::string_view bad, std::string_view known) {
    add("FieldValueNotSupported", std::move(field),
        fmt::format("Unsupported value: \"{}\": supported values: {}", bad, known));
  }

  void words(const json::object& schema, const std::string& path, bool root) {
    for (const char* word : kNeverSupported) {
      const json::value* value = schema.if_contains(word);
      const bool empty = value == nullptr || value->is_null() || (value->is_string() && value->get_string().empty()) ||
                         (value->is_object() && value->get_object().empty());
      if (!empty) forbidden(fmt::format("{}.{}", path, word), fmt::format("{} is not supported", word));
    }
    if (root && json::isTrue(schema, {"nullable"}))
      forbidden(path + ".nullable", "nullable cannot be true at the root");
    if (json::isTrue(schema, {"uniqueItems"})) {
      forbidden(path + ".uniqueItems",
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
    }
    const json::object* properties = json::findObject(schema, {"properties"});
    const json::value* more = schema.if_contains("additionalProperties");
    const bool more_set = more != nullptr && (more->is_object() || (more->is_bool() && more->get_bool()));
    if (more_set && properties != nullptr && !properties->empty())
      forbidden(path + ".additionalProperties", "additionalProperties and properties are mutual exclusive");
    if (json::findArray(schema, {"items"}) != nullptr)
      forbidden(path + ".items", "items must be a schema object and not an array");
    if (const json::value* keeps = schema.if_contains("x-kubernetes-preserve-unknown-fields");
        keeps != nullptr && keeps->is_bool() && !keeps->get_bool()) {
      invalid(path + ".x-kubernetes-preserve-unknown-fields", *keeps, "must be true or undefined");
    }
    if (const std::string_view pattern = json::text(schema, {"pattern"}); !pattern.empty()) {
      const re2::RE2 expression(re2::StringPiece(pattern.data(), pattern.size()), re2::RE2::Quiet);
      if (!expression.ok()) {
        const std::string why = replaceAll(replaceAll(expression.error(), "missing )", "missing closing )"),
                                           "missing ]", "missing closing ]");
        const size_t colon = why.find(": ");
        invalid(path + ".pattern", json::value(pattern),
                fmt::format("must be a valid regular expression, but isn't: error parsing regexp: {}: `{}`",
                            why.substr(0, colon), pattern));
      }
    }
  }

  void type(const json::object& schema, const std::string& path) {
    constexpr std::string_view kTypes[] = {"array", "boolean", "integer", "number", "object", "string"};
    const std::string_view type = json::text(schema, {"type"});
    if (type.empty() || std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes)) return;
    unsupported(path + ".type", type, R"("array", "boolean", "integer", "number", "object", "string")");
  }

  void mapType(const json::object& schema, const std::string& path) {
    const std::string_view map = json::text(schema, {"x-kubernetes-map-type"});
    if (map.empty()) return;
    const std::string_view type = json::text(schema, {"type"});
    if (type.empty()) required(path + ".type", "must be object if x-kubernetes-map-type is specified");
    if (!type.empty() && type != "object")
      invalid(path + ".type", json::value(type), "must be object if x-kubernetes-map-type is specified");
    if (map != "atomic" && map != "granular")
      unsupported(path + ".x-kubernetes-map-type", map, R"("atomic", "granular")");
  }

  void listType(const json::object& schema, const std::string& path) {
    const std::string_view list = json::text(schema, {"x-kubernetes-list-type"});
    const json::array* keys = json::findArray(schema, {"x-kubernetes-list-map-keys"});
    const std::string_view type = json::text(schema, {"type"});
    if (!list.empty()) {
      if (type.empty()) required(path + ".type", "must be array if x-kubernetes-list-type is specified");
      if (!type.empty() && type != "array")
        invalid(path + ".type", json::value(type), "must be array if x-kubernetes-list-type is specified");
      if (list != "atomic" && list != "set" && list != "map")
        unsupported(path + ".x-kubernetes-list-type", list, R"("atomic", "set", "map")");
    }
    if (keys != nullptr && !keys->empty() && list != "map") {
      constexpr std::string_view kWhy = "must be map if x-kubernetes-list-map-keys is non-empty";
      if (list.empty()) required(path + ".x-kubernetes-list-type", kWhy);
      if (!list.empty()) invalid(path + ".x-kubernetes-list-type", json::value(list), kWhy);
    }
    const json::object* items = json::findObject(schema, {"items"});
    if (list == "set" && items != nullptr) setItems(*items, path + ".items");
    if (list != "map") return;
    if (keys == nullptr || keys->empty())
      return required(path + ".x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
    if (items != nullptr) mapItems(*items, path + ".items");
    if (items != nullptr && json::text(*items, {"type"}) == "object") mapKeys(*keys, *items, path);
  }

  void setItems(const json::object& items, const std::string& path) {
    const std::string_view type = json::text(items, {"type"});
    if (json::isTrue(items, {"nullable"}))
      forbidden(path + ".nullable", "cannot be nullable when x-kubernetes-list-type is set");
    const json::value* map = items.if_contains("x-kubernetes-map-type");
    if (type == "object" && json::text(items, {"x-kubernetes-map-type"}) != "atomic") {
      invalid(path + ".x-kubernetes-map-type", map == nullptr ? json::value() : *map,
              "must be atomic as item of a list with x-kubernetes-list-type=set");
    }
    const json::value* list = items.if_contains("x-kubernetes-list-type");
    if (type == "array" && list != nullptr && *list != "atomic") {
      invalid(path + ".x-kubernetes-list-type", *list,
              "must be atomic as item of a list with x-kubernetes-list-type=set");
    }
  }

  void mapItems(const json::object& items, const std::string& path) {
    const std::string_view type = json::text(items, {"type"});
    if (type != "object") {
      invalid(path + ".type", json::value(type), "must be object if parent array's x-kubernetes-list-type is map");
    }
    if (json::isTrue(items, {"nullable"}))
      forbidden(path + ".nullable", "cannot be nullable when x-kubernetes-list-type is map");
  }

  void mapKeys(const json::array& keys, const json::object& items, const std::string& path) {
    const std::string here = path + ".x-kubernetes-list-map-keys";
    const json::array* needed = json::findArray(items, {"required"});
    std::set<std::string, std::less<>> seen;
    for (const json::value& key : keys) {
      const std::string name(key.is_string() ? std::string_view(key.get_string()) : std::string_view());
      if (!seen.insert(name).second) invalid(here, json::value(keys), "must not contain duplicate entries");
      const json::object* property = json::findObject(items, {"properties", name});
      if (property == nullptr) {
        invalid(here, json::value(keys), "entries must all be names of item properties");
        continue;
      }
      const std::string place = fmt::format("{}.items.properties[{}]", path, name);
      const std::string_view type = json::text(*property, {"type"});
      if (type == "array" || type == "object") {
        invalid(place + ".type", json::value(type),
                "must be a scalar type if parent array's x-kubernetes-list-type is map");
      }
      if (json::isTrue(*property, {"nullable"}))
        forbidden(place + ".nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
      const bool is_needed = needed != nullptr && std::find(needed->begin(), needed->end(), key) != needed->end();
      if (!is_needed && !property->contains("default")) {
        required(place + ".default",
                 "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required "
                 "property");
      }
    }
  }

  void validations(const json::object& schema, const std::string& path) {
    const json::array* rules = json::findArray(schema, {"x-kubernetes-validations"});
    if (rules == nullptr || rules->empty()) return;
    forbidden(path + ".x-kubernetes-validations", "CEL validation rules are not supported by this server yet");
  }

  void defaults(const json::object& schema, const std::string& path, bool root) {
    if (root && json::find(schema, {"properties", "metadata", "default"}) != nullptr) {
      forbidden(path + ".properties[metadata].default", "must not be set in top-level metadata");
      check_defaults_ = false;
      return;
    }
    const json::value* value = schema.if_contains("default");
    if (value == nullptr || value->is_null()) return;
    const StructuralPtr structural = readStructural(schema);
    const std::string here = path + ".default";
    if (value->is_object()) {
      json::object pruned = value->get_object();
      if (!pruneUnknown(pruned, *structural).empty()) invalid(here, *value, "must not have unknown fields");
    }
    for (Cause& cause : validateCustomValue(*value, *structural)) {
      const std::string field = cause.field.empty() || cause.field == "<nil>" ? here : here + "." + cause.field;
      add(cause.reason, field, std::move(cause.message));
    }
  }

  void below(const json::object& schema, const std::string& path) {
    if (const json::object* properties = json::findObject(schema, {"properties"})) {
      for (const auto& [name, part] : *properties) {
        const std::string here = fmt::format("{}.properties[{}]", path, std::string_view(name));
        if (part.is_object()) this->schema(part.get_object(), here);
      }
    }
    for (const char* key : {"items", "additionalProperties", "not"}) {
      if (const json::object* part = json::findObject(schema, {key}))
        this->schema(*part, fmt::format("{}.{}", path, key));
    }
    for (const char* key : {"allOf", "anyOf", "oneOf"}) {
      const json::array* list = json::findArray(schema, {key});
      for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
        if ((*list)[i].is_object()) this->schema((*list)[i].get_object(), fmt::format("{}.{}[{}]", path, key, i));
      }
    }
  }

  bool check_defaults_;
};

}  // namespace

std::vector<Cause> checkOpenApiWords(const json::object& schema, const std::string& path, bool check_defaults) {
  std::vector<Cause> causes;
  WordCheck(causes, check_defaults).schema(schema, path, true);
  return causes;
}

}  // namespace slipway::apiserver
