#include <map>

#include "apiserver/admission/pod_security.h"
#include "apiserver/admission/pod_security_checks.h"
#include "apiserver/api/object_meta.h"

namespace slipway::apiserver::pod_security {
namespace {

constexpr size_t kPodsAtATime = 32;

std::string controllerOf(const json::object& pod) {
  const json::array* owners = json::findArray(pod, {"metadata", "ownerReferences"});
  for (size_t i = 0; owners != nullptr && i < owners->size(); ++i) {
    const json::object& owner = (*owners)[i].as_object();
    if (json::isTrue(owner, {"controller"})) return std::string(json::text(owner, {"uid"}));
  }
  return "";
}

/// The violations found so far, and whose they are.
class PodReport {
 public:
  explicit PodReport(LevelVersion standard) : standard_(standard) {}

  size_t checked() const { return checked_; }
  void check(const json::object& pod) {
    ++checked_;
    const std::string reasons = reasonsOf(violationsOf(standard_, pod));
    if (reasons.empty()) return;
    Pods& pods = found_[reasons];
    const std::string name(meta::name(pod));
    if (pods.count++ == 0 || name < pods.first) pods.first = name;
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& [reasons, pods] : found_) out.push_back(fmt::format("{}: {}", pods.str(), reasons));
    std::ranges::sort(out);
    return out;
  }

 private:
  struct Pods {
    std::string first;
    size_t count = 0;
    std::string str() const {
      if (count == 1) return first;
      return fmt::format("{} (and {} other pod{})", first, count - 1, count == 2 ? "" : "s");
    }
  };

  LevelVersion standard_;
  size_t checked_ = 0;
  std::map<std::string, Pods> found_;
};

}  // namespace

Task<std::vector<std::string>> warningsOfPods(Store& store, const Clock& clock, std::string ns, LevelVersion standard,
                                              PodCheckLimits limits) {
  const SteadyTime deadline = clock.steady() + limits.time;
  std::vector<StoredPtr> pods = store.table("core/pods").list(ns + "/", "", 0).objects;
  const size_t total = pods.size();
  const bool too_many = total > limits.pods;
  PodReport report(standard);
  std::set<std::string> controllers;
  // Who has the controller of another one comes behind, to be looked at if there is time.
  for (size_t i = 0; i < pods.size() && report.checked() < limits.pods; ++i) {
    if (i % kPodsAtATime == kPodsAtATime - 1) co_await async::yield();
    const json::value document = json::parse(pods[i]->bytes);
    const json::object& pod = document.as_object();
    const std::string controller = too_many && i < total ? controllerOf(pod) : "";
    if (!controller.empty() && !controllers.insert(controller).second) {
      pods.push_back(pods[i]);
      continue;
    }
    report.check(pod);
    if (clock.steady() >= deadline) break;
  }

  std::vector<std::string> warnings;
  if (report.checked() < total) {
    warnings.push_back(
        fmt::format("new PodSecurity enforce level only checked against the first {} of {} existing pods",
                    report.checked(), total));
  }
  std::vector<std::string> lines = report.lines();
  if (!lines.empty()) {
    warnings.push_back(fmt::format("existing pods in namespace \"{}\" violate the new PodSecurity enforce level \"{}\"",
                                   ns, standard.str()));
  }
  std::ranges::move(lines, std::back_inserter(warnings));
  co_return warnings;
}

}  // namespace slipway::apiserver::pod_security
