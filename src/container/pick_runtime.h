#pragma once

#include <memory>

#include "container/image_store.h"
#include "container/runtime.h"

namespace slipway::container {

struct SiteTools {
  std::map<std::string, std::string> env;  ///< of this process: PATH, HOME, USER, ...
  std::string user;
  std::shared_ptr<ImageSource> images;
  bool writable_root = true;
};

/// The runtime of that name, or with "" the first that is there: apptainer, singularity, charliecloud. Invalid for an
/// unknown name, NotFound when it is not installed: the message says what to do.
Result<std::unique_ptr<ContainerRuntime>> pickRuntime(const std::string& name, const SiteTools& tools);

/// The absolute path of a program in a PATH; empty if it is not there.
std::filesystem::path findProgram(std::string_view name, std::string_view path);

}  // namespace slipway::container
