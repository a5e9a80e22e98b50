#include "supervisor/supervise.h"
#include "supervisor/hub_relay.h"
#include "supervisor/rank.h"

#include <unistd.h>

#include <CLI/App.hpp>
#include <cstring>
#include <memory>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/places.h"
#include "pod/site_settings.h"

extern char** environ;

namespace slipway::cli {
namespace {

std::map<std::string, std::string> wholeEnvironment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const auto [name, value] = splitOnce(*entry, '=');
    out[std::string(name)] = std::string(value);
  }
  return out;
}

/// Out of this process's environment, and so out of what its children get and what /proc shows of it.
void forget(const std::string& name) {
  if (char* const value = ::getenv(name.c_str())) std::fill_n(value, std::strlen(value), '\0');
  ::unsetenv(name.c_str());
}

int superviseMain(const std::string& directory, const std::string& rank_of, uint32_t restart) {
  const auto site = pod::readSiteSettings(directory);
  if (!site) return report(site.error());
  supervisor::SupervisorOptions options;
  options.directory = directory;
  forget("SLURM_JWT");
  options.env = wholeEnvironment();
  options.default_runtime = site->default_runtime;
  if (const std::string scratch = environment("TMPDIR"); !scratch.empty()) options.scratch = scratch;
  options.allow_host_path = site->allow_host_path;
  options.log_limits = site->log_limits;
  options.images.root = site->image_root;
  options.images.local.assign(site->local_images.begin(), site->local_images.end());
  options.images.max_bytes = site->image_bytes;
  options.images.insecure_registries = site->insecure_registries;
  options.images.mirrors = site->registry_mirrors;
  return rank_of.empty() ? supervisor::superviseMain(options) : supervisor::rankMain(options, rank_of, restart);
}

}  // namespace

void addSupervise(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("supervise", "Run the containers of a pod, inside its Slurm job");
  command->group("");  // not for people
  const auto directory = std::make_shared<std::string>();
  command->add_option("--dir", *directory, "The pod's directory")->required();
  const auto rank_of = std::make_shared<std::string>();
  command->add_option("--rank-of", *rank_of, "Run one rank of this container of a pod on several nodes");
  const auto restart = std::make_shared<uint32_t>(0);
  command->add_option("--restart", *restart, "Which start of the container it is");
  const auto relay = std::make_shared<bool>(false);
  command->add_flag("--relay", *relay, "Connect the pod's supervisor on this node to standard input and output");
  command->callback([&context, directory, rank_of, restart, relay] {
    context.action = [directory, rank_of, restart, relay] {
      return *relay ? supervisor::relayMain(*directory) : superviseMain(*directory, *rank_of, *restart);
    };
  });
}

}  // namespace slipway::cli
