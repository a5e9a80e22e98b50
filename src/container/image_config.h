#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::container {

/// What an image says about how to run it (the "config" of an OCI image).
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  ///< "NAME=value"
  std::string working_dir;
  std::string user;
};

/// From the JSON of an OCI or Docker image configuration, or of its "config" member alone.
Result<ImageConfig> parseImageConfig(std::string_view json);
std::string formatImageConfig(const ImageConfig& config);

/// Kubernetes' table: a command replaces ENTRYPOINT and CMD, args alone replace CMD. Invalid if nothing is left to run.
Result<std::vector<std::string>> effectiveCommand(const ImageConfig& image, const std::vector<std::string>& command,
                                                  const std::vector<std::string>& args);

/// The image's environment with the container's over it; PATH has a default.
std::map<std::string, std::string> effectiveEnvironment(const ImageConfig& image,
                                                        const std::map<std::string, std::string>& container);

}  // namespace slipway::container
