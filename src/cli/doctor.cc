#include <unistd.h>

#include <CLI/App.hpp>
#include <iostream>
#include <memory>

#include "async/deadline.h"
#include "async/loop.h"
#include "async/process.h"
#include "base/files.h"
#include "base/strings.h"
#include "cli/command.h"
#include "cli/places.h"
#include "net/tcp.h"
#include "pki/certificate.h"

namespace slipway::cli {
namespace {

using namespace std::chrono_literals;

/// One thing that was looked at.
struct Finding {
  enum class Kind { Good, Warning, Bad } kind;
  std::string what;
  std::string mend;  ///< empty for a good one
};

class Doctor {
 public:
  explicit Doctor(config::AgentConfig config) : config_(std::move(config)) {}

  Task<std::vector<Finding>> examine() {
    co_await slurm();
    co_await runtimes();
    stateDirectory();
    certificates();
    co_await controller();
    co_return std::move(findings_);
  }

 private:
  void good(std::string what) { findings_.push_back({Finding::Kind::Good, std::move(what), ""}); }
  void warning(std::string what, std::string mend) {
    findings_.push_back({Finding::Kind::Warning, std::move(what), std::move(mend)});
  }
  void bad(std::string what, std::string mend) {
    findings_.push_back({Finding::Kind::Bad, std::move(what), std::move(mend)});
  }

  Task<Result<async::ProcessResult>> run(std::vector<std::string> argv) {
    async::Command command;
    command.argv = std::move(argv);
    command.timeout = 15s;
    if (environment("USER").empty()) command.environment["USER"] = "nobody";  // ch-run wants one
    co_return co_await runner_.run(std::move(command));
  }

  Task<void> slurm() {
    const std::string prefix = config_.slurm_bin_dir.empty() ? "" : config_.slurm_bin_dir + "/";
    for (const char* program : {"sbatch", "scancel", "scontrol"}) {
      std::vector<std::string> argv{prefix + program, "--version"};
      const auto result = co_await run(std::move(argv));
      if (!result) {
        bad(fmt::format("{} cannot be run: {}", program, result.error().message),
            "load Slurm's module before starting the agent, or set slurmConfig.binDir");
      } else if (result->exit_code != 0) {
        bad(fmt::format("{} fails: {}", program, trim(result->errors)),
            "is Slurm configured on this host (/etc/slurm/slurm.conf or SLURM_CONF)?");
      } else if (std::string_view(program) == "sbatch") {
        good(fmt::format("{} is here", trim(result->output)));
      }
    }
    std::vector<std::string> ping{prefix + "scontrol", "ping"};
    const auto answer = co_await run(std::move(ping));
    if (answer && answer->exit_code == 0 && answer->output.find("UP") != std::string::npos) {
      good("slurmctld answers");
    } else {
      bad("slurmctld does not answer", "is this a login node of the cluster? `scontrol ping` must say UP");
    }
  }

  Task<void> runtimes() {
    std::vector<std::string> found;
    for (const char* program : {"apptainer", "singularity", "ch-run"}) {
      std::vector<std::string> argv{program, "--version"};
      const auto result = co_await run(std::move(argv));
      if (result && result->exit_code == 0) {
        const std::string text = result->output.empty() ? result->errors : result->output;
        found.push_back(fmt::format("{} ({})", program, trim(text)));
      }
    }
    if (found.empty()) {
      warning("no container runtime on this host: apptainer, singularity or charliecloud",
              "compute nodes need one of them, unless all pods use the RuntimeClass slipway-host");
    } else {
      good("container runtime: " + join(found, ", "));
    }
  }

  void stateDirectory() {
    const std::filesystem::path directory = stateDirectoryOf(config_);
    const auto probe = directory / ".doctor";
    Status made = makeDirectories(directory, 0700);
    if (made) made = writeFileAtomic(probe, "x", 0600);
    std::error_code ignored;
    std::filesystem::remove(probe, ignored);
    if (!made) {
      bad(fmt::format("stateDir {} cannot be written: {}", directory.string(), made.error().message),
          "choose another stateDir, on a file system that the compute nodes see");
      return;
    }
    good(fmt::format("stateDir {} can be written", directory.string()));
    for (const std::string_view local : {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/"}) {
      if ((directory.string() + "/").starts_with(local)) {
        warning(fmt::format("stateDir {} looks local to this host", directory.string()),
                "the compute nodes must see it under the same path");
      }
    }
  }

  void certificates() {
    const auto now = SystemClock().now();
    if (auto valid = pki::verifyIssuedBy(config_.mtls.certificate, config_.mtls.ca, now); !valid) {
      bad("the client certificate is not valid: " + valid.error().message,
          "slipway config renew, or config generate for a new pair");
      return;
    }
    const auto certificate = pki::parseCertificate(config_.mtls.certificate);
    const auto days = std::chrono::duration_cast<std::chrono::hours>(certificate->not_after - now).count() / 24;
    if (days < 30) {
      warning(fmt::format("the client certificate expires in {} days", days), "slipway config renew");
    } else {
      good(fmt::format("the client certificate is valid for {} more days", days));
    }
  }

  Task<void> controller() {
    const auto where = net::parseHostPort(config_.endpoint, 443);
    if (!where) co_return;
    auto dialing = net::dialTcp(*where);
    const auto stream = co_await async::withDeadline(std::move(dialing), 10s, "connecting to " + where->str());
    if (stream) {
      good(fmt::format("the controller's port at {} takes connections", where->str()));
    } else {
      bad(fmt::format("the controller at {} cannot be reached: {}", where->str(), stream.error().message),
          "check endpoint; behind a proxy set proxy or HTTPS_PROXY");
    }
  }

  config::AgentConfig config_;
  async::SystemProcessRunner runner_;
  std::vector<Finding> findings_;
};

Task<std::vector<Finding>> examine(std::shared_ptr<Doctor> doctor) {
  co_return co_await doctor->examine();
}

int runDoctor(const std::string& path) {
  const auto config = config::loadAgentConfig(path);
  if (!config) return report(config.error());
  const auto findings = async::runToEnd(examine(std::make_shared<Doctor>(*config)));
  int bad = 0;
  for (const Finding& finding : findings) {
    const char* mark = finding.kind == Finding::Kind::Good  ? "ok  "
                       : finding.kind == Finding::Kind::Bad ? "BAD "
                                                            : "warn";
    std::cout << mark << " " << finding.what << "\n";
    if (!finding.mend.empty()) std::cout << "     → " << finding.mend << "\n";
    if (finding.kind == Finding::Kind::Bad) ++bad;
  }
  return bad == 0 ? kDone : kFailed;
}

}  // namespace

void addDoctor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("doctor", "Say what this host lacks for the agent, each with its mend");
  const auto path = std::make_shared<std::string>("agent.yaml");
  command->add_option("-c,--config", *path, "The agent's file")->capture_default_str();
  command->callback([&context, path] { context.action = [path] { return runDoctor(*path); }; });
}

}  // namespace slipway::cli
