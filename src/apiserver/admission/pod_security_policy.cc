#include "apiserver/admission/pod_security_policy.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver::pod_security {
namespace {

std::string_view levelName(Level level) {
  switch (level) {
    case Level::Privileged:
      return "privileged";
    case Level::Baseline:
      return "baseline";
    case Level::Restricted:
      break;
  }
  return "restricted";
}

std::optional<Level> parseLevel(std::string_view text) {
  for (const Level level : {Level::Privileged, Level::Baseline, Level::Restricted}) {
    if (levelName(level) == text) return level;
  }
  return std::nullopt;
}

/// "latest", or "v1.N" with N as people write numbers.
std::optional<int64_t> parseMinor(std::string_view text) {
  if (text == "latest") return kLatest;
  if (!text.starts_with("v1.")) return std::nullopt;
  const std::string_view digits = text.substr(3);
  const bool is_number = digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (!is_number || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  return parseInt(digits);
}

/// The labels of one namespace, read one after another.
class LabelReader {
 public:
  LabelReader(const json::object& labels, std::vector<Cause>& problems) : labels_(labels), problems_(problems) {}

  std::optional<std::string_view> find(std::string_view mode) const {
    const json::value* value = labels_.if_contains(key(mode));
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view(value->get_string());
  }
  /// Whether the level stands there and is one.
  bool readLevel(std::string_view mode, Level if_bad, LevelVersion& into) {
    const auto text = find(mode);
    if (!text) return false;
    const auto level = parseLevel(*text);
    if (!level) note(mode, *text, "must be one of privileged, baseline, restricted");
    into.level = level.value_or(if_bad);
    return level.has_value();
  }
  void readVersion(std::string_view mode, LevelVersion& into) {
    const std::string name = fmt::format("{}-version", mode);
    const auto text = find(name);
    if (!text) return;
    const auto minor = parseMinor(*text);
    if (!minor) note(name, *text, "must be \"latest\" or \"v1.x\"");
    into.minor = minor.value_or(kLatest);
  }

 private:
  static std::string key(std::string_view mode) { return fmt::format("{}{}", kLabelPrefix, mode); }
  void note(std::string_view mode, std::string_view value, std::string_view why) {
    problems_.push_back({"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", value, why),
                         fmt::format("metadata.labels[{}]", key(mode))});
  }

  const json::object& labels_;
  std::vector<Cause>& problems_;
};

}  // namespace

std::string LevelVersion::str() const {
  if (minor == kLatest) return fmt::format("{}:latest", levelName(level));
  return fmt::format("{}:v1.{}", levelName(level), minor);
}

bool Policy::isPrivileged() const {
  return enforce.level == Level::Privileged && audit.level == Level::Privileged && warn.level == Level::Privileged;
}

Policy readPolicy(const json::object* labels, std::vector<Cause>& problems) {
  Policy policy;
  if (labels == nullptr) return policy;
  LabelReader reader(*labels, problems);
  const bool enforces = reader.readLevel("enforce", Level::Restricted, policy.enforce);
  reader.readVersion("enforce", policy.enforce);
  reader.readLevel("audit", Level::Privileged, policy.audit);
  reader.readVersion("audit", policy.audit);
  reader.readLevel("warn", Level::Privileged, policy.warn);
  reader.readVersion("warn", policy.warn);
  // What is enforced on pods is worth a warning on what makes pods.
  if (enforces && !reader.find("warn") && policy.enforce.level > policy.warn.level) {
    policy.warn.level = policy.enforce.level;
    if (!reader.find("warn-version")) policy.warn.minor = policy.enforce.minor;
  }
  return policy;
}

}  // namespace slipway::apiserver::pod_security
