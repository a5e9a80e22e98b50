#include "base/strings.h"
#include "schema/table.h"
#include "schema/table_kinds.h"

namespace slipway::schema {
namespace {

std::string selector(const Row& row) {
  return formatSelector(json::findObject(row.object, {"spec", "selector"}));
}

void deployment(Row& row) {
  row.add(row.name());
  row.add(fmt::format("{}/{}", row.number({"status", "readyReplicas"}), row.number({"spec", "replicas"})));
  row.add(row.number({"status", "updatedReplicas"})).add(row.number({"status", "availableReplicas"})).add(row.age());
  row.containers({"spec", "template", "spec", "containers"}).add(selector(row));
}

void replicaSet(Row& row) {
  row.add(row.name()).add(row.number({"spec", "replicas"})).add(row.number({"status", "replicas"}));
  row.add(row.number({"status", "readyReplicas"})).add(row.age());
  row.containers({"spec", "template", "spec", "containers"}).add(selector(row));
}

void replicationController(Row& row) {
  row.add(row.name()).add(row.number({"spec", "replicas"})).add(row.number({"status", "replicas"}));
  row.add(row.number({"status", "readyReplicas"})).add(row.age());
  row.containers({"spec", "template", "spec", "containers"}).add(row.labels({"spec", "selector"}));
}

void statefulSet(Row& row) {
  row.add(row.name());
  row.add(fmt::format("{}/{}", row.number({"status", "readyReplicas"}), row.number({"spec", "replicas"})));
  row.add(row.age()).containers({"spec", "template", "spec", "containers"});
}

void daemonSet(Row& row) {
  row.add(row.name()).add(row.number({"status", "desiredNumberScheduled"}));
  row.add(row.number({"status", "currentNumberScheduled"})).add(row.number({"status", "numberReady"}));
  row.add(row.number({"status", "updatedNumberScheduled"})).add(row.number({"status", "numberAvailable"}));
  row.add(row.labels({"spec", "template", "spec", "nodeSelector"})).add(row.age());
  row.containers({"spec", "template", "spec", "containers"}).add(selector(row));
}

std::string jobStatus(const Row& row) {
  auto has = [&](std::string_view type) {
    for (const json::value& one : row.list({"status", "conditions"})) {
      if (!one.is_object() || json::text(one.get_object(), {"type"}) != type) continue;
      return json::text(one.get_object(), {"status"}) == "True";
    }
    return false;
  };
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (!row.text({"metadata", "deletionTimestamp"}).empty()) return "Terminating";
  for (const char* type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"}) {
    if (has(type)) return type;
  }
  return "Running";
}

std::string jobDuration(const Row& row) {
  Result<WallTime> begin = parseTime(row.text({"status", "startTime"}));
  if (!begin) return "";
  Result<WallTime> end = parseTime(row.text({"status", "completionTime"}));
  return humanDuration((end ? *end : row.now) - *begin);
}

void job(Row& row) {
  int64_t succeeded = row.number({"status", "succeeded"}), parallelism = row.number({"spec", "parallelism"});
  std::optional<int64_t> completions = json::findInt(row.object, {"spec", "completions"});
  row.add(row.name()).add(jobStatus(row));
  if (completions) {
    row.add(fmt::format("{}/{}", succeeded, *completions));
  } else {
    row.add(parallelism > 1 ? fmt::format("{}/1 of {}", succeeded, parallelism) : fmt::format("{}/1", succeeded));
  }
  row.add(jobDuration(row)).add(row.age());
  row.containers({"spec", "template", "spec", "containers"}).add(selector(row));
}

void cronJob(Row& row) {
  const json::value* suspend = json::find(row.object, {"spec", "suspend"});
  std::string_view last = row.text({"status", "lastScheduleTime"});
  row.add(row.name()).add(row.text({"spec", "schedule"})).add(row.text({"spec", "timeZone"}, "<none>"));
  row.add(suspend == nullptr ? "<unset>" : row.flag({"spec", "suspend"}) ? "True" : "False");
  row.add(static_cast<int64_t>(row.list({"status", "active"}).size()));
  row.add(last.empty() ? "<none>" : ageOf(last, row.now)).add(row.age());
  row.containers({"spec", "jobTemplate", "spec", "template", "spec", "containers"});
  row.add(formatSelector(json::findObject(row.object, {"spec", "jobTemplate", "spec", "selector"})));
}

void controllerRevision(Row& row) {
  std::string controller = "<none>";
  for (const json::value& one : row.list({"metadata", "ownerReferences"})) {
    if (!one.is_object() || !json::isTrue(one.get_object(), {"controller"})) continue;
    auto [group, version] = splitOnce(json::text(one.get_object(), {"apiVersion"}), '/');
    std::string kind(json::text(one.get_object(), {"kind"}));
    if (!version.empty()) kind += fmt::format(".{}", group);
    controller = fmt::format("{}/{}", toLower(kind), json::text(one.get_object(), {"name"}));
  }
  row.add(row.name()).add(controller).add(row.number({"revision"})).add(row.age());
}

std::string metric(const json::object& spec, const json::object* status) {
  auto sub = [](const json::object* part, std::initializer_list<std::string_view> path) {
    const json::value* found = part == nullptr ? nullptr : json::find(*part, path);
    if (found == nullptr) return std::string();
    return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
  };
  std::string type(json::text(spec, {"type"}));
  if (type.empty()) return "<unknown type>";
  std::string key = type == "ContainerResource" ? "containerResource" : toLower(type);
  std::string average = sub(&spec, {key, "target", "averageValue"});
  std::string current = sub(status, {key, "current", "averageValue"});
  if (current.empty()) current = "<unknown>";
  if (type == "Resource" || type == "ContainerResource") {
    std::string name = sub(&spec, {key, "name"});
    if (!average.empty()) return fmt::format("{}: {}/{}", name, current, average);
    std::string wanted = sub(&spec, {key, "target", "averageUtilization"});
    std::string used = sub(status, {key, "current", "averageUtilization"});
    return fmt::format("{}: {}/{}", name, used.empty() ? "<unknown>" : used + "%",
                       wanted.empty() ? "<auto>" : wanted + "%");
  }
  if (type == "Pods") return fmt::format("{}/{}", current, average);
  if (!average.empty()) return fmt::format("{}/{} (avg)", current, average);
  std::string now = sub(status, {key, "current", "value"});
  return fmt::format("{}/{}", now.empty() ? "<unknown>" : now, sub(&spec, {key, "target", "value"}));
}

std::string metrics(const Row& row) {
  // autoscaling/v1 has one metric, without a list.
  if (std::optional<int64_t> wanted = json::findInt(row.object, {"spec", "targetCPUUtilizationPercentage"})) {
    std::optional<int64_t> used = json::findInt(row.object, {"status", "currentCPUUtilizationPercentage"});
    return fmt::format("cpu: {}/{}%", used ? fmt::format("{}%", *used) : "<unknown>", *wanted);
  }
  const json::array& specs = row.list({"spec", "metrics"});
  const json::array& statuses = row.list({"status", "currentMetrics"});
  if (specs.empty()) return "<none>";
  std::vector<std::string> parts;
  for (size_t i = 0; i < specs.size() && i < 2; ++i) {
    const json::object* status = i < statuses.size() ? statuses[i].if_object() : nullptr;
    if (specs[i].is_object()) parts.push_back(metric(specs[i].get_object(), status));
  }
  std::string out = join(parts, ", ");
  return specs.size() > 2 ? fmt::format("{} + {} more...", out, specs.size() - 2) : out;
}

void autoscaler(Row& row) {
  std::optional<int64_t> least = json::findInt(row.object, {"spec", "minReplicas"});
  row.add(row.name());
  row.add(
      fmt::format("{}/{}", row.text({"spec", "scaleTargetRef", "kind"}), row.text({"spec", "scaleTargetRef", "name"})));
  row.add(metrics(row)).add(least ? fmt::format("{}", *least) : "<unset>").add(row.number({"spec", "maxReplicas"}));
  row.add(row.number({"status", "currentReplicas"})).add(row.age());
}

std::string intOrString(const Row& row, std::initializer_list<std::string_view> path) {
  const json::value* found = json::find(row.object, path);
  if (found == nullptr) return "N/A";
  return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
}

void disruptionBudget(Row& row) {
  row.add(row.name()).add(intOrString(row, {"spec", "minAvailable"})).add(intOrString(row, {"spec", "maxUnavailable"}));
  row.add(row.number({"status", "disruptionsAllowed"})).add(row.age());
}

constexpr std::string_view kReplicas =
    "Name:string:name|Desired:integer|Current:integer|Ready:integer|Age|*Containers|*Images|*Selector";
constexpr std::array kTables = {
    KindTable{"apps", "Deployment", "Name:string:name|Ready|Up-to-date|Available|Age|*Containers|*Images|*Selector",
              deployment},
    KindTable{"apps", "ReplicaSet", kReplicas, replicaSet},
    KindTable{"", "ReplicationController", kReplicas, replicationController},
    KindTable{"apps", "StatefulSet", "Name:string:name|Ready|Age|*Containers|*Images", statefulSet},
    KindTable{"apps", "DaemonSet",
              "Name:string:name|Desired:integer|Current:integer|Ready:integer|Up-to-date:integer|Available:integer|"
              "Node Selector|Age|*Containers|*Images|*Selector",
              daemonSet},
    KindTable{"apps", "ControllerRevision", "Name:string:name|Controller|Revision|Age", controllerRevision},
    KindTable{"batch", "Job", "Name:string:name|Status|Completions|Duration|Age|*Containers|*Images|*Selector", job},
    KindTable{"batch", "CronJob",
              "Name:string:name|Schedule|Timezone|Suspend:boolean|Active:integer|Last Schedule|Age|*Containers|*Images|"
              "*Selector",
              cronJob},
    KindTable{"autoscaling", "HorizontalPodAutoscaler",
              "Name:string:name|Reference|Targets|MinPods|MaxPods|Replicas|Age", autoscaler},
    KindTable{"policy", "PodDisruptionBudget",
              "Name:string:name|Min Available|Max Unavailable|Allowed Disruptions:integer|Age", disruptionBudget},
};

}  // namespace

std::span<const KindTable> workloadTables() {
  return kTables;
}

}  // namespace slipway::schema
