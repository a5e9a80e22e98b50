#pragma once

#include <functional>
#include <memory>

#include "base/files.h"
#include "supervisor/pod_volumes.h"

namespace slipway::supervisor {

/// The pod's volumes on a node other than the first, shared by the ranks there: the first rank to come sets them up,
/// the last to go removes them. Who holds them is told by a file for each rank, under flock(2) on the node's own disk.
class NodeVolumes {
 public:
  /// `make` fills volumes() when nobody has; it blocks the others.
  static Result<std::unique_ptr<NodeVolumes>> enter(Scratch scratch, uint32_t rank, const site::v1::PodPlan& plan,
                                                    const std::function<Status(PodVolumes&)>& make);
  ~NodeVolumes();
  PodVolumes& volumes() { return volumes_; }
  /// New contents; fine when another rank has been quicker.
  Status update(const google::protobuf::RepeatedPtrField<site::v1::Volume>& volumes);

 private:
  NodeVolumes(Scratch scratch, uint32_t rank);
  Result<FileDescriptor> lock() const;
  std::filesystem::path lock_;
  std::filesystem::path holders_;
  std::string holder_;
  PodVolumes volumes_;
  std::vector<FileDescriptor> held_;
};

}  // namespace slipway::supervisor
