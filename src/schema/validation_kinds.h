#pragma once

#include <set>
#include <span>

#include "schema/field_error.h"

namespace slipway::schema {

enum class When { After, Before, Alone };

/// The rules of one kind.
struct KindRules {
  std::string_view kind;
  void (*create)(const Check& root) = nullptr;
  /// Only what must not change, unless it stands alone.
  void (*update)(const Check& root, const json::object& old) = nullptr;
  /// Whether what must not change is told after what is wrong by itself, before it, or `create` does not run at all.
  When when = When::After;
  /// What is wrong with a new status; nothing else is looked at then.
  void (*status)(const Check& root, const json::object& old) = nullptr;
};

std::span<const KindRules> podRules();
std::span<const KindRules> coreRules();
std::span<const KindRules> volumeRules();
std::span<const KindRules> workloadRules();
std::span<const KindRules> accessRules();
std::span<const KindRules> networkRules();
std::span<const KindRules> policyRules();
std::span<const KindRules> serviceRules();
std::span<const KindRules> quotaRules();
std::span<const KindRules> eventRules();
std::span<const KindRules> jobRules();
std::span<const KindRules> autoscalerRules();
std::span<const KindRules> storageKindRules();

// Shared between kinds.

void checkLabels(const Check& at, std::string_view key, std::string_view shown_path = "");
void checkAnnotations(const Check& at, std::string_view key, std::string_view shown_path = "");
/// A label selector under a key; false if it is invalid.
bool checkSelector(const Check& at, std::string_view key);
/// True if a label selector matches labels; an invalid or empty one matches nothing.
bool selectorMatches(const json::object& selector, const json::object* labels);
void checkNodeSelector(const Check& selector);
/// `more_volumes`: names that mounts may use beside the pod's own.
void checkPodSpec(const Check& spec, const std::set<std::string_view>& more_volumes = {});
void checkPodTemplate(const Check& pod_template, const std::set<std::string_view>& more_volumes = {});
/// What may not change of a pod, what is wrong with its new status.
void checkPodUpdate(const Check& root, const json::object& old);
void checkPodStatus(const Check& root, const json::object& old);
/// What the resize and ephemeralcontainers subresources of a pod may not do.
void checkResize(const Check& root, const json::object& old);
void checkEphemeralChanges(const Check& root, const json::object& old);
void checkAffinity(const Check& affinity);
void checkVolumes(const Check& spec);
void checkNfs(const Check& source);
void checkContainers(const Check& spec, const std::set<std::string_view>& more_volumes = {});
/// What a container, or a pod as a whole, asks for; `claims` are the names of the pod's resource claims.
void checkResources(const Check& holder, bool of_pod, const std::set<std::string_view>& claims);
void checkPodResources(const Check& spec);
void checkResizePolicy(const Check& container, std::string_view pod_restart);
/// seccomp, AppArmor and Windows' options of a security context, a pod's or a container's.
void checkProfiles(const Check& security);
/// A fieldRef of an environment variable, or of a volume, which may show other fields.
void checkFieldRef(const Check& ref, bool volume);
void checkResourceRef(const Check& ref);
void checkQuantities(const Check& at, std::string_view key);
/// "cpu", "memory" and the like: what a container may ask for without a domain in front.
bool standardContainerResource(std::string_view name);
/// An address that others may be sent to: valid, and not one of the machine's own.
void checkEndpointIp(const Check& at, const std::string& path, std::string_view ip);
/// What a load balancer says of itself under status.loadBalancer.ingress.
void checkIngressStatus(const Check& root);
void checkTolerations(const Check& spec);
/// "acme.io/foo": a domain and a path.
void checkPrefixedPath(const Check& at, std::string_view key);
/// Counters of a status that are not negative.
void checkCounters(const Check& status, std::initializer_list<std::string_view> names);
/// A number or a percentage that is not negative.
void checkIntOrPercent(const Check& at, std::string_view key);
/// Invalid "field is immutable" if the field at a path changed.
void checkImmutable(const Check& root, const json::object& old, std::initializer_list<std::string_view> path,
                    std::string_view detail = "field is immutable");

}  // namespace slipway::schema
