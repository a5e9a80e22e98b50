// Secrets of pods whose agent has them no more.
#include "bridge/pod_runner.h"

namespace slipway::bridge {
namespace {

constexpr auto kGiveAgain = std::chrono::seconds(20);

}  // namespace

Task<Status> PodRunner::giveSecrets(kube::ObjectPtr pod) {
  const std::string uid(kube::uid(*pod));
  Entry& entry = entries_[uid];
  if (!entry.report || !entry.fresh || !entry.report->wants_secrets() || !link_.connected()) co_return Status();
  const SteadyTime now = shared_.clock.steady();
  if (entry.secrets_given && now - *entry.secrets_given < kGiveAgain) {
    queue_.addAfter(uid, *entry.secrets_given + kGiveAgain - now);
    co_return Status();
  }
  entry.secrets_given = now;
  queue_.addAfter(uid, kGiveAgain);
  const uint32_t attempt = entry.report->attempt();
  CO_TRY(pod::PlanOptions options, planOptions(*pod));
  options.attempt = attempt;
  kube::Object copy = *pod;
  Result<site::v1::PodPlan> plan = co_await pod::buildPlan(std::move(copy), source_, std::move(options));
  if (!plan) {
    Entry& refused = entries_[uid];
    if (refused.secrets_refusal != plan.error().message) {
      refused.secrets_refusal = plan.error().message;
      shared_.events.record(kube::ObjectReference::of(*pod, kube::kPods), true, "CreateContainerConfigError",
                            plan.error().message);
    }
    co_return Status();
  }
  // The attempt has its job: of this plan the agent takes the secrets only.
  site::v1::SubmitRequest request;
  *request.mutable_plan() = std::move(*plan);
  const Result<site::v1::SubmitResponse> answer =
      co_await link_.call<site::v1::SubmitResponse>(kSubmit, std::move(request), shared_.options.pods.submit_deadline);
  if (!answer) co_return failure(answer.error().wrap("secrets"));
  co_return Status();
}

}  // namespace slipway::bridge
