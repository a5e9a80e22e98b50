#include "bridge/node_object.h"

#include "base/strings.h"
#include "bridge/names.h"
#include "bridge/objects.h"
#include "kube/quantity.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using kube::json::array;
using kube::json::value;

constexpr std::string_view kDefaultVersion = "v1.36.0+slipway";
constexpr std::string_view kDisconnectedReason = "AgentDisconnected";
constexpr std::string_view kDisconnected =
    "the agent on the login node is not connected; jobs go on (is slipway agent running there, and does it reach this "
    "controller? its log tells)";

void addMarker(Object& labels, std::string_view prefix, std::string_view name) {
  const std::string label = toLabelValue(name);
  if (!label.empty()) labels[std::string(prefix) + label] = "true";
}

Object labelsOf(const NodeView& view, const NodeContext& context) {
  Object labels{{"kubernetes.io/hostname", view.name},
                {"kubernetes.io/os", "linux"},
                {"kubernetes.io/arch", architectureOf(view.node.arch())},
                {"type", "virtual-kubelet"},
                {label::kCluster, toLabelValue(context.cluster)}};
  for (const std::string& partition : view.node.partitions()) addMarker(labels, label::kPartitionPrefix, partition);
  for (const std::string& feature : view.node.features()) addMarker(labels, label::kFeaturePrefix, feature);
  return labels;
}

/// The name that the catalog needs back after a restart.
std::string originOf(const NodeView& view, const NodeContext& context) {
  if (!view.slurm_node.empty()) return view.slurm_node;
  return view.partition.empty() ? context.cluster : view.partition;
}

Object resourcesOf(const site::v1::Node& node, const NodeOptions& options, bool allocatable) {
  const int64_t cpus = node.cpus() - (allocatable ? node.cpus_reserved() : 0);
  const int64_t memory = node.memory_mib() - (allocatable ? node.memory_reserved_mib() : 0);
  // Slurm does not account for local disks. What is asked of them must find a node nevertheless.
  Object resources{{"ephemeral-storage", "1Pi"},
                   {"cpu", kube::Quantity::ofValue(std::max<int64_t>(cpus, 0)).str()},
                   {"memory", kube::Quantity::ofMebibytes(std::max<int64_t>(memory, 0)).str()},
                   {"pods", std::to_string(options.max_pods)}};
  std::map<std::string, int64_t> counts;
  for (const site::v1::Gres& gres : node.gres()) counts[resourceNameOf(gres)] += gres.count();
  for (const auto& [name, count] : counts) resources[name] = kube::Quantity::ofValue(count).str();
  return resources;
}

Object condition(std::string_view type, bool holds, std::string_view reason, std::string_view message) {
  return {{"type", type}, {"status", holds ? "True" : "False"}, {"reason", reason}, {"message", message}};
}

Object unknown(std::string_view type) {
  return {{"type", type}, {"status", "Unknown"}, {"reason", kDisconnectedReason}, {"message", kDisconnected}};
}

/// Whether Slurm answers. Ready is not touched by it: slurmctld's absence ends no job, and what is Ready=Unknown would
/// be tainted and its pods evicted.
Object reachable(const SiteState& site) {
  if (!site.agent_connected) return unknown(kSlurmReachable);
  if (!site.slurm_ok) return condition(kSlurmReachable, false, "SlurmNotAnswering", toValidUtf8(site.slurm_message));
  const std::string_view reason = site.slurm_message.empty() ? "SlurmAnswers" : "RecordsLeftOut";
  return condition(kSlurmReachable, true, reason, toValidUtf8(site.slurm_message));
}

std::vector<Object> conditionsOf(const NodeView& view, const NodeContext& context) {
  const NodeHealth health = healthOf(view.node);
  Object ready = context.site.agent_connected
                     ? condition("Ready", health.ready, health.reason, toValidUtf8(health.message))
                     : unknown("Ready");
  return {std::move(ready),
          reachable(context.site),
          condition("MemoryPressure", false, "SlurmManaged", ""),
          condition("DiskPressure", false, "SlurmManaged", ""),
          condition("PIDPressure", false, "SlurmManaged", ""),
          condition("NetworkUnavailable", false, "SlurmManaged", ""),
          condition("Drained", health.drained, health.drained ? "SlurmDrain" : "SlurmOpen",
                    health.drained ? toValidUtf8(health.message) : "")};
}

/// Ours over what is there: a condition that says the same keeps its times, others' conditions stay.
array mergeConditions(const array& have, std::vector<Object> wanted, WallTime now) {
  array merged;
  for (const value& item : have) {
    const std::string_view type = item.is_object() ? kube::text(item.get_object(), {"type"}) : "";
    const bool ours = std::any_of(wanted.begin(), wanted.end(),
                                  [&](const Object& mine) { return kube::text(mine, {"type"}) == type; });
    if (!ours) merged.push_back(item);
  }
  for (Object& mine : wanted) {
    const Object* before = nullptr;
    for (const value& item : have) {
      if (item.is_object() && kube::text(item.get_object(), {"type"}) == kube::text(mine, {"type"}))
        before = &item.get_object();
    }
    // A server leaves out an empty message.
    if (kube::text(mine, {"message"}).empty()) mine.erase("message");
    const auto same = [&](std::string_view field) {
      return before != nullptr && kube::text(*before, {field}) == kube::text(mine, {field});
    };
    if (same("status") && same("reason") && same("message")) {
      merged.push_back(*before);
      continue;
    }
    mine["lastHeartbeatTime"] = formatTime(now);
    const std::string_view since = same("status") ? kube::text(*before, {"lastTransitionTime"}) : "";
    mine["lastTransitionTime"] = since.empty() ? formatTime(now) : std::string(since);
    merged.push_back(std::move(mine));
  }
  return merged;
}

bool sameConditions(const array& a, const array& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(b.begin(), b.end(),
                     [&](const value& item) { return std::find(a.begin(), a.end(), item) != a.end(); });
}

Object statusOf(const NodeView& view, const NodeOptions& options, const NodeContext& context) {
  const std::string boot = fmt::format("slurm-{}", view.node.boot_time());
  const std::string version = context.version.empty() ? std::string(kDefaultVersion) : context.version;
  Object status{{"capacity", resourcesOf(view.node, options, false)},
                {"allocatable", resourcesOf(view.node, options, true)},
                {"nodeInfo",
                 {{"architecture", architectureOf(view.node.arch())},
                  {"bootID", boot},
                  {"containerRuntimeVersion",
                   "slurm://" + (view.node.slurm_version().empty() ? "unknown" : view.node.slurm_version())},
                  {"kernelVersion", toValidUtf8(view.node.os())},
                  {"kubeProxyVersion", ""},
                  {"kubeletVersion", version},
                  {"machineID", ""},
                  {"operatingSystem", "linux"},
                  {"osImage", "Slurm " + view.node.slurm_version()},
                  {"systemUUID", ""}}}};
  array addresses;
  if (!options.address.empty()) addresses.push_back({{"type", "InternalIP"}, {"address", options.address}});
  addresses.push_back({{"type", "Hostname"}, {"address", view.name}});
  status["addresses"] = std::move(addresses);
  if (context.port) status["daemonEndpoints"] = {{"kubeletEndpoint", {{"Port", *context.port}}}};
  return status;
}

Object taintOf(const NodeOptions& options) {
  Object taint{{"key", options.taint_key}, {"effect", options.taint_effect}};
  if (!options.taint_value.empty()) taint["value"] = options.taint_value;
  return taint;
}

/// The taints with ours as it should be; nothing if it is so already.
std::optional<array> wantedTaints(const Object& node, const NodeOptions& options) {
  array taints;
  bool right = !options.taint;
  for (const value& item : kube::items(node, {"spec", "taints"})) {
    const bool ours = item.is_object() && kube::text(item.get_object(), {"key"}) == options.taint_key;
    if (!ours) {
      taints.push_back(item);
    } else if (!options.taint) {
      right = false;
    } else if (item.get_object() == taintOf(options)) {
      right = true;
    }
  }
  if (right) return std::nullopt;
  if (options.taint) taints.push_back(taintOf(options));
  return taints;
}

Object labelPatch(const Object& node, const Object& wanted) {
  Object patch;
  const Object& have = kube::child(node, {"metadata", "labels"});
  for (const auto& [name, value] : wanted) {
    const auto* old = have.if_contains(name);
    if (old == nullptr || *old != value) patch[name] = value;
  }
  for (const auto& [name, value] : have) {
    const std::string_view text(name);
    const bool marker = text.starts_with(label::kPartitionPrefix) || text.starts_with(label::kFeaturePrefix);
    if (marker && !wanted.contains(name)) patch[name] = nullptr;
  }
  return patch;
}

/// Slurm's drain is a cordon of ours; somebody else's cordon is not touched.
void cordonPatch(const Object& node, bool drained, Object& patch) {
  const bool cordoned = kube::boolean(node, {"spec", "unschedulable"});
  const bool ours = !kube::annotation(node, annotation::kCordoned).empty();
  if (drained && !cordoned) {
    kube::ensure(patch, {"spec"})["unschedulable"] = true;
    kube::ensure(patch, {"metadata", "annotations"})[annotation::kCordoned] = "true";
  } else if (!drained && ours) {
    if (cordoned) kube::ensure(patch, {"spec"})["unschedulable"] = nullptr;
    kube::ensure(patch, {"metadata", "annotations"})[annotation::kCordoned] = nullptr;
  }
}

}  // namespace

Object newNode(const NodeView& view, const NodeOptions& options, const NodeContext& context) {
  Object annotations{{annotation::kSlurmNode, originOf(view, context)}};
  Object spec;
  if (options.taint) spec["taints"] = array{taintOf(options)};
  if (healthOf(view.node).drained) {
    spec["unschedulable"] = true;
    annotations[annotation::kCordoned] = "true";
  }
  Object status = statusOf(view, options, context);
  status["conditions"] = mergeConditions({}, conditionsOf(view, context), context.now);
  return {
      {"apiVersion", "v1"},
      {"kind", "Node"},
      {"metadata", {{"name", view.name}, {"labels", labelsOf(view, context)}, {"annotations", std::move(annotations)}}},
      {"spec", std::move(spec)},
      {"status", std::move(status)}};
}

NodeChanges changesOf(const Object& node, const NodeView& view, const NodeOptions& options,
                      const NodeContext& context) {
  NodeChanges changes;
  if (Object labels = labelPatch(node, labelsOf(view, context)); !labels.empty()) {
    kube::ensure(changes.object, {"metadata"})["labels"] = std::move(labels);
  }
  if (kube::annotation(node, annotation::kSlurmNode) != originOf(view, context)) {
    kube::ensure(changes.object, {"metadata", "annotations"})[annotation::kSlurmNode] = originOf(view, context);
  }
  cordonPatch(node, healthOf(view.node).drained, changes.object);
  if (std::optional<array> taints = wantedTaints(node, options)) {
    kube::ensure(changes.object, {"spec"})["taints"] = std::move(*taints);
    // The list is replaced whole: only if nobody has added to it meanwhile.
    kube::ensure(changes.object, {"metadata"})["resourceVersion"] = kube::resourceVersion(node);
  }
  const Object& have = kube::child(node, {"status"});
  const value have_value(have);
  for (const auto& [name, wanted] : statusOf(view, options, context)) {
    const auto* old = have.if_contains(name);
    const bool resources = name == "capacity" || name == "allocatable";
    if (old != nullptr && (resources ? *old == wanted : covers(*old, wanted))) continue;
    if (resources && old != nullptr && old->is_object()) {
      changes.status[name] = mergeDiff(old->get_object(), wanted.get_object());
    } else {
      changes.status[name] = wanted;
    }
  }
  const array& old_conditions = kube::items(node, {"status", "conditions"});
  array conditions = mergeConditions(old_conditions, conditionsOf(view, context), context.now);
  if (!sameConditions(old_conditions, conditions)) changes.status["conditions"] = std::move(conditions);
  return changes;
}

namespace {

Object patchConditions(const Object& node, std::vector<Object> wanted, WallTime now) {
  const array& have = kube::items(node, {"status", "conditions"});
  array conditions = mergeConditions(have, std::move(wanted), now);
  if (sameConditions(have, conditions)) return {};
  return {{"conditions", std::move(conditions)}};
}

}  // namespace

Object sitePatch(const Object& node, const SiteState& site, WallTime now) {
  std::vector<Object> wanted;
  wanted.push_back(reachable(site));
  if (!site.agent_connected) wanted.push_back(unknown("Ready"));
  return patchConditions(node, std::move(wanted), now);
}

Object gonePatch(const Object& node, const SiteState& site, WallTime now) {
  std::vector<Object> wanted;
  wanted.push_back(reachable(site));
  wanted.push_back(condition("Ready", false, "SlurmNodeGone", "Slurm does not know this node any more"));
  return patchConditions(node, std::move(wanted), now);
}

}  // namespace slipway::bridge
