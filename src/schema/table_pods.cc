#include "base/strings.h"
#include "schema/table.h"
#include "schema/table_kinds.h"

namespace slipway::schema {
namespace {

using json::array;
using json::object;
using json::value;

const object kNothing;

const object& at(const value& one) {
  return one.is_object() ? one.get_object() : kNothing;
}

/// Follows the statuses of a pod's containers to what `kubectl get pods` says of it.
class PodSummary {
 public:
  explicit PodSummary(const Row& row) : row_(row) {
    reason = row.text({"status", "reason"}, row.text({"status", "phase"}));
    for (const value& condition : row.list({"status", "conditions"})) {
      std::string_view type = json::text(at(condition), {"type"});
      bool is_true = json::text(at(condition), {"status"}) == "True";
      if (type == "PodScheduled" && json::text(at(condition), {"reason"}) == "SchedulingGated")
        reason = "SchedulingGated";
      if (type == "Initialized" && is_true) initialized_ = true;
      if (type == "Ready" && is_true) pod_ready_ = true;
    }
    total = row.list({"spec", "containers"}).size();
    for (const value& one : row.list({"spec", "initContainers"})) {
      if (json::text(at(one), {"restartPolicy"}) == "Always") sidecars_.insert(json::text(at(one), {"name"}));
    }
    total += sidecars_.size();

    bool initializing = initContainers();
    if (!initializing || initialized_) containers();
    std::string_view phase = row.text({"status", "phase"});
    if (row.text({"metadata", "deletionTimestamp"}).empty()) return;
    if (row.text({"status", "reason"}) == "NodeLost") {
      reason = "Unknown";
    } else if (phase != "Succeeded" && phase != "Failed") {
      reason = "Terminating";
    }
  }

  std::string reason;
  size_t total = 0;
  int64_t ready = 0;

  std::string restarts() const {
    if (restarts_ == 0 || last_.empty()) return fmt::format("{}", restarts_);
    return fmt::format("{} ({} ago)", restarts_, ageOf(last_, row_.now));
  }

 private:
  void count(const object& status, int64_t& restarts, std::string& last) {
    restarts += json::findInt(status, {"restartCount"}).value_or(0);
    std::string_view finished = json::text(status, {"lastState", "terminated", "finishedAt"});
    if (finished > last) last = finished;
  }

  static std::string endOf(const object& terminated) {
    std::string_view reason = json::text(terminated, {"reason"});
    if (!reason.empty()) return std::string(reason);
    int64_t signal = json::findInt(terminated, {"signal"}).value_or(0);
    if (signal != 0) return fmt::format("Signal:{}", signal);
    return fmt::format("ExitCode:{}", json::findInt(terminated, {"exitCode"}).value_or(0));
  }

  /// True while an init container is not done.
  bool initContainers() {
    size_t index = 0;
    for (const value& one : row_.list({"status", "initContainerStatuses"})) {
      const object& status = at(one);
      count(status, restarts_, last_);
      bool sidecar = sidecars_.contains(json::text(status, {"name"}));
      if (sidecar) count(status, sidecar_restarts_, sidecar_last_);
      const object* terminated = json::findObject(status, {"state", "terminated"});
      std::string_view waiting = json::text(status, {"state", "waiting", "reason"});
      bool succeeded = terminated != nullptr && json::findInt(*terminated, {"exitCode"}).value_or(0) == 0;
      if (!succeeded && !(sidecar && json::isTrue(status, {"started"}))) {
        if (terminated != nullptr) {
          reason = "Init:" + endOf(*terminated);
        } else if (!waiting.empty() && waiting != "PodInitializing") {
          reason = fmt::format("Init:{}", waiting);
        } else {
          reason = fmt::format("Init:{}/{}", index, row_.list({"spec", "initContainers"}).size());
        }
        return true;
      }
      if (!succeeded && json::isTrue(status, {"ready"})) ++ready;
      ++index;
    }
    return false;
  }

  void containers() {
    restarts_ = sidecar_restarts_;
    last_ = sidecar_last_;
    bool running = false;
    std::string error;
    const array& statuses = row_.list({"status", "containerStatuses"});
    for (size_t i = statuses.size(); i-- > 0;) {
      const object& status = at(statuses[i]);
      count(status, restarts_, last_);
      std::string_view waiting = json::text(status, {"state", "waiting", "reason"});
      if (!waiting.empty()) {
        reason = waiting;
      } else if (const object* terminated = json::findObject(status, {"state", "terminated"})) {
        reason = endOf(*terminated);
        if (json::findInt(*terminated, {"exitCode"}).value_or(0) != 0) error = reason;
      } else if (json::isTrue(status, {"ready"}) && json::findObject(status, {"state", "running"}) != nullptr) {
        running = true;
        ++ready;
      }
    }
    if (reason != "Completed") return;
    // One container that still runs makes the pod run, whatever the others came to.
    if (running && pod_ready_) {
      reason = "Running";
    } else if (!error.empty()) {
      reason = error;
    } else if (running) {
      reason = "NotReady";
    }
  }

  const Row& row_;
  std::set<std::string_view> sidecars_;
  bool initialized_ = false, pod_ready_ = false;
  int64_t restarts_ = 0, sidecar_restarts_ = 0;
  std::string last_, sidecar_last_;
};

std::string readinessGates(const Row& row) {
  const array& gates = row.list({"spec", "readinessGates"});
  if (gates.empty()) return "<none>";
  int64_t true_ones = 0;
  for (const value& gate : gates) {
    for (const value& condition : row.list({"status", "conditions"})) {
      if (json::text(at(condition), {"type"}) != json::text(at(gate), {"conditionType"})) continue;
      if (json::text(at(condition), {"status"}) == "True") ++true_ones;
      break;
    }
  }
  return fmt::format("{}/{}", true_ones, gates.size());
}

void pod(Row& row) {
  PodSummary summary(row);
  const array& ips = row.list({"status", "podIPs"});
  std::string_view ip = ips.empty() ? "" : json::text(at(ips[0]), {"ip"});
  row.add(row.name()).add(fmt::format("{}/{}", summary.ready, summary.total)).add(summary.reason);
  row.add(summary.restarts()).add(row.age()).add(ip.empty() ? "<none>" : ip);
  row.add(row.text({"spec", "nodeName"}, "<none>")).add(row.text({"status", "nominatedNodeName"}, "<none>"));
  row.add(readinessGates(row));
}

void podTemplate(Row& row) {
  row.add(row.name())
      .containers({"template", "spec", "containers"})
      .add(row.labels({"template", "metadata", "labels"}));
}

constexpr std::array kTables = {
    KindTable{"", "Pod", "Name:string:name|Ready|Status|Restarts|Age|*IP|*Node|*Nominated Node|*Readiness Gates", pod},
    KindTable{"", "PodTemplate", "Name:string:name|Containers|Images|Pod Labels", podTemplate},
};

}  // namespace

std::span<const KindTable> podTables() {
  return kTables;
}

}  // namespace slipway::schema
