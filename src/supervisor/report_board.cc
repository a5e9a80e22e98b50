#include "supervisor/report_board.h"

#include "base/log.h"
#include "base/strings.h"

namespace slipway::supervisor {

using site::v1::ContainerReport;
using site::v1::PodReport;

namespace {

constexpr std::chrono::milliseconds kGather{50};

ContainerReport* find(PodReport& report, std::string_view name) {
  for (ContainerReport& each : *report.mutable_containers()) {
    if (each.name() == name) return &each;
  }
  return nullptr;
}

}  // namespace

const ContainerReport* findReport(const PodReport& report, std::string_view name) {
  return find(const_cast<PodReport&>(report), name);
}

ReportBoard::ReportBoard(const site::v1::PodPlan& plan, pod::PodDirectory directory, const Clock& clock)
    : directory_(std::move(directory)), clock_(clock) {
  // A job that Slurm started again goes on counting where it was.
  const auto before = pod::readReport(directory_);
  report_.set_pod_uid(plan.pod_uid());
  report_.set_attempt(plan.attempt());
  report_.set_stage(PodReport::RUNNING);
  report_.set_started_at_ns(before && before->started_at_ns() != 0 ? before->started_at_ns() : nowNs());
  report_.set_sequence(before ? before->sequence() + 1 : 1);
  const auto add = [&](const site::v1::Container& container, ContainerReport::Kind kind) {
    ContainerReport& each = *report_.add_containers();
    each.set_name(container.name());
    each.set_kind(kind);
    each.set_image(container.image());
    each.mutable_waiting()->set_reason(
        kind == ContainerReport::INIT || plan.init_containers().empty() ? "ContainerCreating" : "PodInitializing");
    const ContainerReport* old = before ? findReport(*before, container.name()) : nullptr;
    if (old == nullptr || (!old->has_running() && !old->has_terminated() && !old->has_last_terminated())) return;
    each.set_restart_count(old->restart_count() + 1);
    if (old->has_terminated()) {
      *each.mutable_last_terminated() = old->terminated();
    } else if (old->has_running()) {
      each.mutable_last_terminated()->set_exit_code(137);
      each.mutable_last_terminated()->set_reason("Requeued");
      each.mutable_last_terminated()->set_started_at_ns(old->running().started_at_ns());
      each.mutable_last_terminated()->set_finished_at_ns(nowNs());
    } else {
      *each.mutable_last_terminated() = old->last_terminated();
    }
  };
  for (const auto& container : plan.init_containers()) add(container, ContainerReport::INIT);
  for (const auto& container : plan.containers()) add(container, ContainerReport::MAIN);
}

int64_t ReportBoard::nowNs() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.now().time_since_epoch()).count();
}

void ReportBoard::update(const std::function<void(PodReport&)>& change) {
  change(report_);
  report_.set_sequence(report_.sequence() + 1);
  changed_.pulse();
}

void ReportBoard::updateContainer(const std::string& name, const std::function<void(ContainerReport&)>& change) {
  update([&](PodReport& report) {
    if (ContainerReport* container = find(report, name)) change(*container);
  });
}

void ReportBoard::addContainer(const site::v1::Container& container, ContainerReport::Kind kind) {
  update([&](PodReport& report) {
    ContainerReport& added = *report.add_containers();
    added.set_name(container.name());
    added.set_kind(kind);
    added.set_image(container.image());
    added.mutable_waiting()->set_reason("ContainerCreating");
  });
}

void ReportBoard::event(std::string type, std::string reason, std::string message, std::string container) {
  log::info("{}: {}{}", reason, container.empty() ? "" : container + ": ", message);
  update([&](PodReport& report) {
    constexpr int kKept = 20;
    constexpr size_t kMostOfMessage = 1024;  // what an Event may have
    ++event_count_;
    if (report.events_size() >= kKept) report.mutable_events()->DeleteSubrange(0, 1);
    site::v1::PodEvent& added = *report.add_events();
    added.set_type(std::move(type));
    added.set_reason(std::move(reason));
    added.set_message(toValidUtf8(std::string_view(message).substr(0, kMostOfMessage)));
    added.set_container(std::move(container));
  });
}

Task<void> ReportBoard::newerThan(uint64_t sequence) {
  while (report_.sequence() <= sequence) co_await changed_.wait();
}

void ReportBoard::flush() {
  if (written_ == report_.sequence()) return;
  const Status written = pod::writeReport(directory_, report_);
  if (!written) {
    log::warn("report: {}", written.error().message);
    return;
  }
  written_ = report_.sequence();
}

Task<void> ReportBoard::run() {
  while (true) {
    flush();
    co_await newerThan(written_);
    co_await async::sleepFor(kGather);
  }
}

}  // namespace slipway::supervisor
