#include "apiserver/crd/schema_check.h"

#include "apiserver/crd/cause_list.h"
#include "apiserver/crd/openapi_check.h"
#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

enum class Place { Root, Property, Items, Values };

bool isSet(const json::object& schema, std::string_view key) {
  const json::value* value = schema.if_contains(key);
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  if (value->is_string()) return !value->get_string().empty();
  return !value->is_array() || !value->get_array().empty();
}

/// Whether a schema is structural: each value's type is said once, outside of logic.
class StructureCheck : CauseList {
 public:
  explicit StructureCheck(std::vector<Cause>& causes) : CauseList(causes) {}

  void schema(const json::object& schema, const std::string& path, Place place) {
    type(schema, path, place);
    const json::object* properties = json::findObject(schema, {"properties"});
    const bool embedded = json::isTrue(schema, {"x-kubernetes-embedded-resource"});
    if (place == Place::Root || embedded) metadata(schema, path, place == Place::Root);
    if (embedded) this->embedded(schema, path);
    if (place == Place::Root && isSet(schema, "additionalProperties"))
      forbidden(path + ".additionalProperties", "must not be used at the root");
    if (properties != nullptr) {
      for (const auto& [name, part] : *properties) {
        if (part.is_object()) this->schema(part.get_object(), propertyPath(path, name), Place::Property);
      }
    }
    if (const json::object* items = json::findObject(schema, {"items"}))
      this->schema(*items, path + ".items", Place::Items);
    if (const json::object* more = json::findObject(schema, {"additionalProperties"}))
      this->schema(*more, path + ".additionalProperties", Place::Values);
    logic(schema, path, json::isTrue(schema, {"x-kubernetes-int-or-string"}));
  }

 private:
  void invalid(std::string field, std::string_view bad, std::string_view why) {
    add("FieldValueInvalid", std::move(field), fmt::format("Invalid value: \"{}\": {}", bad, why));
  }
  static std::string propertyPath(const std::string& path, std::string_view name) {
    return fmt::format("{}.properties[{}]", path, name);
  }

  void type(const json::object& schema, const std::string& path, Place place) {
    if (isSet(schema, "$ref")) return;
    const std::string_view type = json::text(schema, {"type"});
    const bool free = json::isTrue(schema, {"x-kubernetes-int-or-string"}) ||
                      json::isTrue(schema, {"x-kubernetes-preserve-unknown-fields"});
    if (place == Place::Root) {
      if (type.empty()) return required(path + ".type", "must not be empty at the root");
      if (type != "object") return invalid(path + ".type", type, "must be object at the root");
    } else if (type.empty() && !free) {
      return required(path + ".type", place == Place::Items ? "must not be empty for specified array items"
                                                            : "must not be empty for specified object fields");
    }
    if (type == "array" && !isSet(schema, "items")) required(path + ".items", "must be specified");
  }

  void metadata(const json::object& schema, const std::string& path, bool root) {
    for (const char* name : {"apiVersion", "kind"}) {
      const json::object* part = json::findObject(schema, {"properties", name});
      const std::string_view type = part == nullptr ? std::string_view() : json::text(*part, {"type"});
      if (!type.empty() && type != "string") invalid(propertyPath(path, name) + ".type", type, "must be string");
    }
    const json::object* part = json::findObject(schema, {"properties", "metadata"});
    if (part == nullptr) return;
    const std::string here = propertyPath(path, "metadata");
    const std::string_view type = json::text(*part, {"type"});
    if (!type.empty() && type != "object") return invalid(here + ".type", type, "must be object");
    if (!root) return;
    for (const auto& [key, value] : *part) {
      const std::string_view name = key;
      bool fine = name == "type" || name == "description" || name == "default" || name == "nullable";
      if (name == "properties" && value.is_object()) {
        fine = std::all_of(value.get_object().begin(), value.get_object().end(), [](const auto& property) {
          return property.key() == "name" || property.key() == "generateName";
        });
      }
      if (fine) continue;
      return forbidden(
          here, "must not specify anything other than name and generateName, but metadata is implicitly specified");
    }
  }

  void embedded(const json::object& schema, const std::string& path) {
    const json::object* properties = json::findObject(schema, {"properties"});
    const bool keeps = json::isTrue(schema, {"x-kubernetes-preserve-unknown-fields"});
    if ((properties == nullptr || properties->empty()) && !keeps) {
      required(path + ".properties",
               "must not be empty if x-kubernetes-embedded-resource is true without "
               "x-kubernetes-preserve-unknown-fields");
    }
    const std::string_view type = json::text(schema, {"type"});
    if (!type.empty() && type != "object")
      invalid(path + ".type", type, "must be object if x-kubernetes-embedded-resource is true");
  }

  /// `{"type": "integer"}, {"type": "string"}`, the only types that logic may say.
  static bool isIntOrString(const json::value* list) {
    static const json::array kBoth{json::object{{"type", "integer"}}, json::object{{"type", "string"}}};
    return list != nullptr && json::equal(*list, json::value(kBoth));
  }

  void logic(const json::object& schema, const std::string& path, bool int_or_string) {
    for (const char* word : {"allOf", "anyOf", "oneOf"}) {
      const json::array* list = json::findArray(schema, {word});
      if (list == nullptr) continue;
      const bool types = int_or_string && std::string_view(word) == "anyOf" && isIntOrString(schema.if_contains(word));
      const bool first = int_or_string && std::string_view(word) == "allOf";
      for (size_t i = 0; i < list->size(); ++i) {
        if (!(*list)[i].is_object()) continue;
        validation((*list)[i].get_object(), fmt::format("{}.{}[{}]", path, word, i), types, first && i == 0);
      }
    }
    if (const json::object* none = json::findObject(schema, {"not"})) validation(*none, path + ".not", false, false);
  }

  /// A schema within logic: it may say how values look, but not what they are.
  void validation(const json::object& schema, const std::string& path, bool type_allowed, bool int_or_string) {
    if (!type_allowed && isSet(schema, "type")) forbidden(path + ".type", "must be empty to be structural");
    for (const char* key : {"title", "description", "x-kubernetes-list-map-keys"}) {
      if (isSet(schema, key)) forbidden(fmt::format("{}.{}", path, key), "must be empty to be structural");
    }
    for (const char* key : {"default", "additionalProperties", "x-kubernetes-list-type", "x-kubernetes-map-type"}) {
      if (const json::value* value = schema.if_contains(key); value != nullptr && !value->is_null())
        forbidden(fmt::format("{}.{}", path, key), "must be undefined to be structural");
    }
    for (const char* key : {"nullable", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource",
                            "x-kubernetes-int-or-string"}) {
      if (json::isTrue(schema, {key})) forbidden(fmt::format("{}.{}", path, key), "must be false to be structural");
    }
    if (const json::object* properties = json::findObject(schema, {"properties"})) {
      for (const auto& [name, part] : *properties) {
        if (part.is_object()) validation(part.get_object(), propertyPath(path, name), false, false);
      }
    }
    if (const json::object* items = json::findObject(schema, {"items"}))
      validation(*items, path + ".items", false, false);
    logic(schema, path, int_or_string);
  }
};

}  // namespace

std::vector<Cause> checkCustomSchema(const json::object& schema, const std::string& path) {
  std::vector<Cause> causes;
  StructureCheck(causes).schema(schema, path, Place::Root);
  std::sort(causes.begin(), causes.end(),
            [](const Cause& a, const Cause& b) { return std::tie(a.field, a.message) < std::tie(b.field, b.message); });
  std::vector<Cause> words = checkOpenApiWords(schema, path, causes.empty());
  std::move(words.begin(), words.end(), std::back_inserter(causes));
  return causes;
}

}  // namespace slipway::apiserver
