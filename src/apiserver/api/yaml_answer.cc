#include "apiserver/api/yaml_answer.h"

#include <algorithm>
#include <vector>

#include "json/yaml.h"

namespace slipway::apiserver {
namespace {

/// Whether a text reads back as itself without quotes. Anything in doubt is quoted.
bool isPlain(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  const auto harmless = [](char c) {
    return (std::isalnum(static_cast<unsigned char>(c)) != 0) ||
           std::string_view(" _./-+()$=@:").find(c) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), harmless)) return false;
  if (text.find(": ") != std::string_view::npos) return false;
  const char first = text.front();
  if (std::isalpha(static_cast<unsigned char>(first)) == 0 && first != '/' && first != '_' && first != '$')
    return false;
  if (text.size() > 5) return true;
  const Result<json::value> back = json::yamlToJson(text);
  return back && back->is_string();
}

std::string scalar(const json::value& value) {
  if (value.is_string() && isPlain(value.get_string())) return std::string(value.get_string());
  return json::serialize(value);
}

bool isBlock(const json::value& value) {
  return (value.is_object() && !value.get_object().empty()) || (value.is_array() && !value.get_array().empty());
}

void write(std::string& out, const json::value& value, size_t depth);

/// The entries of an object; the first one may stand on a line that has begun.
void writeObject(std::string& out, const json::object& object, size_t depth, bool begun) {
  std::vector<std::string_view> keys;
  keys.reserve(object.size());
  for (const auto& [key, part] : object) keys.emplace_back(key);
  std::sort(keys.begin(), keys.end());
  for (const std::string_view key : keys) {
    if (!begun) out.append(depth, ' ');
    begun = false;
    const json::value& part = object.at(key);
    out += scalar(json::value(key));
    out += ':';
    if (!isBlock(part)) {
      out += ' ';
      out += scalar(part);
      out += '\n';
      continue;
    }
    out += '\n';
    write(out, part, part.is_array() ? depth : depth + 2);
  }
}

void write(std::string& out, const json::value& value, size_t depth) {
  if (!isBlock(value)) {
    out += scalar(value);
    out += '\n';
    return;
  }
  if (value.is_object()) return writeObject(out, value.get_object(), depth, false);
  for (const json::value& part : value.get_array()) {
    out.append(depth, ' ');
    out += "- ";
    if (part.is_object() && isBlock(part)) {
      writeObject(out, part.get_object(), depth + 2, true);
    } else if (isBlock(part)) {
      out += '\n';
      write(out, part, depth + 2);
    } else {
      write(out, part, 0);
    }
  }
}

}  // namespace

std::string asYaml(const json::value& document) {
  std::string out;
  write(out, document, 0);
  return out;
}

}  // namespace slipway::apiserver
