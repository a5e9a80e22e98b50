#include "http/message.h"

#include <algorithm>

#include "base/strings.h"

namespace slipway::http {

std::string_view Headers::get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (equalsIgnoreCase(field.first, name)) return field.second;
  }
  return "";
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const Field& field : fields_) {
    if (equalsIgnoreCase(field.first, name)) out.push_back(field.second);
  }
  return out;
}

bool Headers::has(std::string_view name) const {
  return std::any_of(begin(), end(), [&](const Field& field) { return equalsIgnoreCase(field.first, name); });
}

bool Headers::hasToken(std::string_view name, std::string_view token) const {
  for (const Field& field : fields_) {
    if (!equalsIgnoreCase(field.first, name)) continue;
    for (const std::string_view part : split(field.second, ',')) {
      if (equalsIgnoreCase(trim(part), token)) return true;
    }
  }
  return false;
}

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return equalsIgnoreCase(field.first, name); });
}

std::string_view Request::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const {
  return splitOnce(target, '?').second;
}

std::string_view reasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

std::vector<std::pair<std::string, std::string>> parseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const auto [name, value] = splitOnce(part, '=');
    out.emplace_back(percentDecode(name, true), percentDecode(value, true));
  }
  return out;
}

}  // namespace slipway::http
