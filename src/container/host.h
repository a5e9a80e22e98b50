#pragma once

#include "container/runtime.h"

namespace slipway::container {

/// No container: the command runs on the node as it is, for sites without a runtime and for tests. The image's name
/// means nothing. Volumes cannot be mounted; SLIPWAY_VOLUME_<NAME> tells where each lies.
class HostRuntime final : public ContainerRuntime {
 public:
  /// `base` is the environment that every command inherits.
  explicit HostRuntime(std::map<std::string, std::string> base) : base_(std::move(base)) {}

  std::string name() const override { return "host"; }
  Task<Result<PreparedImage>> prepare(ImageRequest request) override;
  Result<Launch> launch(const ContainerSpec& spec) override;
  bool isolates() const override { return false; }

 private:
  std::map<std::string, std::string> base_;
};

}  // namespace slipway::container
