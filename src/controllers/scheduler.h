#pragma once

#include <memory>
#include <string>

#include "controllers/keyed_loop.h"
#include "controllers/node_info.h"
#include "controllers/shared_informers.h"
#include "kube/event_recorder.h"

namespace slipway::controllers {

struct SchedulerOptions {
  std::string name = "default-scheduler";  ///< pods whose spec.schedulerName is another are left alone
  size_t workers = 8;                      ///< bindings under way at once
};

/// Binds pending pods to nodes: resource requests, node selector and affinity, taints and tolerations, scheduling
/// gates, the node's readiness. Not known: affinity between pods, topology spread, preemption, volumes.
///
/// Life cycle: run() until cancelled, beside SharedInformers::run(); the client must outlive it. A pod that fits
/// nowhere gets the condition PodScheduled=False and an event, and is tried again when nodes or pods change, and after
/// a back-off in any case.
class Scheduler {
 public:
  Scheduler(Executor executor, kube::Client& client, SharedInformers& informers, Random& random, const Clock& clock,
            SchedulerOptions options = {});
  Task<void> run();

 private:
  Task<Result<Outcome>> schedule(std::string key);
  Task<Result<Outcome>> bind(kube::ObjectPtr pod, std::string node);
  Task<Result<Outcome>> markUnschedulable(kube::ObjectPtr pod, std::string reason, std::string message);
  void record(const kube::Object& pod, bool warning, std::string reason, std::string message);
  /// The best node, or the sentence that says why there is none.
  tl::expected<std::string, std::string> choose(const kube::Object& pod) const;
  void onPod(const kube::ObjectPtr& pod);
  void wakeWaiting();

  Executor executor_;
  kube::Client& client_;
  const Clock& clock_;
  SchedulerOptions options_;
  kube::Informer& pods_;
  kube::Informer& nodes_;
  kube::EventRecorder events_;
  NodeTable table_;
  KeyedLoop loop_;
  std::set<std::string> waiting_;  ///< keys of pods that fitted nowhere
};

}  // namespace slipway::controllers
