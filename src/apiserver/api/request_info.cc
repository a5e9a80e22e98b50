#include "apiserver/api/request_info.h"

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

std::vector<std::string> pathParts(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(path, '/')) {
    if (!part.empty()) parts.push_back(percentDecode(part));
  }
  return parts;
}

std::string verbOf(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return {};
}

/// A list that names one object by field selector is authorised as that object.
std::string nameInFieldSelector(std::string_view selector) {
  for (const std::string_view term : split(selector, ',')) {
    if (!term.starts_with("metadata.name=")) continue;
    std::string_view value = term.substr(term.find('=') + 1);
    if (value.starts_with('=')) value.remove_prefix(1);
    return std::string(value);
  }
  return {};
}

}  // namespace

std::string_view Query::get(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return {};
}

bool Query::has(std::string_view name) const {
  return std::any_of(values_.begin(), values_.end(), [&](const auto& entry) { return entry.first == name; });
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> found;
  for (const auto& [key, value] : values_) {
    if (key == name) found.push_back(value);
  }
  return found;
}

bool Query::flag(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value != "0" && !equalsIgnoreCase(value, "false");
  }
  return false;
}

RequestInfo readRequestInfo(const http::Request& request, const Query& query) {
  RequestInfo info;
  info.path = percentDecode(request.path());
  info.verb = toLower(request.method);
  std::vector<std::string> parts = pathParts(request.path());
  if (parts.size() < 3 || (parts[0] != "api" && parts[0] != "apis")) return info;
  size_t at = 1;
  if (parts[0] == "apis") {
    if (parts.size() < 4) return info;
    info.group = parts[at++];
  }
  info.version = parts[at++];
  info.is_resource = true;
  info.verb = verbOf(request.method);

  // Deprecated: /api/v1/watch/...
  bool old_watch = false;
  if (parts[at] == "watch" && parts.size() > at + 1) {
    old_watch = true;
    ++at;
  }
  std::vector<std::string> rest(parts.begin() + static_cast<std::ptrdiff_t>(at), parts.end());
  if (rest[0] == "namespaces" && rest.size() > 1) {
    info.ns = rest[1];
    // namespaces/x/pods is about pods; namespaces/x/status is about the namespace.
    if (rest.size() > 2 && rest[2] != "status" && rest[2] != "finalize") rest.erase(rest.begin(), rest.begin() + 2);
  }
  info.resource = rest[0];
  if (rest.size() > 1) info.name = rest[1];
  if (rest.size() > 2) info.subresource = rest[2];
  if (rest.size() > 3) info.rest.assign(rest.begin() + 3, rest.end());

  if (info.name.empty() && info.verb == "get") {
    info.verb = query.flag("watch") || old_watch ? "watch" : "list";
    info.name = nameInFieldSelector(query.get("fieldSelector"));
  } else if (old_watch && info.verb == "get") {
    info.verb = "watch";
  }
  if (info.name.empty() && info.verb == "delete") info.verb = "deletecollection";
  return info;
}

}  // namespace slipway::apiserver
