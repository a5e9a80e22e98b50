#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace slipway::apiserver {

/// Decoded query parameters.
class Query {
 public:
  Query() = default;
  explicit Query(std::string_view text) : values_(http::parseQuery(text)) {}

  /// The first value of that name, or "".
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  /// Go's reading of a boolean parameter: anything but "", "0" and "false" is true.
  bool flag(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// What a request is about, read from its path and method as apiserver's RequestInfoFactory reads it. Authorization,
/// audit and routing all go by it.
struct RequestInfo {
  bool is_resource = false;  ///< below /api/<version> or /apis/<group>/<version>, with a resource
  std::string path;          ///< decoded
  std::string verb;          ///< get, list, watch, create, update, patch, delete, deletecollection; else the method
  std::string group;
  std::string version;
  std::string ns;
  std::string resource;
  std::string subresource;
  std::string name;
  std::vector<std::string> rest;  ///< path parts after the subresource, for proxies

  std::string apiVersion() const { return group.empty() ? version : group + "/" + version; }
};

RequestInfo readRequestInfo(const http::Request& request, const Query& query);

}  // namespace slipway::apiserver
