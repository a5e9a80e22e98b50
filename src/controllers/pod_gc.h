#pragma once

#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "controllers/shared_informers.h"

namespace slipway::controllers {

struct PodGcOptions {
  std::chrono::nanoseconds grace = std::chrono::minutes(5);  ///< a node may be away so long, and come back
  std::chrono::nanoseconds interval = std::chrono::seconds(30);
};

/// Deletes pods that nobody can end any more: those bound to a node that does not exist, and those that were deleted
/// before they had a node.
///
/// A node that is only unready is a node: its pods stay. That a node is missing is asked of the server again before the
/// first of its pods is deleted. Such a pod becomes Failed with the condition DisruptionTarget, then it goes at once.
/// Life cycle: run() until cancelled, beside SharedInformers::run().
class PodGc {
 public:
  PodGc(kube::Client& client, SharedInformers& informers, const Clock& clock, PodGcOptions options = {});
  Task<void> run();
  /// One pass over all pods; what cannot be done now is left for the next.
  Task<void> sweep();

 private:
  Task<bool> isGone(std::string node);
  Task<void> end(kube::ObjectPtr pod, bool mark);

  kube::Client& client_;
  const Clock& clock_;
  PodGcOptions options_;
  kube::Informer& pods_;
  kube::Informer& nodes_;
  std::unordered_map<std::string, SteadyTime> missing_;  ///< nodes that pods name and nobody has, since when
};

}  // namespace slipway::controllers
