#include "kube/resource.h"

namespace slipway::kube {

const json::value* find(const Object& object, std::initializer_list<std::string_view> path) {
  const Object* here = &object;
  const json::value* found = nullptr;
  for (const std::string_view key : path) {
    if (here == nullptr) return nullptr;
    found = here->if_contains(key);
    if (found == nullptr) return nullptr;
    here = found->if_object();
  }
  return found;
}

std::string_view text(const Object& object, std::initializer_list<std::string_view> path) {
  const json::value* found = find(object, path);
  const json::string* string = found == nullptr ? nullptr : found->if_string();
  return string == nullptr ? std::string_view() : std::string_view(string->data(), string->size());
}

int64_t integer(const Object& object, std::initializer_list<std::string_view> path, int64_t otherwise) {
  const json::value* found = find(object, path);
  if (found == nullptr) return otherwise;
  if (found->is_int64()) return found->get_int64();
  if (found->is_uint64()) return static_cast<int64_t>(found->get_uint64());
  if (found->is_double()) return static_cast<int64_t>(found->get_double());
  return otherwise;
}

bool boolean(const Object& object, std::initializer_list<std::string_view> path, bool otherwise) {
  const json::value* found = find(object, path);
  return found != nullptr && found->is_bool() ? found->get_bool() : otherwise;
}

const Object& child(const Object& object, std::initializer_list<std::string_view> path) {
  static const Object kNone;
  const json::value* found = find(object, path);
  return found != nullptr && found->is_object() ? found->get_object() : kNone;
}

const Object& objectOf(const json::value& item) {
  static const Object kNone;
  const Object* object = item.if_object();
  return object == nullptr ? kNone : *object;
}

std::string_view textOf(const json::value& item) {
  const json::string* string = item.if_string();
  return string == nullptr ? std::string_view() : std::string_view(string->data(), string->size());
}

const json::array& items(const Object& object, std::initializer_list<std::string_view> path) {
  static const json::array kNone;
  const json::value* found = find(object, path);
  return found != nullptr && found->is_array() ? found->get_array() : kNone;
}

Object& ensure(Object& object, std::initializer_list<std::string_view> path) {
  Object* here = &object;
  for (const std::string_view key : path) {
    json::value& next = (*here)[key];
    if (!next.is_object()) next.emplace_object();
    here = &next.get_object();
  }
  return *here;
}

std::string_view name(const Object& object) {
  return text(object, {"metadata", "name"});
}
std::string_view nameSpace(const Object& object) {
  return text(object, {"metadata", "namespace"});
}
std::string_view uid(const Object& object) {
  return text(object, {"metadata", "uid"});
}
std::string_view resourceVersion(const Object& object) {
  return text(object, {"metadata", "resourceVersion"});
}

std::string key(const Object& object) {
  const std::string_view ns = nameSpace(object);
  return ns.empty() ? std::string(name(object)) : fmt::format("{}/{}", ns, name(object));
}

std::string_view label(const Object& object, std::string_view name) {
  return text(object, {"metadata", "labels", name});
}

std::string_view annotation(const Object& object, std::string_view name) {
  return text(object, {"metadata", "annotations", name});
}

}  // namespace slipway::kube
