#include "bridge/testing/fake_site.h"

namespace slipway::bridge::testing {

using site::v1::PodReport;
using site::v1::SiteUpdate;

FakeSite::FakeSite(std::string cluster) : cluster_(std::move(cluster)), service_(std::make_shared<tunnel::Service>()) {
  const std::string prefix = "/slipway.site.v1.Site/";
  health_.set_slurm_ok(true);
  service_->on(prefix + "Hello", [this](tunnel::ServerCall& call) { return hello(call); });
  service_->on(prefix + "Watch", [this](tunnel::ServerCall& call) { return watch(call); });
  service_->on(prefix + "Submit", [this](tunnel::ServerCall& call) { return submit(call); });
  service_->on(prefix + "Cancel", [this](tunnel::ServerCall& call) { return cancel(call); });
  service_->on(prefix + "Logs", [this](tunnel::ServerCall& call) { return logs(call); });
  service_->on(prefix + "UpdateVolumes", [this](tunnel::ServerCall& call) { return updateVolumes(call); });
  service_->on(prefix + "WatchPods", [this](tunnel::ServerCall& call) { return watchPods(call); });
}

std::shared_ptr<tunnel::Channel> FakeSite::channel(Executor executor) {
  return tunnel::localChannel(std::move(executor), service_);
}

void FakeSite::breakTunnels() {
  ++generation_;
  changed_.pulse();
}

void FakeSite::setNode(site::v1::Node node) {
  SiteUpdate update;
  *update.add_nodes() = node;
  nodes_[node.name()] = std::move(node);
  changes_.push_back(std::move(update));
  changed_.pulse();
}

void FakeSite::removeNode(const std::string& name) {
  nodes_.erase(name);
  SiteUpdate update;
  update.add_removed_nodes(name);
  changes_.push_back(std::move(update));
  changed_.pulse();
}

void FakeSite::setJob(site::v1::Job job) {
  SiteUpdate update;
  *update.add_jobs() = job;
  jobs_[job.id()] = std::move(job);
  changes_.push_back(std::move(update));
  changed_.pulse();
}

void FakeSite::removeJob(uint32_t id) {
  jobs_.erase(id);
  SiteUpdate update;
  update.add_removed_jobs(id);
  changes_.push_back(std::move(update));
  changed_.pulse();
}

SiteUpdate FakeSite::snapshot() const {
  SiteUpdate update;
  update.set_snapshot_begin(true);
  update.set_snapshot_complete(true);
  *update.mutable_health() = health_;
  if (empty_snapshots) return update;
  for (const auto& [name, node] : nodes_) *update.add_nodes() = node;
  for (const auto& [id, job] : jobs_) *update.add_jobs() = job;
  return update;
}

void FakeSite::setHealth(bool ok, const std::string& message) {
  health_.set_slurm_ok(ok);
  health_.set_message(message);
  SiteUpdate update;
  *update.mutable_health() = health_;
  changes_.push_back(std::move(update));
  changed_.pulse();
}

void FakeSite::sendSnapshot() {
  changes_.push_back(snapshot());
  changed_.pulse();
}

void FakeSite::report(PodReport report) {
  report.set_sequence(++sequence_);
  reports_[report.pod_uid()] = report;
  report_log_.push_back(std::move(report));
  changed_.pulse();
}

PodReport FakeSite::reportOf(const std::string& uid, PodReport::Stage stage) const {
  PodReport report;
  report.set_pod_uid(uid);
  report.set_stage(stage);
  for (const auto& [key, job] : accepted) {
    if (key.first == uid) report.set_job_id(job);
  }
  return report;
}

Task<Status> FakeSite::hello(tunnel::ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::HelloRequest>(call));
  (void)request;
  site::v1::HelloResponse response;
  response.set_cluster(cluster_);
  response.set_agent_version("test");
  response.set_slurm_version("22.05.8");
  response.set_user(user);
  response.set_agent_id(agent_id);
  ++hellos;
  std::string bytes = response.SerializeAsString();
  co_return co_await call.send(std::move(bytes));
}

Task<Status> FakeSite::watch(tunnel::ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::WatchRequest>(call));
  (void)request;
  const uint64_t mine = generation_;
  size_t next = changes_.size();
  std::string first = snapshot().SerializeAsString();
  CO_TRY_STATUS(co_await call.send(std::move(first)));
  while (mine == generation_) {
    if (next == changes_.size()) {
      const bool changed = co_await changed_.waitFor(std::chrono::seconds(5));
      if (!changed) CO_TRY_STATUS(co_await call.send(""));
      continue;
    }
    std::string bytes = changes_[next++].SerializeAsString();
    CO_TRY_STATUS(co_await call.send(std::move(bytes)));
  }
  co_return failure(Code::ServiceUnavailable, "the tunnel broke");
}

Task<Status> FakeSite::watchPods(tunnel::ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::WatchPodsRequest>(call));
  (void)request;
  const uint64_t mine = generation_;
  size_t next = report_log_.size();
  const std::map<std::string, PodReport> all = reports_;
  for (const auto& [uid, report] : all) {
    std::string bytes = report.SerializeAsString();
    CO_TRY_STATUS(co_await call.send(std::move(bytes)));
  }
  while (mine == generation_) {
    if (next == report_log_.size()) {
      co_await changed_.wait();
      continue;
    }
    std::string bytes = report_log_[next++].SerializeAsString();
    CO_TRY_STATUS(co_await call.send(std::move(bytes)));
  }
  co_return failure(Code::ServiceUnavailable, "the tunnel broke");
}

Task<Status> FakeSite::submit(tunnel::ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::SubmitRequest>(call));
  submits.push_back(request);
  if (refuse) {
    if (const auto error = refuse(request)) co_return failure(*error);
  }
  const std::string uid = request.plan().pod_uid();
  const auto [entry, fresh] = accepted.try_emplace({uid, request.plan().attempt()}, next_job_);
  if (fresh) ++next_job_;
  const uint32_t job = entry->second;
  if (fresh && report_on_submit) report(reportOf(uid, PodReport::QUEUED));
  if (lose) {
    if (const auto error = lose(request)) co_return failure(*error);
  }
  site::v1::SubmitResponse response;
  response.set_job_id(job);
  std::string bytes = response.SerializeAsString();
  co_return co_await call.send(std::move(bytes));
}

void FakeSite::appendLog(const std::string& text) {
  log_ += text;
  changed_.pulse();
}

Task<Status> FakeSite::logs(tunnel::ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::LogsRequest>(call));
  const uint64_t mine = generation_;
  auto at = static_cast<size_t>(request.from().offset());
  while (mine == generation_) {
    if (at < log_.size()) {
      site::v1::LogChunk chunk;
      chunk.set_data(log_.substr(at, 3));
      at += chunk.data().size();
      chunk.mutable_next()->set_offset(static_cast<int64_t>(at));
      std::string bytes = chunk.SerializeAsString();
      CO_TRY_STATUS(co_await call.send(std::move(bytes)));
    } else if (!request.follow()) {
      co_return Status{};
    } else {
      co_await changed_.wait();
    }
  }
  co_return failure(Code::ServiceUnavailable, "the tunnel broke");
}

Task<Status> FakeSite::updateVolumes(tunnel::ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::UpdateVolumesRequest>(call));
  volume_updates.push_back(request);
  std::string bytes = site::v1::UpdateVolumesResponse().SerializeAsString();
  co_return co_await call.send(std::move(bytes));
}

Task<Status> FakeSite::cancel(tunnel::ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::CancelRequest>(call));
  cancels.push_back(request);
  const auto found = reports_.find(request.pod_uid());
  site::v1::CancelResponse response;
  response.set_existed(found != reports_.end());
  const bool over = found != reports_.end() &&
                    (found->second.stage() == PodReport::FAILED || found->second.stage() == PodReport::SUCCEEDED);
  if (found != reports_.end() && !over && report_on_cancel) {
    PodReport ended = reportOf(request.pod_uid(), PodReport::FAILED);
    ended.set_reason("Cancelled");
    report(std::move(ended));
  }
  std::string bytes = response.SerializeAsString();
  co_return co_await call.send(std::move(bytes));
}

}  // namespace slipway::bridge::testing
