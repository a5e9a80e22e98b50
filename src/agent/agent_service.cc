// The calls of the Site service.
#include "agent/agent.h"
#include "agent/logs.h"
#include "agent/proxy.h"
#include "base/log.h"
#include "slurm/states.h"

namespace slipway::agent {

using tunnel::ServerCall;

namespace {

constexpr std::string_view kSite = "/slipway.site.v1.Site/";
constexpr std::string_view kPod = "/slipway.site.v1.Pod/";

template <typename Message>
Task<Status> answer(ServerCall& call, Message message) {
  std::string bytes = message.SerializeAsString();
  co_return co_await call.send(std::move(bytes));
}

}  // namespace

void Agent::addHandlers() {
  const auto on = [this](std::string_view rpc, Task<Status> (Agent::*handler)(ServerCall&)) {
    service_->on(std::string(kSite) + std::string(rpc),
                 [this, handler](ServerCall& call) { return (this->*handler)(call); });
  };
  on("Hello", &Agent::hello);
  on("Watch", &Agent::watch);
  on("Submit", &Agent::submit);
  on("Cancel", &Agent::cancel);
  on("WatchPods", &Agent::watchPods);
  on("Logs", &Agent::logs);
  on("Exec", &Agent::exec);
  on("PortForward", &Agent::portForward);
  for (const std::string rpc : {"Stats", "UpdateVolumes", "AddContainers"}) {
    service_->on(std::string(kSite) + rpc, [this, rpc](ServerCall& call) { return forPod(call, rpc); });
  }
}

Task<Status> Agent::hello(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::HelloRequest>(call));
  const bool known = co_await cluster_known_.waitFor(std::chrono::seconds(10));
  if (!known) {
    co_return failure(Code::ServiceUnavailable, "the agent does not know its cluster's name yet: {}",
                      inventory_->health().message());
  }
  log::info("a controller of version {} is connected", request.controller_version());
  site::v1::HelloResponse response;
  response.set_cluster(cluster_);
  response.set_agent_version(options_.version);
  response.set_slurm_version(slurm_version_);
  response.set_user(options_.user);
  response.set_home(options_.home);
  response.set_default_partition(options_.default_partition);
  response.set_default_account(options_.default_account);
  response.set_agent_id(id_);
  co_return co_await answer(call, std::move(response));
}

Task<Status> Agent::watch(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::WatchRequest>(call));
  Inventory::Cursor cursor;
  while (true) {
    std::vector<std::string> updates = inventory_->updatesSince(cursor);
    if (updates.empty()) {
      // No wait between the look and this: a change cannot slip through.
      const bool change = co_await inventory_->changed().waitFor(options_.heartbeat);
      if (!change) updates.emplace_back();
    }
    for (std::string& update : updates) CO_TRY_STATUS(co_await call.send(std::move(update)));
  }
}

Task<Status> Agent::submit(ServerCall& call) {
  CO_TRY(auto request, co_await tunnel::receiveRequest<site::v1::SubmitRequest>(call));
  if (cluster_.empty()) {
    co_return failure(Code::ServiceUnavailable, "the agent does not know its cluster's name yet: {}",
                      inventory_->health().message());
  }
  const std::string name = fmt::format("pod {}/{}", request.plan().namespace_(), request.plan().name());
  const auto job = co_await attempts_->submit(std::move(*request.mutable_plan()));
  if (!job) co_return failure(job.error());
  log::info("{} is job {}", name, *job);
  site::v1::SubmitResponse response;
  response.set_job_id(*job);
  co_return co_await answer(call, std::move(response));
}

Task<Status> Agent::cancel(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::CancelRequest>(call));
  CO_TRY(const bool existed, attempts_->cancel(request.pod_uid(), request.grace_seconds()));
  site::v1::CancelResponse response;
  response.set_existed(existed);
  co_return co_await answer(call, std::move(response));
}

Task<Status> Agent::watchPods(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::WatchPodsRequest>(call));
  uint64_t version = 0;
  while (true) {
    const std::vector<site::v1::PodReport> reports = attempts_->reportsSince(version);
    if (reports.empty()) co_await attempts_->changed().wait();
    for (const site::v1::PodReport& report : reports) CO_TRY_STATUS(co_await call.send(report.SerializeAsString()));
  }
}

std::shared_ptr<tunnel::Channel> Agent::channelOf(const std::string& uid) const {
  const Attempt* attempt = attempts_->find(uid);
  if (attempt == nullptr) return nullptr;
  return hub_->channel(SubmissionJournal::keyOf(uid, attempt->entry.attempt));
}

Task<Status> Agent::toSupervisor(ServerCall& call, std::string uid, std::string rpc, std::string first) {
  const std::shared_ptr<tunnel::Channel> channel = channelOf(uid);
  if (channel) co_return co_await proxyCall(call, channel, std::string(kPod) + rpc, std::move(first));
  const Attempt* attempt = attempts_->find(uid);
  if (attempt == nullptr) co_return failure(Code::NotFound, "pod {}: this agent does not know it", uid);
  // Figures are asked for all the time: nothing is started for them.
  if (attempt->phase == Phase::Active && rpc != "Stats") {
    const std::string key = SubmissionJournal::keyOf(uid, attempt->entry.attempt);
    const std::string node = attempt->job.node;
    const auto reached = co_await relays_->reach(key, attempt->entry.job_id, attempts_->directoryOf(*attempt).path());
    if (reached) co_return co_await proxyCall(call, reached->channel, std::string(kPod) + rpc, std::move(first));
    co_return failure(Code::ServiceUnavailable,
                      "pod {}: the supervisor on {} is not connected: it starts, or the compute node cannot reach the "
                      "agent (port {}; see hub addresses in agent.yaml); and by Slurm: {}",
                      uid, node, hub_->port(), reached.error().message);
  }
  if (attempt->phase == Phase::Active) {
    co_return failure(Code::ServiceUnavailable, "pod {}: the supervisor on {} is not connected", uid,
                      attempt->job.node);
  }
  co_return failure(Code::Conflict, "pod {}: it does not run (job {} is {})", uid, attempt->entry.job_id,
                    nameOf(attempt->phase));
}

Task<Status> Agent::logs(ServerCall& call) {
  CO_TRY(auto request, co_await tunnel::receiveRequest<site::v1::LogsRequest>(call));
  if (request.job_id() != 0) {
    const uint32_t id = request.job_id();
    auto job = inventory_->findJob(id);
    if (!job) co_return failure(Code::NotFound, "job {}: Slurm does not show it any more", id);
    const auto runs = [this, id] {
      const auto now = inventory_->findJob(id);
      if (!now) return false;
      const slurm::State state = slurm::parseJobState(now->state());
      return !slurm::isFinal(state) || now->flags_size() > 0;
    };
    co_return co_await serveJobOutput(call, std::move(request), std::move(*job), runs);
  }
  const std::string uid = request.pod_uid();
  const Attempt* attempt = attempts_->find(uid);
  if (attempt == nullptr) co_return failure(Code::NotFound, "pod {}: this agent does not know it", uid);
  const uint32_t number = attempt->entry.attempt;
  const auto runs = [this, uid, number, container = request.container()] {
    const Attempt* now = attempts_->find(uid);
    if (now == nullptr || now->entry.attempt != number || isOver(now->phase)) return false;
    const auto& reports = now->supervisor.containers();
    return std::none_of(reports.begin(), reports.end(), [&container](const site::v1::ContainerReport& report) {
      return report.name() == container && report.has_terminated();
    });
  };
  LogSources sources{[this, uid] { return channelOf(uid); }, attempts_->directoryOf(*attempt), runs, clock_};
  co_return co_await servePodLogs(call, std::move(request), std::move(sources));
}

Task<Status> Agent::exec(ServerCall& call) {
  CO_TRY(auto first, co_await call.receive());
  if (!first) co_return failure(Code::BadRequest, "exec: no start message");
  CO_TRY(const auto input, tunnel::parseMessage<site::v1::ExecInput>(*first));
  co_return co_await toSupervisor(call, input.start().pod_uid(), "Exec", std::move(*first));
}

Task<Status> Agent::portForward(ServerCall& call) {
  CO_TRY(auto first, co_await call.receive());
  if (!first) co_return failure(Code::BadRequest, "port-forward: no first message");
  CO_TRY(const auto data, tunnel::parseMessage<site::v1::PortData>(*first));
  co_return co_await toSupervisor(call, data.pod_uid(), "PortForward", std::move(*first));
}

/// Stats and the like: `pod_uid` is field 1 of each request.
Task<Status> Agent::forPod(ServerCall& call, std::string rpc) {
  CO_TRY(auto first, co_await call.receive());
  if (!first) co_return failure(Code::BadRequest, "{}: no request", rpc);
  site::v1::StatsRequest request;
  if (!request.ParseFromString(*first)) co_return failure(Code::BadRequest, "{}: not a valid request", rpc);
  co_return co_await toSupervisor(call, request.pod_uid(), rpc, std::move(*first));
}

}  // namespace slipway::agent
