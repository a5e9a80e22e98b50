#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::http {

/// Header fields in their order; names compare without case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  /// The first field of that name, or "".
  std::string_view get(std::string_view name) const;
  std::vector<std::string_view> all(std::string_view name) const;
  bool has(std::string_view name) const;
  /// True if a comma-separated list of that name holds the token, without case.
  bool hasToken(std::string_view name, std::string_view token) const;
  void set(std::string name, std::string value);
  void add(std::string name, std::string value);
  void remove(std::string_view name);
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";  ///< path and query as on the wire
  Headers headers;
  std::string body;

  std::string_view path() const;   ///< still percent-encoded
  std::string_view query() const;  ///< without "?"
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

/// "OK", "Not Found", ...
std::string_view reasonPhrase(int status);

/// Decoded query parameters in order; a name may come several times.
std::vector<std::pair<std::string, std::string>> parseQuery(std::string_view query);

}  // namespace slipway::http
