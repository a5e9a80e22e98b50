#include "container/charliecloud.h"

#include "base/files.h"
#include "container/device_folder.h"
#include "container/mount_points.h"

namespace slipway::container {
namespace {

/// Variables that would act on ch-run itself on the way, or that it changes: given as arguments, the rest as
/// environment.
bool actsOnTheLoader(std::string_view name) {
  return name.starts_with("LD_") || name == "TMPDIR" || name == "HOME";
}

}  // namespace

Task<Result<PreparedImage>> CharliecloudRuntime::prepare(ImageRequest request) {
  CO_TRY(PreparedImage image, co_await images_->get(std::move(request)));
  std::error_code error;
  if (!std::filesystem::is_directory(image.path, error)) {
    co_return failure(Code::Invalid, "image {}: Charliecloud needs a directory", image.path.string());
  }
  co_return image;
}

std::vector<std::string> CharliecloudRuntime::shortcomings() const {
  if (writable_root_) return {};
  return {
      "volumeMounts.readOnly: the kernel of this node gives users no overlay (it is older than 5.11, or forbids user "
      "namespaces), so mounts stay writable and images read-only"};
}

Result<Launch> CharliecloudRuntime::launch(const ContainerSpec& spec) {
  Launch launch;
  std::filesystem::path root = spec.image.path;
  std::vector<Bind> devices;
  if (writable_root_) {
    Overlay overlay{root, spec.scratch / "upper", spec.scratch / "work", spec.scratch / "root", spec.hostname, {}};
    for (const auto& directory : {overlay.upper, overlay.work, overlay.merged}) TRY_STATUS(makeDirectories(directory));
    TRY_STATUS(makeMountPoints(root, overlay.upper, spec.binds));
    TRY(devices, makeDeviceFolder(spec.scratch / "dev", spec.binds));
    root = overlay.merged;
    launch.overlay = overlay;
  }
  launch.argv = {ch_run_.string(), "--no-passwd"};
  if (writable_root_ && !spec.read_only_root) launch.argv.emplace_back("--write");
  if (spec.user >= 0) launch.argv.push_back(fmt::format("--uid={}", spec.user));
  if (spec.group >= 0) launch.argv.push_back(fmt::format("--gid={}", spec.group));
  for (const Bind& bind : spec.binds) {
    if (launch.overlay && isDevicePath(bind.target)) continue;  // in the device folder already
    // ch-run cannot bind read-only, but a bind of a read-only mount is one.
    TRY(const std::filesystem::path source, stagedSource(bind, spec.scratch, true, launch));
    launch.argv.push_back("--bind=" + source.string() + ":" + bind.target);
  }
  if (launch.overlay) launch.overlay->binds.insert(launch.overlay->binds.end(), devices.begin(), devices.end());
  launch.argv.push_back("--cd=" + spec.working_dir);
  launch.argv.emplace_back("--env-no-expand");
  launch.env = {{"USER", user_}};
  for (const auto& [name, value] : spec.env) {
    if (actsOnTheLoader(name)) {
      launch.argv.push_back("--set-env=" + name + "=" + value);
    } else {
      launch.env[name] = value;
    }
  }
  launch.argv.push_back(root.string());
  launch.argv.emplace_back("--");
  launch.argv.insert(launch.argv.end(), spec.argv.begin(), spec.argv.end());
  return launch;
}

}  // namespace slipway::container
