#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/files.h"
#include "container/image_config.h"

namespace slipway::container {

struct Credentials {
  std::string registry;
  std::string username;
  std::string password;
};

enum class PullPolicy { Always, IfNotPresent, Never };
PullPolicy parsePullPolicy(std::string_view text);

struct ImageRequest {
  std::string image;  ///< as in the pod
  PullPolicy policy = PullPolicy::IfNotPresent;
  std::vector<Credentials> credentials;
  std::function<void()> pulling;  ///< called when a registry is about to be asked, perhaps twice; may be empty
};

/// An image that is ready to run.
struct PreparedImage {
  std::filesystem::path path;  ///< a directory or a .sif; empty on the host
  std::string id;              ///< "sha256:...", or the path for local ones
  ImageConfig config;
};

struct Bind {
  std::filesystem::path source;  ///< on the node; exists
  std::string target;            ///< absolute, in the container
  bool read_only = false;
  /// The source as it was when it was found fit: a path of which containers may change a part is mounted only if it
  /// still leads there. Null: the path says it.
  std::shared_ptr<const FileDescriptor> opened;
};

/// All that a runtime has to know of one start of a container.
struct ContainerSpec {
  PreparedImage image;
  std::vector<std::string> argv;           ///< by the image's rules; not empty
  std::map<std::string, std::string> env;  ///< the whole environment
  std::string working_dir = "/";
  std::vector<Bind> binds;  ///< in order: a parent before what lies in it
  bool read_only_root = false;
  int64_t user = -1;   ///< as which the program sees itself; -1: as who it is
  int64_t group = -1;  ///< likewise
  std::string hostname;
  std::filesystem::path scratch;  ///< a directory of this start's own, on the node's local disk
};

/// What is mounted in a user namespace of the container's own before argv is executed: a writable layer over the image
/// (with an empty `merged` there is none), and binds.
struct Overlay {
  std::filesystem::path lower;
  std::filesystem::path upper;
  std::filesystem::path work;
  std::filesystem::path merged;
  std::string hostname;     ///< set in a UTS namespace of its own; empty: the node's
  std::vector<Bind> binds;  ///< made in order before the program starts; targets are paths on the node
};

/// What to execute.
struct Launch {
  std::vector<std::string> argv;           ///< argv[0] is an absolute path or is looked up in `env`'s PATH
  std::map<std::string, std::string> env;  ///< whole
  std::string working_directory;           ///< on the node; empty: the caller's
  std::optional<Overlay> overlay;
};

/// Port to what runs containers at a site. Errors of prepare(): NotFound (no such image), Unauthorized, Invalid (not a
/// reference), ServiceUnavailable (again later); the message is for people.
class ContainerRuntime {
 public:
  virtual ~ContainerRuntime() = default;
  /// "host", "charliecloud", "apptainer", "singularity".
  virtual std::string name() const = 0;
  virtual Task<Result<PreparedImage>> prepare(ImageRequest request) = 0;
  /// Makes mount points and the like under `scratch`, and says what to execute.
  virtual Result<Launch> launch(const ContainerSpec& spec) = 0;
  /// Whether a container has a file system of its own: volumes can be mounted, and a further process is started in it
  /// by joining its namespaces. On the host neither.
  virtual bool isolates() const = 0;
  /// Whether a program can see itself as another user (ContainerSpec::user) by a user namespace.
  virtual bool mapsUsers() const { return false; }
  /// What it cannot do on this node, a sentence each that names the field of the pod.
  virtual std::vector<std::string> shortcomings() const { return {}; }
};

}  // namespace slipway::container
