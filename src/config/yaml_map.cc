#include "config/yaml_map.h"

#include <re2/re2.h>

#include "base/clock.h"
#include "base/strings.h"

namespace slipway::config {
namespace {

std::string listOf(const std::set<std::string>& words) {
  return join(std::vector<std::string>(words.begin(), words.end()), ", ");
}

}  // namespace

YamlMap::YamlMap(YAML::Node node, std::string file, std::string path)
    : node_(std::move(node)), file_(std::move(file)), path_(std::move(path)) {
  if (!node_.IsMap()) {
    fail(node_, "", path_.empty() ? "the file is not a mapping of keys to values" : "must be a mapping");
    return;
  }
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (!seen.insert(key).second) fail(entry.first, key, "is there twice");
  }
}

YamlMap YamlMap::parse(const std::string& text, std::string file) {
  try {
    return YamlMap(YAML::Load(text), file, "");
  } catch (const YAML::Exception& e) {
    YamlMap broken(YAML::Node(YAML::NodeType::Map), file, "");
    broken.error_ = Error{Code::Invalid, fmt::format("{}:{}: not YAML: {}", file, e.mark.line + 1, e.msg)};
    return broken;
  }
}

void YamlMap::fail(const YAML::Node& at, const std::string& key, const std::string& what) {
  if (error_) return;
  const int line = at.IsDefined() && at.Mark().line >= 0 ? at.Mark().line + 1 : 1;
  const std::string name = key.empty() ? path_.substr(0, path_.size() - (path_.empty() ? 0 : 1)) : path_ + key;
  error_ = Error{Code::Invalid, fmt::format("{}:{}: {}{}{}", file_, line, name, name.empty() ? "" : ": ", what)};
}

YAML::Node YamlMap::take(const std::string& key, bool required) {
  known_.insert(key);
  if (failed()) return YAML::Node(YAML::NodeType::Undefined);
  const YAML::Node& fixed = node_;  // operator[] of a mutable node would create the key
  YAML::Node found = fixed[key];
  const bool there = found.IsDefined() && !found.IsNull();
  if (!there && required) fail(node_, key, "is missing");
  return there ? found : YAML::Node(YAML::NodeType::Undefined);
}

void YamlMap::text(const std::string& key, std::string& out, bool required) {
  const YAML::Node found = take(key, required);
  if (failed() || !found.IsDefined()) return;
  if (!found.IsScalar()) return fail(found, key, "must be a text");
  if (required && found.Scalar().empty()) return fail(found, key, "is empty");
  out = found.Scalar();
}

void YamlMap::boolean(const std::string& key, bool& out) {
  const YAML::Node found = take(key, false);
  if (failed() || !found.IsDefined()) return;
  if (!YAML::convert<bool>::decode(found, out)) fail(found, key, "must be true or false");
}

void YamlMap::integer(const std::string& key, int64_t& out, int64_t low, int64_t high) {
  const YAML::Node found = take(key, false);
  if (failed() || !found.IsDefined()) return;
  const auto value = found.IsScalar() ? parseInt(found.Scalar()) : std::nullopt;
  if (!value || *value < low || *value > high) {
    return fail(found, key, fmt::format("must be an integer from {} to {}", low, high));
  }
  out = *value;
}

void YamlMap::duration(const std::string& key, std::chrono::nanoseconds& out, std::chrono::nanoseconds low) {
  const YAML::Node found = take(key, false);
  if (failed() || !found.IsDefined()) return;
  if (!found.IsScalar()) return fail(found, key, "must be a duration such as 30s or 1m");
  const auto value = parseDuration(found.Scalar());
  if (!value) return fail(found, key, value.error().message);
  if (*value < low) return fail(found, key, fmt::format("must be at least {}", formatDuration(low)));
  out = *value;
}

void YamlMap::texts(const std::string& key, std::vector<std::string>& out) {
  const YAML::Node found = take(key, false);
  if (failed() || !found.IsDefined()) return;
  if (!found.IsSequence()) return fail(found, key, "must be a list");
  out.clear();
  for (const YAML::Node& item : found) {
    if (!item.IsScalar()) return fail(item, key, "must be a list of texts");
    out.push_back(item.Scalar());
  }
}

void YamlMap::textMap(const std::string& key, std::map<std::string, std::string>& out) {
  const YAML::Node found = take(key, false);
  if (failed() || !found.IsDefined()) return;
  if (!found.IsMap()) return fail(found, key, "must be a mapping");
  out.clear();
  for (const auto& entry : found) {
    if (!entry.first.IsScalar() || !entry.second.IsScalar()) return fail(entry.first, key, "must map texts to texts");
    out[entry.first.Scalar()] = entry.second.Scalar();
  }
}

void YamlMap::regex(const std::string& key, std::string& out) {
  const YAML::Node found = take(key, false);
  if (failed() || !found.IsDefined()) return;
  if (!found.IsScalar()) return fail(found, key, "must be a regular expression");
  const RE2 compiled(found.Scalar(), RE2::Quiet);
  if (!compiled.ok()) {
    return fail(found, key, fmt::format("'{}' is not a regular expression: {}", found.Scalar(), compiled.error()));
  }
  out = found.Scalar();
}

void YamlMap::choice(const std::string& key, std::string& out, const std::vector<std::string>& allowed) {
  const YAML::Node found = take(key, false);
  if (failed() || !found.IsDefined()) return;
  const std::string value = found.IsScalar() ? found.Scalar() : "";
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    return fail(found, key, fmt::format("'{}' is not one of {}", value, join(allowed, ", ")));
  }
  out = value;
}

void YamlMap::map(const std::string& key, const std::function<void(YamlMap&)>& read, bool required) {
  const YAML::Node found = take(key, required);
  if (failed() || !found.IsDefined()) return;
  YamlMap inner(found, file_, path_ + key + ".");
  if (!inner.failed()) read(inner);
  if (auto status = inner.finish(); !status) error_ = status.error();
}

void YamlMap::complain(const std::string& key, const std::string& what) {
  const YAML::Node& fixed = node_;
  fail(fixed[key], key, what);
}

Status YamlMap::finish() {
  for (const auto& entry : node_) {
    if (failed()) break;
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (!known_.contains(key)) fail(entry.first, key, fmt::format("unknown key (known here: {})", listOf(known_)));
  }
  if (error_) return failure(*error_);
  return {};
}

}  // namespace slipway::config
