// Ephemeral containers of running pods: kubectl debug.
#include "bridge/pod_runner.h"

namespace slipway::bridge {
namespace {

bool allShown(const kube::Object& pod, const site::v1::PodReport& report) {
  const auto& wanted = kube::items(pod, {"spec", "ephemeralContainers"});
  return std::all_of(wanted.begin(), wanted.end(), [&](const kube::json::value& each) {
    const std::string_view name = kube::text(kube::objectOf(each), {"name"});
    return std::any_of(report.containers().begin(), report.containers().end(),
                       [&](const auto& container) { return container.name() == name; });
  });
}

}  // namespace

Task<Status> PodRunner::addEphemeral(kube::ObjectPtr pod) {
  const std::string uid(kube::uid(*pod));
  const site::v1::PodReport* known = report(uid);
  if (known == nullptr || known->stage() != site::v1::PodReport::RUNNING || !link_.connected()) co_return Status();
  if (allShown(*pod, *known)) co_return Status();
  CO_TRY(pod::PlanOptions options, planOptions(*pod));
  kube::Object copy = *pod;
  auto containers = co_await pod::buildEphemeral(std::move(copy), source_, std::move(options));
  if (!containers) {
    Entry& entry = entries_[uid];
    const std::string& message = containers.error().message;
    if (entry.ephemeral_refusal != message) {
      shared_.events.record(kube::ObjectReference::of(*pod, kube::kPods), true, "InvalidEphemeralContainer", message);
      entry.ephemeral_refusal = message;
    }
    if (containers.error().is(Code::Invalid)) co_return Status();
    co_return failure(containers.error());
  }
  site::v1::AddContainersRequest request;
  request.set_pod_uid(uid);
  for (site::v1::Container& each : *containers) *request.add_containers() = std::move(each);
  const auto added = co_await link_.call<site::v1::AddContainersResponse>(kAddContainers, std::move(request),
                                                                          shared_.options.pods.submit_deadline);
  // A Conflict: the pod ends.
  if (!added && !added.error().is(Code::Conflict)) co_return failure(added.error().wrap("ephemeral containers"));
  co_return Status();
}

}  // namespace slipway::bridge
