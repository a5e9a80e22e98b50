#include "bridge/site_session.h"

#include "async/deadline.h"
#include "base/log.h"
#include "base/strings.h"
#include "bridge/names.h"
#include "kube/stop_after.h"

namespace slipway::bridge {
namespace {

constexpr auto kLookForNodes = std::chrono::milliseconds(50);
constexpr auto kLongestWaitForNodes = std::chrono::seconds(60);

Task<Result<std::unique_ptr<tunnel::ClientCall>>> openStream(std::shared_ptr<tunnel::Channel> channel,
                                                             std::string method, std::string request) {
  CO_TRY(std::unique_ptr<tunnel::ClientCall> call, co_await channel->open(std::move(method)));
  CO_TRY_STATUS(co_await call->send(std::move(request)));
  CO_TRY_STATUS(co_await call->closeSend());
  co_return call;
}

}  // namespace

SiteSession::SiteSession(Executor executor, Shared& shared, std::string cluster)
    : shared_(shared),
      cluster_(std::move(cluster)),
      catalog_(shared.options.nodes.mode, cluster_),
      link_(cluster_),
      health_(shared.clock, shared.options.nodes.disconnect_grace,
              [this](const SiteState& before, const SiteState& now) { nodes_.setSite(before, now); }),
      source_(shared.client, shared.clock, shared.options.pods.keep_fetched),
      nodes_(executor, shared, catalog_, inventory_, cluster_),
      jobs_(executor, shared, catalog_, inventory_, cluster_),
      volumes_(executor, shared, link_, source_),
      runner_(executor, shared, catalog_, inventory_, link_, source_, volumes_),
      group_(executor) {
  inventory_.subscribe(
      [this](const std::string& slurm_node) {
        for (const std::string& name : catalog_.affected(slurm_node, inventory_)) nodes_.enqueue(name);
      },
      [this](uint32_t job_id) {
        if (jobs_open_) jobs_.enqueue(job_id);
      });
}

SiteSession::~SiteSession() = default;

Task<void> SiteSession::run() {
  group_.spawn("node mirror", nodes_.run());
  group_.spawn("job mirror", jobs_.run());
  group_.spawn("pod runner", runner_.run());
  group_.spawn("volumes", volumes_.run());
  group_.spawn("health", health_.run());
  group_.spawn("jobs after nodes", mirrorJobsAfterNodes());
  Task<void> ends = group_.join();
  co_await kube::stopAfter(std::move(ends), group_);
}

Task<void> SiteSession::serve(std::shared_ptr<tunnel::Channel> channel, site::v1::HelloResponse hello) {
  // A newer tunnel wins: the older one is most likely half-open.
  if (current_ != nullptr) current_->set();
  const auto broken = std::make_shared<async::Event>();
  current_ = broken;
  link_.connect(channel);
  health_.setAgentConnected(true);
  jobs_.setSiteUser(hello.user());
  runner_.connected();
  for (const kube::ObjectPtr& node : shared_.nodes.byIndex("cluster", toLabelValue(cluster_))) {
    for (const kube::ObjectPtr& pod : shared_.pods.byIndex("node", std::string(kube::name(*node)))) podChanged(pod);
  }
  log::info("cluster {}: agent {} connected, Slurm {}, user {}", cluster_, hello.agent_version(), hello.slurm_version(),
            hello.user());
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("inventory of " + cluster_, watchInventory(channel, broken));
  group.spawn("pod reports of " + cluster_, watchPods(channel, broken));
  // However this ends, the site is away then.
  struct Leave {
    SiteSession& self;
    const std::shared_ptr<async::Event>& broken;
    ~Leave() { self.left(broken); }
  } const leave{*this, broken};
  Task<void> ends = broken->wait();
  co_await kube::stopAfter(std::move(ends), group);
}

void SiteSession::left(const std::shared_ptr<async::Event>& tunnel) {
  if (current_ != tunnel) return;
  current_.reset();
  link_.disconnect();
  health_.setAgentConnected(false);
  runner_.disconnected();
  log::warn("cluster {}: agent disconnected; nothing is changed until it is back", cluster_);
}

Task<void> SiteSession::watchInventory(std::shared_ptr<tunnel::Channel> channel, std::shared_ptr<async::Event> broken) {
  const Status ended = co_await readInventory(channel);
  if (!ended) log::warn("cluster {}: inventory: {}", cluster_, ended.error().message);
  broken->set();
}

Task<Status> SiteSession::readInventory(std::shared_ptr<tunnel::Channel> channel) {
  const std::string request = site::v1::WatchRequest().SerializeAsString();
  CO_TRY(const std::unique_ptr<tunnel::ClientCall> call, co_await openStream(channel, kWatch, request));
  while (true) {
    Task<Result<std::optional<std::string>>> receive = call->receive();
    CO_TRY(const std::optional<std::string> message,
           co_await async::withDeadline(std::move(receive), shared_.options.inventory_timeout, "inventory"));
    if (!message) co_return Status();
    CO_TRY(site::v1::SiteUpdate update, tunnel::parseMessage<site::v1::SiteUpdate>(*message));
    const bool was_complete = inventory_.complete();
    const bool health = update.has_health();
    inventory_.apply(std::move(update));
    if (health) noticeHealth();
    if (!was_complete && inventory_.complete()) nodes_came_.set();
  }
}

Task<void> SiteSession::watchPods(std::shared_ptr<tunnel::Channel> channel, std::shared_ptr<async::Event> broken) {
  const Status ended = co_await readPods(channel);
  if (!ended) log::warn("cluster {}: pod reports: {}", cluster_, ended.error().message);
  broken->set();
}

Task<Status> SiteSession::readPods(std::shared_ptr<tunnel::Channel> channel) {
  const std::string request = site::v1::WatchPodsRequest().SerializeAsString();
  CO_TRY(const std::unique_ptr<tunnel::ClientCall> call, co_await openStream(channel, kWatchPods, request));
  while (true) {
    // No deadline: a site without pods has nothing to say, and the inventory's stream notices a dead tunnel.
    CO_TRY(const std::optional<std::string> message, co_await call->receive());
    if (!message) co_return Status();
    CO_TRY(site::v1::PodReport report, tunnel::parseMessage<site::v1::PodReport>(*message));
    runner_.take(std::move(report));
  }
}

void SiteSession::noticeHealth() {
  const site::v1::Health& health = inventory_.health();
  if (slurm_ok_ && !health.slurm_ok()) log::warn("cluster {}: Slurm does not answer: {}", cluster_, health.message());
  if (!slurm_ok_ && health.slurm_ok()) log::info("cluster {}: Slurm answers again", cluster_);
  slurm_ok_ = health.slurm_ok();
  health_.setSlurm(slurm_ok_, health.message());
}

bool SiteSession::allNodesShown() {
  for (const auto& [name, node] : inventory_.nodes()) {
    for (const std::string& kube_name : catalog_.affected(name, inventory_)) {
      if (shared_.nodes.get(kube_name) == nullptr) return false;
    }
  }
  return true;
}

Task<void> SiteSession::mirrorJobsAfterNodes() {
  while (true) {
    co_await nodes_came_.wait();
    nodes_came_.reset();
    if (!inventory_.complete()) continue;
    // Pods bound to Nodes that do not exist are deleted by the pod garbage collector. A Node that cannot be made must
    // not hold everything up.
    const SteadyTime began = std::chrono::steady_clock::now();
    while (!allNodesShown() && std::chrono::steady_clock::now() - began < kLongestWaitForNodes) {
      co_await async::sleepFor(kLookForNodes);
    }
    jobs_open_ = true;
    jobs_.enqueueAll();
  }
}

void SiteSession::nodeAdded(const kube::ObjectPtr& node) {
  const std::string name(kube::name(*node));
  catalog_.remember(name, std::string(kube::annotation(*node, annotation::kSlurmNode)));
  nodes_.enqueue(name);
  for (const kube::ObjectPtr& pod : shared_.pods.byIndex("node", name)) podChanged(pod);
  if (jobs_open_) nodes_came_.set();
}

void SiteSession::mirrorPodChanged(uint32_t job_id) {
  if (jobs_open_) jobs_.enqueue(job_id);
}

void SiteSession::podChanged(const kube::ObjectPtr& pod) {
  if (isMirrorPod(*pod)) return;
  runner_.enqueue(std::string(kube::uid(*pod)));
}

}  // namespace slipway::bridge
