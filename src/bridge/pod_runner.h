#pragma once

#include <optional>
#include <unordered_map>

#include "bridge/node_mirror.h"
#include "bridge/site_calls.h"
#include "bridge/volume_refresher.h"
#include "pod/plan.h"

namespace slipway::bridge {

/// Runs the Pods that are bound to the Nodes of one Slurm cluster as jobs there (design 4.4).
///
/// What should run is Kubernetes', what does run is in the agent's reports; this class keeps only what can be asked
/// again. One reconcile(uid) does one thing: submit (the agent makes it exactly once for the same uid and attempt),
/// write a status that differs, cancel what is deleted, or take the Pod object away when its job is gone. A report
/// without a Pod is an orphan, deleted while something was down: it is cancelled, after a delay in which the Pod may
/// still turn up.
///
/// No finalizer is put on Pods: the deletion of a bound Pod waits for its node's confirmation anyway, and a Pod that is
/// removed by force is found by its report.
class PodRunner {
 public:
  PodRunner(Executor executor, Shared& shared, NodeCatalog& catalog, const Inventory& inventory, const SiteLink& link,
            pod::PlanSource& source, VolumeRefresher& volumes);

  void enqueue(const std::string& uid) { queue_.add(uid); }
  /// The Pod object is gone for certain: the watch said so.
  void podGone(const kube::Object& last);
  /// The Pod is not in a new list. An API server that lost its data kills no job at once: the Pod has the delay of an
  /// orphan to come back.
  void podMissing(const kube::Object& last);
  /// A new tunnel: reports begin anew, and what was not confirmed is asked again.
  void connected();
  /// The tunnel broke.
  void disconnected();
  void take(site::v1::PodReport report);
  Task<void> run();
  bool idle() const { return queue_.idle(); }

  /// Null if nothing is known.
  const site::v1::PodReport* report(const std::string& uid) const;

 private:
  struct Entry {
    std::optional<site::v1::PodReport> report;
    bool fresh = false;      ///< reported over the present tunnel
    bool submitted = false;  ///< the agent confirmed it over the present tunnel
    bool begun = false;      ///< to submit it: the ports of its node are its own from then on
    bool gone = false;       ///< its Pod object was seen to go
    std::optional<SteadyTime> deletion_seen;
    int64_t last_grace = 30;
    std::optional<SteadyTime> orphan_since;
    std::optional<SteadyTime> cancelled_at;
    std::optional<SteadyTime> submit_after;  ///< refused: not before
    std::optional<async::Backoff> refusals;
    std::string refusal;         ///< last told
    kube::ObjectPtr refused_as;  ///< the Pod that was refused
    std::string ephemeral_refusal;
    std::optional<SteadyTime> secrets_given;  ///< once more, to an agent that had them no more
    std::string secrets_refusal;              ///< last told
    bool past_deadline = false;               ///< ended by us for its activeDeadlineSeconds
    std::optional<SteadyTime> observed_at;    ///< nothing but its generation was written then
    int64_t generation = 0;                   ///< last seen; 0: not yet
    std::optional<WallTime> changed_at;       ///< its generation was seen to move
    std::optional<SteadyTime> fails_at;       ///< its failure is held back until then
  };
  /// What a controller's Pods came to that failed before anything of them ran.
  struct EarlyEnds {
    async::Backoff delays;
    SteadyTime last;
  };
  Task<void> work();
  Task<Status> reconcile(std::string uid);
  Task<Status> orphan(std::string uid);
  /// A Pod that came before its Node was kept as a stub: the whole is fetched, and its change comes here again.
  Task<Status> fetchWhole(kube::ObjectPtr stub);
  Task<Status> forget(std::string uid);
  /// A Pod that failed before a container of it ran (no mount, no runtime) and that its controller would replace at
  /// once: the first fails at once, the next ones are held back longer and longer, so that a Deployment of such Pods
  /// makes few jobs. False: to be written now.
  bool heldBack(const kube::Object& pod, const site::v1::PodReport& report);
  int64_t graceLeft(const kube::Object& pod);
  Task<Status> terminate(kube::ObjectPtr pod);
  Task<Status> submit(kube::ObjectPtr pod);
  Task<Status> submitPlan(kube::ObjectPtr pod, site::v1::PodPlan plan);
  Task<Status> refuse(kube::ObjectPtr pod, std::string reason, std::string message, bool for_good);
  /// Ephemeral containers that were added to a running pod (kubectl debug) and that no report shows yet.
  Task<Status> addEphemeral(kube::ObjectPtr pod);
  /// Gives the agent once more what a pod's supervisor waits for and the agent, restarted since, has no more.
  Task<Status> giveSecrets(kube::ObjectPtr pod);
  /// Ends a pod whose activeDeadlineSeconds, as they are now, are over.
  Task<Status> endAtDeadline(kube::ObjectPtr pod);
  /// The end of such a pod is the deadline's doing, whatever its containers said.
  void blameDeadline(site::v1::PodReport& report) const;
  /// Pods that are to outlive outages get the tolerations for it; those that are young, or were just changed, only once
  /// the agent is away, since it moves their generation under the eyes of who made or changed them.
  Task<Status> outliveOutages(kube::ObjectPtr pod);
  Task<Status> annotate(kube::ObjectPtr pod, uint32_t job_id);
  Task<Result<bool>> cancel(std::string uid, int64_t grace);
  Task<Status> writeStatus(kube::ObjectPtr pod, site::v1::PodReport report);
  Task<Status> removePod(kube::ObjectPtr pod);
  kube::ObjectPtr podOf(const std::string& uid) const;
  bool needsSubmit(const kube::Object& pod, Entry& entry);
  std::optional<std::string> policyRefusal(const kube::Object& pod) const;
  Result<pod::PlanOptions> planOptions(const kube::Object& pod);

  Shared& shared_;
  NodeCatalog& catalog_;
  const Inventory& inventory_;
  const SiteLink& link_;
  pod::PlanSource& source_;
  VolumeRefresher& volumes_;
  SteadyTime connected_at_{};
  bool observes_generation_ = true;  ///< the API server keeps status.observedGeneration
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<std::string, EarlyEnds> early_ends_;  ///< by the controller's uid
  async::WorkQueue<std::string> queue_;
};

}  // namespace slipway::bridge
