#pragma once

#include "container/image_store.h"
#include "container/runtime.h"

namespace slipway::container {

/// Charliecloud's ch-run on image directories. The root is made writable by an overlay on the node's local disk, where
/// the kernel lets a user do so (5.11); `writable_root` false: the image is read-only and must have all mount points.
class CharliecloudRuntime final : public ContainerRuntime {
 public:
  CharliecloudRuntime(std::filesystem::path ch_run, std::shared_ptr<ImageSource> images, std::string user,
                      bool writable_root)
      : ch_run_(std::move(ch_run)), images_(std::move(images)), user_(std::move(user)), writable_root_(writable_root) {}

  std::string name() const override { return "charliecloud"; }
  Task<Result<PreparedImage>> prepare(ImageRequest request) override;
  Result<Launch> launch(const ContainerSpec& spec) override;
  bool isolates() const override { return true; }
  bool mapsUsers() const override { return true; }
  std::vector<std::string> shortcomings() const override;

 private:
  std::filesystem::path ch_run_;
  std::shared_ptr<ImageSource> images_;
  std::string user_;
  bool writable_root_;
};

}  // namespace slipway::container
