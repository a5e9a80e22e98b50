#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apiserver/admission/pod_security_policy.h"
#include "json/document.h"

namespace slipway::apiserver::pod_security {

/// Why a pod does not meet a standard.
struct Violation {
  std::string reason;  ///< "privileged"
  std::string detail;  ///< "container "a" must not set securityContext.privileged=true"
};

/// What a pod, or a template of pods, does that the standard forbids; always in the same order.
std::vector<Violation> violationsOf(const LevelVersion& standard, const json::object& pod);
/// "privileged, hostPort"
std::string reasonsOf(const std::vector<Violation>& violations);
/// "privileged (container "a" must not …), hostPort (…)"
std::string describe(const std::vector<Violation>& violations);

/// A pod as the checks look at it.
struct PodView {
  PodView(const LevelVersion& standard, const json::object& pod);
  bool onWindows() const { return json::text(pod, {"spec", "os", "name"}) == "windows"; }
  /// Its users are none of the host's, root included.
  bool hasOwnUsers() const;

  const json::object& pod;
  int64_t minor;                                ///< of the standard
  std::vector<const json::object*> containers;  ///< init, main and ephemeral ones
};

using Finding = std::optional<Violation>;
using Names = std::vector<std::string>;
using NameSet = std::set<std::string, std::less<>>;

// The checks of baseline.
Finding checkAppArmor(const PodView& view);
Finding checkAddedCapabilities(const PodView& view);
Finding checkHostNamespaces(const PodView& view);
Finding checkHostPaths(const PodView& view);
Finding checkHostPorts(const PodView& view);
Finding checkHandlerHosts(const PodView& view);
Finding checkPrivileged(const PodView& view);
Finding checkProcMount(const PodView& view);
Finding checkSeLinux(const PodView& view);
Finding checkSeccomp(const PodView& view);
Finding checkSysctls(const PodView& view);
Finding checkHostProcess(const PodView& view);

// The checks that restricted adds or puts in the place of baseline's.
Finding checkEscalation(const PodView& view);
Finding checkDroppedCapabilities(const PodView& view);
Finding checkProcMountAlways(const PodView& view);
Finding checkVolumeTypes(const PodView& view);
Finding checkNonRoot(const PodView& view);
Finding checkUserId(const PodView& view);
Finding checkSeccompIsSet(const PodView& view);

// What several checks need.

const char* plural(size_t count, const char* one, const char* many);
/// "\"a\", \"b\""
std::string quotedNames(const Names& names);
inline std::string quotedNames(const NameSet& names) {
  return quotedNames(Names(names.begin(), names.end()));
}
/// "container "a"", "containers "a", "b""
std::string containersNamed(const Names& names);
/// The names of the containers of which `is_bad(container)` holds.
template <typename Predicate>
Names containersThat(const PodView& view, Predicate is_bad) {
  Names out;
  for (const json::object* container : view.containers) {
    if (is_bad(*container)) out.emplace_back(json::text(*container, {"name"}));
  }
  return out;
}

/// Who of a pod and its containers has something in its securityContext.
struct Setters {
  bool pod = false;
  Names containers;
  bool empty() const { return !pod && containers.empty(); }
  Names lines() const;
  /// "pod and containers "a", "b""
  std::string str() const;
};
/// Those for whose securityContext `is_bad(context)` holds.
template <typename Predicate>
Setters settersThat(const PodView& view, Predicate is_bad) {
  Setters out;
  const json::object* own = json::findObject(view.pod, {"spec", "securityContext"});
  out.pod = own != nullptr && is_bad(*own);
  out.containers = containersThat(view, [&](const json::object& container) {
    const json::object* context = json::findObject(container, {"securityContext"});
    return context != nullptr && is_bad(*context);
  });
  return out;
}

/// Those with a profile of another type than these, which end up in `types`.
Setters settersOfOtherProfile(const PodView& view, std::string_view field, NameSet& types);

}  // namespace slipway::apiserver::pod_security
