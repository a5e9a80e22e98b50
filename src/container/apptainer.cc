#include "container/apptainer.h"

#include "base/files.h"
#include "base/strings.h"
#include "container/device_folder.h"

namespace slipway::container {

Task<Result<PreparedImage>> ApptainerRuntime::prepare(ImageRequest request) {
  co_return co_await images_->get(std::move(request));
}

namespace {

/// Apptainer sets HOME itself, and takes it from nowhere but this option, whose value has no quoting.
bool passableAsHome(std::string_view value) {
  return value.starts_with("/") && value.find(':') == std::string_view::npos;
}

/// On the node's disk where the kernel gives users an overlay; otherwise in memory, of which Apptainer gives 64 MiB.
Status addWritableLayer(const ContainerSpec& spec, bool own_namespace, Launch& launch) {
  const std::filesystem::path folder = spec.scratch / "overlay";
  if (!own_namespace || folder.string().find_first_of(":,") != std::string::npos) {
    launch.argv.emplace_back("--writable-tmpfs");
    return {};
  }
  TRY_STATUS(makeDirectories(folder, 0700));
  launch.argv.push_back("--overlay=" + folder.string());
  return {};
}

}  // namespace

Result<Launch> ApptainerRuntime::launch(const ContainerSpec& spec) {
  Launch launch;
  launch.argv = {program_.string(),
                 "--quiet",
                 "exec",
                 "--cleanenv",
                 "--no-eval",
                 "--no-home",
                 "--no-mount=tmp,cwd,bind-paths,hostfs",
                 "--no-umask"};
  const bool covers = own_namespace_ && std::any_of(spec.binds.begin(), spec.binds.end(),
                                                    [](const Bind& bind) { return isDevicePath(bind.target); });
  if (covers) {
    // Below the node's /dev nothing can be mounted: Apptainer is shown another one, in a user namespace around it,
    // where setuid programs do not work.
    launch.overlay = Overlay{};
    launch.argv.emplace_back("--userns");
  }
  if (!spec.read_only_root) TRY_STATUS(addWritableLayer(spec, covers, launch));
  for (const Bind& bind : spec.binds) {
    if (isDevicePath(bind.target) && (covers || bind.target != "/dev/shm")) continue;
    TRY(const std::filesystem::path source, stagedSource(bind, spec.scratch, false, launch));
    // A mount specification is CSV: quotes allow commas, and double themselves.
    const auto field = [](std::string_view key, std::string_view value) {
      return fmt::format("\"{}={}\"", key, replaceAll(value, "\"", "\"\""));
    };
    launch.argv.push_back("--mount=type=bind," + field("source", source.string()) + "," +
                          field("destination", bind.target) + (bind.read_only ? ",ro" : ""));
  }
  if (covers) {
    TRY(const std::vector<Bind> devices, makeDeviceFolder(spec.scratch / "dev", spec.binds));
    launch.overlay->binds.insert(launch.overlay->binds.end(), devices.begin(), devices.end());
  }
  if (!spec.hostname.empty()) {
    launch.argv.emplace_back("--uts");
    launch.argv.push_back("--hostname=" + spec.hostname);
  }
  const auto home = spec.env.find("HOME");
  if (home != spec.env.end() && passableAsHome(home->second)) launch.argv.push_back("--home=" + home->second);
  launch.argv.push_back("--pwd=" + spec.working_dir);
  launch.argv.push_back(spec.image.path.string());
  launch.argv.insert(launch.argv.end(), spec.argv.begin(), spec.argv.end());
  launch.env = host_env_;
  const std::string prefix = name_ == "singularity" ? "SINGULARITYENV_" : "APPTAINERENV_";
  for (const auto& [name, value] : spec.env) {
    if (name != "HOME") launch.env[prefix + name] = value;
  }
  return launch;
}

}  // namespace slipway::container
