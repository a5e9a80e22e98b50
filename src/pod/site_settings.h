#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "pod/log_pieces.h"

namespace slipway::pod {

/// What agent.yaml says that a supervisor in a job must know: the agent leaves it as `<state>/site.json`, because a job
/// has the state directory and nothing else of the login node.
struct SiteSettings {
  std::string default_runtime;  ///< for pods without a runtimeClassName; "": the first that is there
  std::filesystem::path image_root;
  int64_t image_bytes = 0;  ///< size limit of image_root; 0: none
  LogLimits log_limits;
  bool allow_host_path = true;  ///< volumes that are directories of the node
  std::vector<std::string> local_images;
  std::vector<std::string> insecure_registries;
  std::map<std::string, std::string> registry_mirrors;
};

std::string formatSiteSettings(const SiteSettings& settings);
/// Unknown keys are ignored: the job may be older or newer than the agent.
Result<SiteSettings> parseSiteSettings(std::string_view json);

Status writeSiteSettings(const std::filesystem::path& state, const SiteSettings& settings);
/// Of the state directory that a pod's directory lies in. Without the file: the defaults.
Result<SiteSettings> readSiteSettings(const std::filesystem::path& pod_directory);

}  // namespace slipway::pod
