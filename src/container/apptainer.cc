#include "container/apptainer.h"

#include "base/files.h"
#include "base/strings.h"

namespace slipway::container {

Task<Result<PreparedImage>> ApptainerRuntime::prepare(ImageRequest request) {
  co_return co_await images_->get(std::move(request));
}

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
  if (!spec.read_only_root) launch.argv.emplace_back("--writable-tmpfs");
  for (const Bind& bind : spec.binds) {
    // Nothing can be mounted below /dev but on what the node has there.
    if (bind.target.starts_with("/dev/") && bind.target != "/dev/shm") continue;
    // A mount specification is CSV: quotes allow commas, and double themselves.
    const auto field = [](std::string_view key, std::string_view value) {
      return fmt::format("\"{}={}\"", key, replaceAll(value, "\"", "\"\""));
    };
    launch.argv.push_back("--mount=type=bind," + field("source", bind.source.string()) + "," +
                          field("destination", bind.target) + (bind.read_only ? ",ro" : ""));
  }
  if (!spec.hostname.empty()) {
    launch.argv.emplace_back("--uts");
    launch.argv.push_back("--hostname=" + spec.hostname);
  }
  launch.argv.push_back("--pwd=" + spec.working_dir);
  launch.argv.push_back(spec.image.path.string());
  launch.argv.insert(launch.argv.end(), spec.argv.begin(), spec.argv.end());
  launch.env = host_env_;
  const std::string prefix = name_ == "singularity" ? "SINGULARITYENV_" : "APPTAINERENV_";
  for (const auto& [name, value] : spec.env) {
    // Apptainer sets HOME itself and only warns when it is given.
    if (name != "HOME") launch.env[prefix + name] = value;
  }
  return launch;
}

}  // namespace slipway::container
