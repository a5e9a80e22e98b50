#pragma once

#include <string>
#include <string_view>

#include "apiserver/api/status_error.h"
#include "json/document.h"

namespace slipway::apiserver::meta {

/// metadata of an object, made if it is missing.
json::object& of(json::object& object);
const json::object& of(const json::object& object);

std::string_view text(const json::object& object, std::string_view field);
inline std::string_view name(const json::object& object) {
  return text(object, "name");
}
inline std::string_view nameSpace(const json::object& object) {
  return text(object, "namespace");
}
inline std::string_view uid(const json::object& object) {
  return text(object, "uid");
}
inline std::string_view resourceVersion(const json::object& object) {
  return text(object, "resourceVersion");
}
inline bool deleting(const json::object& object) {
  return !text(object, "deletionTimestamp").empty();
}

bool hasFinalizer(const json::object& object, std::string_view finalizer);
bool hasFinalizers(const json::object& object);
void addFinalizer(json::object& object, std::string_view finalizer);
void removeFinalizer(json::object& object, std::string_view finalizer);

int64_t generation(const json::object& object);

/// Copies a field of `metadata` from one object to the other, or removes it there.
void copyField(const json::object& from, json::object& to, std::string_view field);

}  // namespace slipway::apiserver::meta
