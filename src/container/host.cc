#include "container/host.h"

namespace slipway::container {

Task<Result<PreparedImage>> HostRuntime::prepare(ImageRequest request) {
  PreparedImage image;
  image.id = "host:" + request.image;
  // The node's own PATH is the right one here.
  co_return image;
}

Result<Launch> HostRuntime::launch(const ContainerSpec& spec) {
  Launch launch;
  launch.argv = spec.argv;
  launch.env = base_;
  for (const auto& [name, value] : spec.env) launch.env[name] = value;
  if (spec.working_dir != "/") launch.working_directory = spec.working_dir;
  return launch;
}

}  // namespace slipway::container
