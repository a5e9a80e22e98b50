#include "agent/agent.h"

#include "async/deadline.h"
#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "tunnel/guarded.h"

namespace slipway::agent {
namespace {

constexpr auto kConfigRetry = std::chrono::seconds(10);

Task<void> joinAll(async::TaskGroup& group) {
  co_await group.join();
}

}  // namespace

Agent::Agent(Executor executor, AgentOptions options, slurm::Driver& driver, const Clock& clock)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      driver_(driver),
      clock_(clock),
      service_(std::make_shared<tunnel::Service>()) {
  addHandlers();
}

Agent::~Agent() = default;

Status Agent::start() {
  TRY_STATUS(makeDirectories(options_.state_dir, 0700));
  TRY(SubmissionJournal journal, SubmissionJournal::open(options_.state_dir / "journal"));
  TRY_STATUS(loadId());
  AttemptOptions attempts = options_.attempts;
  attempts.state_dir = options_.state_dir;
  attempts.binary = options_.binary;
  attempts.default_partition = options_.default_partition;
  attempts.default_account = options_.default_account;
  attempts_ = std::make_unique<Attempts>(std::move(attempts), driver_, std::move(journal), clock_);
  inventory_ = std::make_unique<Inventory>("", options_.uid, options_.filter);
  HubOptions hub{.listen = options_.hub_listen, .addresses = options_.hub_addresses, .state_dir = options_.state_dir};
  hub_ = std::make_unique<Hub>(
      executor_, std::move(hub), clock_,
      [this](const std::string& key, site::v1::PodReport report) { attempts_->report(key, std::move(report)); },
      [this](const std::string& key, bool connected) { attempts_->setConnected(key, connected); });
  TRY_STATUS(hub_->open());
  StepRelayOptions relays = options_.relays;
  relays.binary = options_.binary;
  relays_ = std::make_unique<StepRelays>(
      executor_, driver_, std::move(relays), [this] { return hub_->here(); },
      [this](const std::string& key) { return hub_->channel(key); });
  courier_ = std::make_unique<SecretsCourier>(executor_, *attempts_, *hub_);
  attempts_->setHub([this](std::string key, int64_t grace) { return stopSupervisor(std::move(key), grace); },
                    [this](const std::string& uid, uint32_t attempt) { return hub_->hubFile(uid, attempt); });
  // Of the last start, for when Slurm is away at this one.
  const auto kept = readFile(options_.state_dir / "cluster");
  if (!options_.cluster.empty()) {
    setCluster(options_.cluster);
  } else if (kept && !trim(*kept).empty()) {
    setCluster(std::string(trim(*kept)));
  }
  return {};
}

/// Tells this agent from another one that has a copy of its certificate: it lies in the state directory, and goes when
/// that is copied to another host and its journal with it.
Status Agent::loadId() {
  const auto file = options_.state_dir / "agent-id";
  const auto kept = readFile(file);
  if (kept && !trim(*kept).empty()) {
    id_ = trim(*kept);
    return {};
  }
  SystemRandom random;
  id_ = random.uuid();
  return writeFileAtomic(file, id_ + "\n", 0600);
}

void Agent::setCluster(std::string cluster) {
  cluster_ = std::move(cluster);
  inventory_->setCluster(cluster_);
  attempts_->setCluster(cluster_);
  const Status kept = writeFileAtomic(options_.state_dir / "cluster", cluster_ + "\n", 0600);
  if (!kept) log::warn("{}", kept.error().message);
  cluster_known_.set();
}

Task<void> Agent::run() {
  async::TaskGroup group(executor_);
  group.spawn("hub", hub_->run());
  group.spawn("job steps", relays_->run());
  group.spawn("cluster", learnCluster());
  group.spawn("poll", pollForEver());
  group.spawn("secrets", courier_->run());
  group.spawn("cancellations", attempts_->runCancellations());
  Task<void> body = joinAll(group);
  co_await tunnel::guarded(std::move(body), group);
}

Task<void> Agent::learnCluster() {
  while (true) {
    const auto config = co_await driver_.config();
    if (config) {
      slurm_version_ = config->version;
      attempts_->setMinJobAge(std::chrono::seconds(config->min_job_age_seconds));
      if (options_.cluster.empty() && cluster_ != config->cluster_name) setCluster(config->cluster_name);
      co_return;
    }
    inventory_->setHealth(false, config.error().message, std::chrono::system_clock::to_time_t(clock_.now()));
    co_await async::sleepFor(kConfigRetry);
  }
}

Task<void> Agent::pollForEver() {
  co_await cluster_known_.wait();
  while (true) {
    attempts_->wantsPoll().reset();
    co_await pollOnce();
    // A poll that somebody waits for comes earlier, but never at more than four times the rate.
    const std::chrono::nanoseconds least = options_.poll_interval / 4;
    co_await async::sleepFor(least);
    co_await attempts_->wantsPoll().waitFor(options_.poll_interval - least);
  }
}

Task<void> Agent::pollOnce() {
  const int64_t began = attempts_->ticks();
  const auto begin = std::chrono::steady_clock::now();
  inventory_->begin();
  ++figures_.polls;
  const auto summary = co_await driver_.poll(*inventory_);
  figures_.last_poll_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  figures_.slurm_ok = summary.has_value();
  const int64_t now = std::chrono::system_clock::to_time_t(clock_.now());
  if (!summary) {
    ++figures_.failed_polls;
    if (inventory_->health().slurm_ok()) log::warn("Slurm's inventory: {}", summary.error().message);
    inventory_->setHealth(false, summary.error().message, now);
    attempts_->slurmAway();
    co_return;
  }
  inventory_->commit();
  const std::string unreadable = summary->unreadable == 0 ? ""
                                                          : fmt::format("{} records are left out: {}",
                                                                        summary->unreadable, summary->unreadable_first);
  inventory_->setHealth(true, unreadable, now);
  std::vector<OwnJob> own = inventory_->ownJobs();
  co_await attempts_->observe(std::move(own), began);
}

Task<bool> Agent::stopSupervisor(std::string key, int64_t grace) {
  const std::shared_ptr<tunnel::Channel> channel = hub_->channel(key);
  if (!channel) co_return false;
  site::v1::CancelRequest request;
  request.set_pod_uid(std::string(splitOnce(key, '/').first));
  request.set_grace_seconds(grace);
  // The supervisor answers when it has begun to stop, not when it is done.
  const auto answer = co_await tunnel::callUnary<site::v1::CancelResponse>(channel, "/slipway.site.v1.Pod/Stop",
                                                                           request, std::chrono::seconds(5));
  if (!answer && !answer.error().is(Code::Timeout)) log::warn("pod {}: stop: {}", key, answer.error().message);
  co_return answer.has_value();
}

AgentFigures Agent::figures() const {
  AgentFigures figures = figures_;
  if (inventory_) {
    figures.nodes = inventory_->nodes();
    figures.jobs = inventory_->jobs();
  }
  if (attempts_) figures.pods = attempts_->all().size();
  if (hub_) figures.supervisors = hub_->supervisors();
  return figures;
}

}  // namespace slipway::agent
