#include "apiserver/api/object_meta.h"

namespace slipway::apiserver::meta {

json::object& of(json::object& object) {
  return json::ensureObject(object, "metadata");
}

const json::object& of(const json::object& object) {
  static const json::object kNone;
  const json::object* found = json::findObject(object, {"metadata"});
  return found == nullptr ? kNone : *found;
}

std::string_view text(const json::object& object, std::string_view field) {
  return json::text(object, {"metadata", field});
}

bool hasFinalizer(const json::object& object, std::string_view finalizer) {
  const json::array* list = json::findArray(object, {"metadata", "finalizers"});
  return list != nullptr && std::any_of(list->begin(), list->end(), [&](const json::value& entry) {
           return entry.is_string() && entry.get_string() == finalizer;
         });
}

bool hasFinalizers(const json::object& object) {
  const json::array* list = json::findArray(object, {"metadata", "finalizers"});
  return list != nullptr && !list->empty();
}

void addFinalizer(json::object& object, std::string_view finalizer) {
  if (hasFinalizer(object, finalizer)) return;
  json::value& list = of(object)["finalizers"];
  if (!list.is_array()) list = json::array();
  list.get_array().emplace_back(finalizer);
}

void removeFinalizer(json::object& object, std::string_view finalizer) {
  json::array* list = json::findArray(object, {"metadata", "finalizers"});
  if (list == nullptr) return;
  json::array kept;
  for (const json::value& entry : *list) {
    if (!entry.is_string() || entry.get_string() != finalizer) kept.push_back(entry);
  }
  if (kept.empty()) {
    json::removeKey(of(object), "finalizers");
  } else {
    *list = std::move(kept);
  }
}

int64_t generation(const json::object& object) {
  return json::findInt(object, {"metadata", "generation"}).value_or(0);
}

void copyField(const json::object& from, json::object& to, std::string_view field) {
  const json::value* value = of(from).if_contains(field);
  if (value == nullptr) {
    json::removeKey(of(to), field);
  } else {
    of(to)[field] = *value;
  }
}

}  // namespace slipway::apiserver::meta
