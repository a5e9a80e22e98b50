#pragma once

#include "bridge/job_object.h"
#include "bridge/node_mirror.h"

namespace slipway::bridge {

/// Shows the jobs of one Slurm cluster that are not pods of ours as Pods (design 4.3).
///
/// Reconciles job by job: what podsOf() wants against the Pods with the job's label. A pending Pod is bound when its
/// job starts and its requests are right; a requeue, another node or other requests need a new Pod. A Pod that a user
/// deleted comes back; nothing here ever cancels a job. Nothing is deleted before a snapshot was complete.
class JobMirror {
 public:
  JobMirror(Executor executor, Shared& shared, NodeCatalog& catalog, const Inventory& inventory, std::string cluster);

  /// Whose jobs may be ours: a comment like ours on somebody else's job hides nothing.
  void setSiteUser(std::string user) { site_user_ = std::move(user); }
  void enqueue(uint32_t job_id) { queue_.add(job_id); }
  /// All jobs that are known or shown: after the first snapshot.
  void enqueueAll();
  Task<void> run();
  bool idle() const { return queue_.idle(); }
  /// The Pod is the one that shows this job: labels alone prove nothing, every user can write them.
  bool shows(uint32_t job_id, std::string_view ns, std::string_view name) const;

 private:
  Task<void> work();
  Task<Status> reconcile(uint32_t job_id);
  Task<Status> settle(kube::Object wanted, kube::ObjectPtr have);
  Task<Status> create(kube::Object wanted);
  Task<Status> ensureNamespace(std::string ns);
  Task<Status> bind(kube::ObjectPtr have, std::string node);
  Task<Status> patchMetadata(const kube::Object& wanted, kube::ObjectPtr have);
  Task<Status> patchStatus(kube::Object wanted, kube::Object have);
  Task<Status> remove(kube::ObjectPtr have);
  std::vector<kube::Object> wantedPods(uint32_t job_id) const;
  std::string secondName(std::string_view name) const;
  bool isOwn(const site::v1::Job& job) const;

  Shared& shared_;
  NodeCatalog& catalog_;
  const Inventory& inventory_;
  std::string cluster_;
  std::string site_user_;
  std::set<std::string> namespaces_;
  async::WorkQueue<uint32_t> queue_;
};

}  // namespace slipway::bridge
