#include "apiserver/api/openapi_custom.h"

#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

struct Words {
  std::string_view type, field, words;
};

constexpr std::array kWords = {
    Words{"", "apiVersion", "APIVersion defines the version of the schema that this object is written in."},
    Words{"", "kind", "Kind says which resource this object is; it never changes."},
    Words{"", "metadata", "Standard object's metadata."},
    Words{"ObjectMeta", "annotations", "Annotations are free text by key, for tools; nothing is selected by them."},
    Words{"ObjectMeta", "creationTimestamp", "CreationTimestamp is a timestamp that the server sets at the creation."},
    Words{"ObjectMeta", "deletionGracePeriodSeconds", "Seconds that the object is left after its deletion was asked."},
    Words{"ObjectMeta", "deletionTimestamp", "When the object goes; set by the server when a deletion is asked for."},
    Words{"ObjectMeta", "finalizers", "Who must be done with the object before it goes."},
    Words{"ObjectMeta", "generateName", "A prefix: without a name the server makes one of it."},
    Words{"ObjectMeta", "generation", "Grows with each change of what is wanted; set by the server."},
    Words{"ObjectMeta", "labels", "Labels are words by key that objects are selected by."},
    Words{"ObjectMeta", "managedFields", "Who set which fields; kept by the server."},
    Words{"ObjectMeta", "name", "The name, unique among the resource's objects of a namespace."},
    Words{"ObjectMeta", "namespace", "The namespace that the object lives in; it never changes."},
    Words{"ObjectMeta", "ownerReferences", "The objects that this one depends on; without them it goes."},
    Words{"ObjectMeta", "resourceVersion", "Names this very state of the object; set by the server."},
    Words{"ObjectMeta", "selfLink", "No longer set."},
    Words{"ObjectMeta", "uid", "Tells the object from all others, past ones too; set by the server."},
};

bool keepsUnknown(const json::object& schema) {
  return json::isTrue(schema, {"x-kubernetes-preserve-unknown-fields"});
}

void dropRequired(json::object& schema, std::string_view field) {
  json::array* required = json::findArray(schema, {"required"});
  if (required == nullptr) return;
  json::array kept;
  for (json::value& entry : *required) {
    if (!entry.is_string() || std::string_view(entry.get_string()) != field) kept.push_back(std::move(entry));
  }
  *required = std::move(kept);
  if (required->empty()) json::removeKey(schema, "required");
}

void dropJunctors(json::object& schema) {
  for (const char* junctor : {"allOf", "oneOf", "anyOf", "not"}) json::removeKey(schema, junctor);
}

void toVersion2(json::object& schema) {
  dropJunctors(schema);
  const bool nullable = json::isTrue(schema, {"nullable"});
  json::removeKey(schema, "nullable");
  if (nullable) json::removeKey(schema, "type");
  if (nullable || keepsUnknown(schema)) {
    json::removeKey(schema, "items");
    json::removeKey(schema, "properties");
  }
  const std::string_view type = json::text(schema, {"type"});
  if ((type == "array" && !schema.contains("items")) || (type == "object" && keepsUnknown(schema))) {
    json::removeKey(schema, "type");
  }
  if (json::object* properties = json::findObject(schema, {"properties"})) {
    for (auto& [name, property] : *properties) {
      if (!property.is_object()) continue;
      if (json::isTrue(property.get_object(), {"nullable"})) dropRequired(schema, name);
      toVersion2(property.get_object());
    }
  }
  for (const char* nested : {"items", "additionalProperties"}) {
    json::object* inner = json::findObject(schema, {nested});
    if (inner != nullptr) toVersion2(*inner);
  }
}

json::object described(json::object schema, std::string_view field) {
  schema["description"] = describeMetaField("", field);
  return schema;
}

void addOwnFields(json::object& schema, bool v2) {
  json::object& properties = json::ensureObject(schema, "properties");
  for (const char* field : {"apiVersion", "kind"}) properties[field] = described({{"type", "string"}}, field);
  const json::object reference{
      {"$ref", fmt::format("{}{}", v2 ? "#/definitions/" : "#/components/schemas/", kObjectMeta)}};
  properties["metadata"] = described(
      v2 ? reference : json::object{{"default", json::object()}, {"allOf", json::array{reference}}}, "metadata");
}

void addEmbedded(json::object& schema, bool v2) {
  const auto inside = [&](const char* key) {
    if (json::object* inner = json::findObject(schema, {key})) addEmbedded(*inner, v2);
  };
  if (json::object* properties = json::findObject(schema, {"properties"})) {
    for (auto& [name, property] : *properties) {
      if (property.is_object()) addEmbedded(property.get_object(), v2);
    }
  }
  inside("items");
  inside("additionalProperties");
  if (json::isTrue(schema, {"x-kubernetes-embedded-resource"}) && !(v2 && keepsUnknown(schema)))
    addOwnFields(schema, v2);
}

}  // namespace

std::string_view describeMetaField(std::string_view type, std::string_view field) {
  for (const Words& one : kWords) {
    if (one.field == field && one.type == type) return one.words;
  }
  return "";
}

std::string openApiNameOfCustom(const Kind& kind) {
  std::string out;
  for (const std::string_view label : split(kind.group, '.')) {
    out = out.empty() ? std::string(label) : fmt::format("{}.{}", label, out);
  }
  return fmt::format("{}.{}.{}", out, kind.version, kind.kind);
}

json::object openApiOfCustom(const Kind& kind, bool v2) {
  json::object out{{"type", "object"}};
  if (!kind.open_api.empty() && !(v2 && keepsUnknown(kind.open_api))) {
    out = kind.open_api;
    if (v2) toVersion2(out);
    addEmbedded(out, v2);
    addOwnFields(out, v2);
  }
  out["x-kubernetes-group-version-kind"] =
      json::array{json::object{{"group", kind.group}, {"version", kind.version}, {"kind", kind.kind}}};
  return out;
}

}  // namespace slipway::apiserver
