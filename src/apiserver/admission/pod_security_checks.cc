#include "apiserver/admission/pod_security_checks.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace slipway::apiserver::pod_security {
namespace {

/// A check and the versions that have it.
struct SecurityRule {
  Finding (*check)(const PodView&);
  int64_t since = 0;
  int64_t replaced = kLatest;  ///< from this version on the restricted standard has a stricter one in its place
};

/// In the order of upstream's names for them, in which violations are listed.
constexpr SecurityRule kBaseline[] = {
    {checkAppArmor},  {checkAddedCapabilities, 0, 22}, {checkHostNamespaces}, {checkHostPaths, 0, 0},
    {checkHostPorts}, {checkHandlerHosts, 34},         {checkPrivileged},     {checkProcMount, 0, 35},
    {checkSeLinux},   {checkSeccomp, 0, 19},           {checkSysctls},        {checkHostProcess},
};
constexpr SecurityRule kRestricted[] = {
    {checkEscalation, 8},
    {checkDroppedCapabilities, 22},
    {checkProcMountAlways, 35},
    {checkVolumeTypes},
    {checkNonRoot},
    {checkUserId, 23},
    {checkSeccompIsSet, 19},
};
/// Newer versions are as this one.
constexpr int64_t kNewestRules = 35;

}  // namespace

std::vector<Violation> violationsOf(const LevelVersion& standard, const json::object& pod) {
  std::vector<Violation> out;
  if (standard.level == Level::Privileged) return out;
  const bool restricted = standard.level == Level::Restricted;
  const PodView view(standard, pod);
  const auto run = [&](const SecurityRule& rule) {
    if (view.minor < rule.since) return;
    if (Finding found = rule.check(view)) out.push_back(std::move(*found));
  };
  for (const SecurityRule& rule : kBaseline) {
    if (!restricted || view.minor < rule.replaced) run(rule);
  }
  if (!restricted) return out;
  for (const SecurityRule& rule : kRestricted) run(rule);
  return out;
}

std::string reasonsOf(const std::vector<Violation>& violations) {
  Names reasons;
  for (const Violation& one : violations) reasons.push_back(one.reason);
  return join(reasons, ", ");
}

std::string describe(const std::vector<Violation>& violations) {
  Names lines;
  for (const Violation& one : violations) lines.push_back(fmt::format("{} ({})", one.reason, one.detail));
  return join(lines, ", ");
}

PodView::PodView(const LevelVersion& standard, const json::object& whose)
    : pod(whose), minor(std::min(standard.minor, kNewestRules)) {
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    const json::array* found = json::findArray(pod, {"spec", list});
    for (size_t i = 0; found != nullptr && i < found->size(); ++i) {
      if ((*found)[i].is_object()) containers.push_back(&(*found)[i].get_object());
    }
  }
}

bool PodView::hasOwnUsers() const {
  const json::value* host_users = json::find(pod, {"spec", "hostUsers"});
  return host_users != nullptr && host_users->is_bool() && !host_users->get_bool();
}

const char* plural(size_t count, const char* one, const char* many) {
  return count == 1 ? one : many;
}

std::string quotedNames(const Names& names) {
  return names.empty() ? std::string() : fmt::format("\"{}\"", join(names, "\", \""));
}

std::string containersNamed(const Names& names) {
  return fmt::format("{} {}", plural(names.size(), "container", "containers"), quotedNames(names));
}

Names Setters::lines() const {
  Names out;
  if (pod) out.emplace_back("pod");
  if (!containers.empty()) out.push_back(containersNamed(containers));
  return out;
}

std::string Setters::str() const {
  return join(lines(), " and ");
}

Setters settersOfOtherProfile(const PodView& view, std::string_view field, NameSet& types) {
  return settersThat(view, [&](const json::object& context) {
    const json::object* profile = json::findObject(context, {field});
    if (profile == nullptr) return false;
    const std::string_view type = json::text(*profile, {"type"});
    if (type == "RuntimeDefault" || type == "Localhost") return false;
    types.emplace(type);
    return true;
  });
}

}  // namespace slipway::apiserver::pod_security
