#pragma once

#include "container/image_store.h"
#include "container/runtime.h"

namespace slipway::container {

/// Apptainer or SingularityCE: the same command line, and the prefix of the variables that pass the environment
/// differs.
class ApptainerRuntime final : public ContainerRuntime {
 public:
  /// `program` is the absolute path; `name` "apptainer" or "singularity". `host_env` is what the program itself needs
  /// (PATH, HOME, ...).
  /// `own_namespace`: a user may mount in a user namespace here, so that things can be mounted below /dev.
  ApptainerRuntime(std::string name, std::filesystem::path program, std::shared_ptr<ImageSource> images,
                   std::map<std::string, std::string> host_env, bool own_namespace)
      : name_(std::move(name)),
        program_(std::move(program)),
        images_(std::move(images)),
        host_env_(std::move(host_env)),
        own_namespace_(own_namespace) {}

  std::string name() const override { return name_; }
  Task<Result<PreparedImage>> prepare(ImageRequest request) override;
  Result<Launch> launch(const ContainerSpec& spec) override;
  bool isolates() const override { return true; }

 private:
  std::string name_;
  std::filesystem::path program_;
  std::shared_ptr<ImageSource> images_;
  std::map<std::string, std::string> host_env_;
  bool own_namespace_;
};

}  // namespace slipway::container
