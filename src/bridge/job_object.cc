#include "bridge/job_object.h"

#include "base/strings.h"
#include "bridge/names.h"
#include "bridge/objects.h"
#include "kube/quantity.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using kube::json::array;

std::string timeText(int64_t seconds) {
  return formatTime(WallTime(std::chrono::seconds(seconds)));
}

/// "<id>-<name>-<rank>", at most a label's 63 characters.
std::string podName(const site::v1::Job& job, size_t rank) {
  const std::string id = std::to_string(job.id());
  const std::string tail = "-" + std::to_string(rank);
  std::string middle = toDnsLabel(job.name());
  const size_t room = 63 - id.size() - tail.size() - 1;
  if (middle.size() > room) middle = middle.substr(0, room);
  while (middle.ends_with('-')) middle.pop_back();
  return middle.empty() ? id + tail : id + "-" + middle + tail;
}

void addLabel(Object& labels, std::string_view name, std::string_view value) {
  const std::string valid = toLabelValue(value);
  if (!valid.empty()) labels[fmt::format("slipway.dev/{}", name)] = valid;
}

Object labelsOf(const site::v1::Job& job, const JobContext& context, size_t rank) {
  Object labels{{label::kCluster, toLabelValue(context.cluster)},
                {label::kJobId, std::to_string(job.id())},
                {label::kNodeRank, std::to_string(rank)}};
  addLabel(labels, "user", job.user());
  addLabel(labels, "account", job.account());
  addLabel(labels, "partition", job.partition());
  addLabel(labels, "qos", job.qos());
  addLabel(labels, "job-state", job.state());
  if (job.array_job_id() != 0) {
    addLabel(labels, "array-job-id", std::to_string(job.array_job_id()));
    addLabel(labels, "array-task-id", job.array_task_id());
  }
  if (job.het_job_id() != 0) {
    addLabel(labels, "het-job-id", std::to_string(job.het_job_id()));
    addLabel(labels, "het-job-offset", std::to_string(job.het_job_offset()));
  }
  return labels;
}

Object annotationsOf(const site::v1::Job& job) {
  Object annotations{{"slipway.dev/job-name", toValidUtf8(job.name())}};
  if (!job.reason().empty()) annotations["slipway.dev/reason"] = toValidUtf8(job.reason());
  if (job.submit_time() > 0) annotations["slipway.dev/submit-time"] = timeText(job.submit_time());
  if (job.start_time() > 0) annotations["slipway.dev/start-time"] = timeText(job.start_time());
  if (job.end_time() > 0) annotations["slipway.dev/end-time"] = timeText(job.end_time());
  if (toLabelValue(job.array_task_id()) != job.array_task_id()) {
    annotations["slipway.dev/array-tasks"] = toValidUtf8(job.array_task_id());
  }
  return annotations;
}

/// What one node gives to the job.
site::v1::JobNode shareOf(const site::v1::Job& job) {
  site::v1::JobNode share;
  const int64_t nodes = std::max<int64_t>(job.node_count(), 1);
  share.set_cpus((job.cpus() + nodes - 1) / nodes);
  share.set_memory_mib((job.memory_mib() + nodes - 1) / nodes);
  for (const site::v1::Gres& gres : job.gres()) {
    site::v1::Gres* item = share.add_gres();
    *item = gres;
    item->set_count((gres.count() + nodes - 1) / nodes);
  }
  return share;
}

Object resourcesOf(const site::v1::JobNode& share) {
  Object requests;
  if (share.cpus() > 0) requests["cpu"] = kube::Quantity::ofValue(share.cpus()).str();
  if (share.memory_mib() > 0) requests["memory"] = kube::Quantity::ofMebibytes(share.memory_mib()).str();
  std::map<std::string, int64_t> counts;
  for (const site::v1::Gres& gres : share.gres()) counts[resourceNameOf(gres)] += gres.count();
  Object limits;
  for (const auto& [name, count] : counts) {
    if (count <= 0) continue;
    // Extended resources need equal requests and limits.
    requests[name] = kube::Quantity::ofValue(count).str();
    limits[name] = kube::Quantity::ofValue(count).str();
  }
  Object resources;
  if (!requests.empty()) resources["requests"] = std::move(requests);
  if (!limits.empty()) resources["limits"] = std::move(limits);
  return resources;
}

Object specOf(const site::v1::JobNode& share, const std::string& node) {
  Object container{{"name", "job"}, {"image", "none"}, {"resources", resourcesOf(share)}};
  Object spec{{"containers", array{std::move(container)}},
              {"restartPolicy", "Never"},
              {"terminationGracePeriodSeconds", 0},
              {"automountServiceAccountToken", false},
              {"enableServiceLinks", false},
              // Not the default scheduler's: between the gate's removal and our binding it must not choose a node.
              {"schedulerName", kSchedulerName},
              {"tolerations", array{Object{{"operator", "Exists"}}}}};
  if (node.empty()) {
    spec["schedulingGates"] = array{Object{{"name", kPendingGate}}};
  } else {
    spec["nodeName"] = node;
  }
  return spec;
}

Object containerState(const site::v1::Job& job, const JobPhase& phase) {
  if (phase.finished) {
    Object terminated{{"exitCode", phase.exit_code}, {"reason", phase.reason}};
    if (job.start_time() > 0) terminated["startedAt"] = timeText(job.start_time());
    if (job.end_time() > 0) terminated["finishedAt"] = timeText(job.end_time());
    return {{"terminated", std::move(terminated)}};
  }
  if (phase.phase == "Running") {
    Object running;
    if (job.start_time() > 0) running["startedAt"] = timeText(job.start_time());
    return {{"running", std::move(running)}};
  }
  Object waiting{{"reason", phase.reason.empty() ? "SlurmPending" : phase.reason}};
  if (!job.reason().empty()) waiting["message"] = toValidUtf8(job.reason());
  return {{"waiting", std::move(waiting)}};
}

Object statusOf(const site::v1::Job& job, const JobPhase& phase) {
  const bool running = phase.phase == "Running";
  Object container{{"name", "job"},
                   {"image", "none"},
                   {"imageID", ""},
                   {"ready", running},
                   {"started", running},
                   {"restartCount", job.restarts()},
                   {"state", containerState(job, phase)}};
  Object status{{"phase", phase.phase}, {"containerStatuses", array{std::move(container)}}};
  const bool failed = phase.phase == "Failed";
  const bool notable = !phase.reason.empty() && phase.reason != "Completed";
  if (notable && (failed || running || phase.phase == "Pending")) status["reason"] = phase.reason;
  if (failed && !job.reason().empty()) status["message"] = toValidUtf8(job.reason());
  if (job.start_time() > 0 && (running || phase.finished)) status["startTime"] = timeText(job.start_time());
  return status;
}

Object pod(const site::v1::Job& job, const JobContext& context, const JobPhase& phase, const site::v1::JobNode& share,
           const std::string& node, size_t rank) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", podName(job, rank)},
            {"namespace", mirrorNamespace(job, context)},
            {"labels", labelsOf(job, context, rank)},
            {"annotations", annotationsOf(job)}}},
          {"spec", specOf(share, node)},
          {"status", statusOf(job, phase)}};
}

void keepOnly(Object& object, std::initializer_list<std::string_view> fields) {
  Object kept;
  for (const std::string_view field : fields) {
    if (kube::json::value* value = object.if_contains(field)) kept[field] = std::move(*value);
  }
  object = std::move(kept);
}

}  // namespace

std::string mirrorNamespace(const site::v1::Job& job, const JobContext& context) {
  std::string name = context.options.namespace_template;
  name = replaceAll(name, "{account}", job.account());
  name = replaceAll(name, "{user}", job.user());
  name = replaceAll(name, "{partition}", job.partition());
  name = replaceAll(name, "{cluster}", context.cluster);
  name = toDnsLabel(name);
  return name.empty() ? "slipway-jobs" : name;
}

std::vector<Object> podsOf(const site::v1::Job& job, const JobContext& context) {
  const auto& partitions = context.options.partitions;
  if (!context.options.enabled || (!partitions.empty() && !partitions.contains(job.partition()))) return {};
  const JobPhase phase = phaseOf(job);
  std::vector<Object> pods;
  if (!phase.allocated) {
    pods.push_back(pod(job, context, phase, shareOf(job), "", 0));
    return pods;
  }
  size_t rank = 0;
  for (const site::v1::JobNode& share : job.nodes()) {
    const std::string node = context.node_of(share.node(), job.partition());
    if (!node.empty()) pods.push_back(pod(job, context, phase, share, node, rank));
    ++rank;
  }
  return pods;
}

bool isMirrorPod(const Object& pod) {
  return !kube::label(pod, label::kJobId).empty() && !kube::label(pod, label::kCluster).empty();
}

void trimMirrorPod(Object& pod) {
  if (auto* metadata = pod.if_contains("metadata"); metadata != nullptr && metadata->is_object()) {
    keepOnly(metadata->get_object(),
             {"name", "namespace", "uid", "resourceVersion", "labels", "annotations", "deletionTimestamp"});
  }
  if (auto* spec = pod.if_contains("spec"); spec != nullptr && spec->is_object()) {
    keepOnly(spec->get_object(), {"nodeName", "schedulingGates", "containers"});
    if (auto* containers = spec->get_object().if_contains("containers");
        containers != nullptr && containers->is_array()) {
      for (auto& container : containers->get_array()) {
        if (container.is_object()) keepOnly(container.get_object(), {"name", "resources"});
      }
    }
  }
  if (auto* status = pod.if_contains("status"); status != nullptr && status->is_object()) {
    keepOnly(status->get_object(), {"phase", "reason", "message", "startTime", "containerStatuses"});
  }
  keepOnly(pod, {"metadata", "spec", "status"});
}

}  // namespace slipway::bridge
