#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::config {

/// Reads one YAML mapping strictly: each key at most once, no key that nobody asked for, every error with its place
/// ("agent.yaml:7: pollInterval: ..."). Ask for all keys, then call finish(); the first error of all is kept.
/// For this module's .cc files only.
class YamlMap {
 public:
  /// The document's top mapping. A text that is no YAML, or no mapping, is the first error.
  static YamlMap parse(const std::string& text, std::string file);

  void text(const std::string& key, std::string& out, bool required = false);
  void boolean(const std::string& key, bool& out);
  void integer(const std::string& key, int64_t& out, int64_t low, int64_t high);
  /// Go's durations, or an integer of nanoseconds as Supernetes writes; at least `low`.
  void duration(const std::string& key, std::chrono::nanoseconds& out, std::chrono::nanoseconds low);
  void texts(const std::string& key, std::vector<std::string>& out);
  void textMap(const std::string& key, std::map<std::string, std::string>& out);
  /// A regular expression (RE2, matched unanchored as Supernetes does).
  void regex(const std::string& key, std::string& out);
  /// One of the given words.
  void choice(const std::string& key, std::string& out, const std::vector<std::string>& allowed);
  /// A nested mapping; `read` is called only if it is there.
  void map(const std::string& key, const std::function<void(YamlMap&)>& read, bool required = false);

  /// An error about a key that was read, found by the caller: a value that does not fit with another.
  void complain(const std::string& key, const std::string& what);
  /// The first error, unknown keys included.
  Status finish();

 private:
  YamlMap(YAML::Node node, std::string file, std::string path);
  YAML::Node take(const std::string& key, bool required);
  void fail(const YAML::Node& at, const std::string& key, const std::string& what);
  bool failed() const { return error_.has_value(); }

  YAML::Node node_;
  std::string file_;
  std::string path_;  ///< "slurmConfig.filter." before the keys in errors
  std::set<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace slipway::config
