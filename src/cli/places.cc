#include "cli/places.h"

#include <cstdlib>

#include "base/strings.h"

namespace slipway::cli {
namespace fs = std::filesystem;

namespace {

/// NO_PROXY: "*", host names, and suffixes with or without a leading dot.
bool exempt(const std::string& host) {
  std::string list = environment("NO_PROXY");
  if (list.empty()) list = environment("no_proxy");
  for (std::string_view entry : split(list, ',')) {
    entry = trim(entry);
    if (entry == "*") return true;
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty()) continue;
    if (equalsIgnoreCase(host, entry) || toLower(host).ends_with("." + toLower(entry))) return true;
  }
  return false;
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path stateDirectoryOf(const config::AgentConfig& config) {
  if (!config.state_dir.empty()) return fs::absolute(config.state_dir);
  const std::string state = environment("XDG_STATE_HOME");
  if (!state.empty()) return fs::path(state) / "slipway";
  return fs::path(environment("HOME")) / ".local" / "state" / "slipway";
}

std::string proxyFor(const config::AgentConfig& config, const std::string& host) {
  if (config.proxy == "none") return "";
  if (!config.proxy.empty()) return config.proxy;
  if (exempt(host)) return "";
  const std::string upper = environment("HTTPS_PROXY");
  return upper.empty() ? environment("https_proxy") : upper;
}

std::string ownBinary() {
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/exe", error);
  return error ? "slipway" : path.string();
}

}  // namespace slipway::cli
