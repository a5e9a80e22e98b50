#include "supervisor/supervise.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>

#include "async/process.h"
#include "base/guarded_files.h"
#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "container/charliecloud.h"
#include "container/pick_runtime.h"
#include "net/tcp.h"
#include "pod/phase.h"
#include "supervisor/hub_relay.h"
#include "supervisor/identity.h"
#include "supervisor/job_facts.h"
#include "supervisor/network_files.h"
#include "supervisor/pod_service.h"
#include "supervisor/scratch_sweep.h"
#include "tunnel/endpoint.h"
#include "tunnel/guarded.h"

namespace slipway::supervisor {
namespace {

namespace fs = std::filesystem;
using site::v1::PodReport;

constexpr std::chrono::seconds kLinger{5};
// With it whoever has it is the user, for as long as it lasts: no container gets it.
constexpr std::string_view kSlurmToken = "SLURM_JWT";

std::string get(const std::map<std::string, std::string>& env, const std::string& name, std::string otherwise = "") {
  const auto found = env.find(name);
  return found == env.end() || found->second.empty() ? otherwise : found->second;
}

/// What a container gets of the job's environment.
std::map<std::string, std::string> passedOn(const std::map<std::string, std::string>& env) {
  constexpr std::string_view kPrefixes[] = {"SLURM_",
                                            "SLURMD_NODENAME",
                                            "PMI_",
                                            "PMIX_",
                                            "CUDA_VISIBLE_DEVICES",
                                            "ROCR_VISIBLE_DEVICES",
                                            "HIP_VISIBLE_DEVICES",
                                            "GPU_DEVICE_ORDINAL",
                                            "ZE_AFFINITY_MASK"};
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : env) {
    if (name == kSlurmToken) continue;
    if (std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                    [&](auto prefix) { return name.starts_with(prefix); })) {
      out[name] = value;
    }
  }
  return out;
}

/// Whether the kernel lets this user mount a writable layer in a user namespace.
bool overlayWorks(const fs::path& scratch) {
  const fs::path probe = scratch / "overlay-probe";
  SpawnOptions options;
  options.launch.argv = {"/bin/true"};
  options.launch.overlay =
      container::Overlay{probe / "lower", probe / "upper", probe / "work", probe / "merged", "", {}};
  for (const char* each : {"lower", "upper", "work", "merged"}) {
    if (!makeDirectories(probe / each)) return false;
  }
  const auto spawned = spawn(options);
  if (spawned) ::waitpid(spawned->pid, nullptr, 0);
  if (!spawned) log::info("no writable layer over images here: {}", spawned.error().message);
  return spawned.has_value() || spawned.error().stage == SpawnFailure::Stage::Program;
}

}  // namespace

JobFacts factsOf(const SupervisorOptions& options) {
  JobFacts facts;
  facts.pod_ips = nodeAddresses();
  facts.host_ips = facts.pod_ips;
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  facts.node = get(options.env, "SLURMD_NODENAME", name);
  facts.env = passedOn(options.env);
  return facts;
}

namespace {

/// Endpoints of the hub, tried in turn.
class FirstOf final : public net::Dialer {
 public:
  explicit FirstOf(std::vector<std::unique_ptr<net::Dialer>> dialers) : dialers_(std::move(dialers)) {}
  Task<Result<net::StreamPtr>> dial() override {
    Result<net::StreamPtr> last = failure(Code::ServiceUnavailable, "no endpoint");
    for (const auto& dialer : dialers_) {
      last = co_await dialer->dial();
      if (last) break;
    }
    co_return std::move(last);
  }
  std::string target() const override { return dialers_.empty() ? "nowhere" : dialers_.front()->target(); }

 private:
  std::vector<std::unique_ptr<net::Dialer>> dialers_;
};

Result<std::shared_ptr<net::Dialer>> hubDialer(const pod::HubFile& hub) {
  TRY(const auto tls, hubTls(hub));
  std::vector<std::unique_ptr<net::Dialer>> dialers;
  for (const std::string& endpoint : hub.endpoints) {
    TRY(const auto where, net::parseHostPort(endpoint));
    dialers.push_back(
        net::tlsDialer(net::tcpDialer(where), tls, hub.server_name.empty() ? where.host : hub.server_name));
  }
  return std::make_shared<FirstOf>(std::move(dialers));
}

Task<void> serveHub(pod::PodDirectory directory, std::filesystem::path scratch,
                    std::shared_ptr<const tunnel::Service> service, LivePlan& live) {
  const auto hub = pod::readHubFile(directory);
  if (!hub || hub->endpoints.empty()) {
    log::info("no hub: the pod is reported by files only");
    live.hubIs(false, true);
    co_return;
  }
  auto dialer = hubDialer(*hub);
  if (!dialer) {
    log::warn("hub: {}", dialer.error().message);
    live.hubIs(false, true);
    co_return;
  }
  SystemRandom random;
  tunnel::TunnelOptions options;
  options.reconnect = {.initial = std::chrono::milliseconds(200), .max = std::chrono::seconds(30)};
  options.authority = hub->server_name;
  options.metadata = {{"pod-uid", live.plan().pod_uid()}, {"attempt", std::to_string(live.plan().attempt())}};
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("hub relay", serveRelay(directory, std::move(scratch), *hub, service, options));
  tunnel::DialingEnd end(*dialer, std::move(service), options, random, [&live](bool connected, const std::string& why) {
    log::info("hub: {}", connected ? "connected" : why);
    live.hubIs(connected);
  });
  Task<void> body = end.run();
  co_await tunnel::guarded(std::move(body), group);
}

Task<void> stopOnSignals(PodSupervisor& supervisor, ReportBoard& board, int64_t grace_seconds) {
  const Executor executor = co_await async::thisExecutor();
  asio::signal_set signals(executor, SIGTERM, SIGINT);
  while (true) {
    co_await signals.async_wait(asio::use_awaitable);
    // Not the pod's deletion, which comes as a Stop: requeue, preemption, the time limit or scancel. The agent adds
    // what Slurm says of the job.
    if (!supervisor.stopping()) {
      board.update([](PodReport& report) {
        report.set_reason("Error");
        report.set_message(std::string(pod::kToldToEnd));
      });
    }
    supervisor.stop(gracePeriod(grace_seconds), "Error", std::string(pod::kToldToEnd));
  }
}

void finalReport(ReportBoard& board, const PodOutcome& outcome) {
  board.update([&](PodReport& report) {
    report.set_stage(outcome.succeeded ? PodReport::SUCCEEDED : PodReport::FAILED);
    report.set_reason(outcome.reason);
    report.clear_wants_secrets();
    report.set_message(outcome.message);
    report.set_finished_at_ns(board.nowNs());
  });
  board.flush();
}

}  // namespace

Result<std::unique_ptr<container::ContainerRuntime>> runtimeFor(const SupervisorOptions& options,
                                                                const site::v1::PodPlan& plan, const Scratch& scratch) {
  TRY_STATUS(makePrivateDirectory(scratch.disk));
  container::ImageStoreOptions images = options.images;
  images.credentials = (scratch.memory.empty() ? scratch.disk : scratch.memory) / "auth";
  if (images.root.empty()) images.root = fs::path(get(options.env, "HOME", "/tmp")) / ".slipway/images";
  container::SiteTools tools;
  tools.env = options.env;
  tools.env.erase(std::string(kSlurmToken));
  tools.user = get(options.env, "USER", get(options.env, "LOGNAME", "user"));
  tools.images = std::make_shared<container::ImageStore>(images, std::make_shared<async::SystemProcessRunner>());
  const std::string& runtime = plan.runtime().empty() ? options.default_runtime : plan.runtime();
  tools.writable_root = runtime == "host" || overlayWorks(scratch.disk);
  return container::pickRuntime(runtime, tools);
}

namespace {

Task<int> supervisePod(const SupervisorOptions& options, site::v1::PodPlan read_plan) {
  const Executor executor = co_await async::thisExecutor();
  const pod::PodDirectory directory(options.directory);
  const SystemClock clock;
  ReportBoard board(read_plan, directory, clock);
  LivePlan live(std::move(read_plan), directory, board, options.timing);
  const site::v1::PodPlan& plan = live.plan();
  const std::string name = fmt::format("slipway-{}-{}", plan.pod_uid(), plan.attempt());
  PodVolumes volumes({options.scratch / name, options.memory / name});
  const JobFacts facts = factsOf(options);
  board.update([&](PodReport& report) {
    report.set_node(facts.node);
    report.set_job_id(static_cast<uint32_t>(parseInt(get(options.env, "SLURM_JOB_ID")).value_or(0)));
    report.set_slurm_restarts(static_cast<uint32_t>(parseInt(get(options.env, "SLURM_RESTART_COUNT")).value_or(0)));
    for (const std::string& ip : facts.pod_ips) report.add_pod_ips(ip);
  });
  Status made = volumes.makeScratch();
  const auto held = made ? holdFolders(volumes.scratch()) : failure(made.error());
  if (!held) made = failure(held.error());
  if (made && !options.allow_host_path) made = checkHostPathsAllowed(plan);
  if (!made) {
    board.event("Warning", "FailedMount", made.error().message);
    finalReport(board, {false, 1, "FailedMount", made.error().message});
    co_return 1;
  }
  auto runtime = runtimeFor(options, plan, volumes.scratch());
  if (!runtime) {
    board.event("Warning", "FailedCreatePodSandBox", runtime.error().message);
    finalReport(board, {false, 1, "RuntimeMissing", runtime.error().message});
    co_return 1;
  }
  if (const Status fine = checkIdentities(plan, **runtime, ::geteuid(), ::getegid()); !fine) {
    board.event("Warning", "InvalidPod", fine.error().message);
    finalReport(board, {false, 1, "InvalidPod", fine.error().message});
    co_return 1;
  }
  PodContext context{plan,
                     directory,
                     board,
                     **runtime,
                     volumes,
                     clock,
                     facts,
                     options.timing,
                     options.log_limits,
                     &live,
                     stepOf(plan, options.env)};
  PodSupervisor supervisor(std::move(context), executor);
  PodService service(supervisor);
  async::TaskGroup group(executor);
  group.spawn("report", board.run());
  group.spawn("sweep", sweepScratch(options.scratch, options.memory));
  group.spawn("signals", stopOnSignals(supervisor, board, plan.grace_seconds()));
  group.spawn("hub", serveHub(directory, volumes.scratch().disk, service.service(), live));
  const PodOutcome outcome = co_await supervisor.run();
  finalReport(board, outcome);
  co_await service.delivered(kLinger);
  co_await group.stop();
  co_return outcome.exit_code;
}

}  // namespace

Task<int> runSupervisor(SupervisorOptions options) {
  auto plan = pod::readPlan(pod::PodDirectory(options.directory));
  if (!plan) {
    log::error("supervise {}: {}", options.directory.string(), plan.error().message);
    co_return 1;
  }
  if (!pod::isSafeFileName(plan->pod_uid())) {
    log::error("supervise {}: \"{}\" is not a pod's uid", options.directory.string(), plan->pod_uid());
    co_return 1;
  }
  co_return co_await supervisePod(options, std::move(*plan));
}

}  // namespace slipway::supervisor
