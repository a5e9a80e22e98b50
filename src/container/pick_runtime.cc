#include "container/pick_runtime.h"

#include <unistd.h>

#include "base/strings.h"
#include "container/apptainer.h"
#include "container/charliecloud.h"
#include "container/host.h"

namespace slipway::container {

std::filesystem::path findProgram(std::string_view name, std::string_view path) {
  for (const std::string_view folder : split(path, ':')) {
    const std::filesystem::path candidate = std::filesystem::path(folder) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(candidate, error) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Result<std::unique_ptr<ContainerRuntime>> pickRuntime(const std::string& name, const SiteTools& tools) {
  if (name == "host") return std::make_unique<HostRuntime>(tools.env);
  const auto found = tools.env.find("PATH");
  const std::string path = found == tools.env.end() ? "/usr/local/bin:/usr/bin:/bin" : found->second;
  for (const std::string each : {"apptainer", "singularity", "charliecloud"}) {
    if (!name.empty() && name != each) continue;
    const auto program = findProgram(each == "charliecloud" ? "ch-run" : each, path);
    if (program.empty()) continue;
    if (each != "charliecloud") {
      return std::make_unique<ApptainerRuntime>(each, program, tools.images, tools.env, tools.writable_root);
    }
    return std::make_unique<CharliecloudRuntime>(program, tools.images, tools.user, tools.writable_root);
  }
  if (name.empty()) {
    return failure(
        Code::NotFound,
        "no container runtime on this node: none of apptainer, singularity and ch-run is in PATH; install one, or "
        "use the runtime class slipway-host");
  }
  if (name != "apptainer" && name != "singularity" && name != "charliecloud") {
    return failure(Code::Invalid, "\"{}\" is not a container runtime", name);
  }
  return failure(Code::NotFound, "{} is not in PATH on this node", name);
}

}  // namespace slipway::container
