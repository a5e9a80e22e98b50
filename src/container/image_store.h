#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "async/process.h"
#include "container/image_cache.h"
#include "container/image_reference.h"
#include "container/runtime.h"

namespace slipway::container {

/// Where images come from: what a runtime asks.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual Task<Result<PreparedImage>> get(ImageRequest request) = 0;
};

struct ImageStoreOptions {
  std::filesystem::path root;                ///< shared by all jobs of the user; made when missing
  std::vector<std::filesystem::path> local;  ///< folders whose directories and .sif files may be images; "/" for all
  std::vector<std::string> insecure_registries;  ///< "localhost:5000": plain HTTP or unknown certificates
  std::map<std::string, std::string> mirrors;    ///< registry → host[:port] that is asked instead
  std::chrono::nanoseconds pull_timeout = std::chrono::minutes(30);
  std::filesystem::path credentials;  ///< folder of this process's own, in memory, for what a tool has to read of them;
                                      ///< made 0700. Empty: below root
  int64_t max_bytes = 0;              ///< of all converted images; those used longest ago go first; 0: no limit
};

/// Images as directories under `root`, one for each digest, whatever number of jobs asks at once: a conversion goes to
/// a temporary directory under a lock file and takes its place by one rename.
///
///   root/sha256-<digest>/rootfs, config.json     a converted image
///   root/names/<sha256 of the reference>         digest that the name had when it was last looked up
///   root/lock/<digest>                           flock(2) of the job that converts
///   root/use/<digest>                            flock(2), shared, of each job that runs it (image_cache.h)
///
/// Needs skopeo and umoci on the node where it runs; local directories and .sif files need nothing.
class ImageStore final : public ImageSource {
 public:
  ImageStore(ImageStoreOptions options, std::shared_ptr<async::ProcessRunner> runner)
      : options_(std::move(options)), runner_(std::move(runner)), cache_(options_.root, options_.max_bytes, runner_) {}

  Task<Result<PreparedImage>> get(ImageRequest request) override;

 private:
  /// Where skopeo is to ask, and how.
  struct Source {
    std::string name;  ///< "docker://..."
    bool insecure = false;
    std::filesystem::path auth_file;  ///< credentials, which must not be seen in a command line; may be empty
  };
  Result<PreparedImage> local(const std::string& image) const;
  Result<PreparedImage> stored(const std::string& digest) const;
  std::filesystem::path nameFile(const ImageReference& reference) const;
  Result<Source> sourceOf(const ImageReference& reference, const ImageRequest& request) const;
  Task<Result<std::string>> resolveDigest(ImageReference reference, ImageRequest request);
  Task<Result<PreparedImage>> convert(ImageReference reference, ImageRequest request, std::string digest);
  Task<Status> download(ImageReference reference, ImageRequest request, std::string digest, std::filesystem::path work);

  ImageStoreOptions options_;
  std::shared_ptr<async::ProcessRunner> runner_;
  ImageCache cache_;
};

/// A directory's own configuration, where one lies beside it (config.json) or in it (.slipway/config.json,
/// ch/config.pulled.json); an empty one if there is none.
ImageConfig configOfDirectory(const std::filesystem::path& directory);

}  // namespace slipway::container
