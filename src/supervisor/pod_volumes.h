#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "base/result.h"
#include "container/runtime.h"
#include "proto/site.pb.h"

namespace slipway::supervisor {

/// Directories of the node in which the pod's own files lie. Both are removed with all that is in them at the end.
struct Scratch {
  std::filesystem::path disk;    ///< local disk: emptyDir, ConfigMaps, writable layers
  std::filesystem::path memory;  ///< tmpfs: Secrets, emptyDir of medium Memory, /dev/shm
};

/// The volumes of a pod on the node. Life cycle: setUp() once, then binds() for each start and update() at any time;
/// the destructor removes what was made.
class PodVolumes {
 public:
  explicit PodVolumes(Scratch scratch) : scratch_(std::move(scratch)) {}
  ~PodVolumes();
  PodVolumes(const PodVolumes&) = delete;
  PodVolumes& operator=(const PodVolumes&) = delete;

  /// The scratch directories, which only this user can enter. Their names can be guessed and lie where all users of the
  /// node write: one that somebody else has made is refused (Forbidden, with the mend).
  Status makeScratch() const;
  /// Errors as kubelet words them (reason FailedMount): hostPath type checks, what cannot be made.
  Status setUp(const site::v1::PodPlan& plan);
  /// The same volumes, which another process of this pod on this node sets up and removes: nothing is made, nothing is
  /// removed at the end.
  void attach(const site::v1::PodPlan& plan);
  /// Removes what was made; the destructor does so too, but not after attach().
  void remove();
  /// Where the image of a volume lies now. Invalid: no directory.
  Status setImage(const std::string& volume, const std::filesystem::path& image);
  /// New contents of file volumes; unknown ones and those that are no files are passed over.
  Status update(const google::protobuf::RepeatedPtrField<site::v1::Volume>& volumes);
  /// What the container mounts, parents before what lies in them. subPaths are made where they are missing; one that
  /// leaves its volume by a link is Invalid.
  Result<std::vector<container::Bind>> binds(const site::v1::Container& container) const;
  /// Where a volume lies; empty if there is none.
  std::filesystem::path pathOf(const std::string& volume) const;
  const Scratch& scratch() const { return scratch_; }

 private:
  Status setUpOne(const site::v1::Volume& volume);
  std::filesystem::path placeOf(const site::v1::Volume& volume) const;
  Scratch scratch_;
  bool attached_ = false;
  std::map<std::string, std::filesystem::path> paths_;
  std::set<std::string> images_;  ///< volumes that are images: nothing is made in them
};

/// Parents before what lies in them.
void sortByDepth(std::vector<container::Bind>& binds);

/// Forbidden: a volume of the plan is a directory of the node itself (hostPath, or a PersistentVolume of kind hostPath
/// or local). For sites that have switched them off.
Status checkHostPathsAllowed(const site::v1::PodPlan& plan);

/// Whether one of the path's parts is "..".
bool hasParentParts(std::string_view path);

/// hostPath.type checked or made.
Status checkHostPath(const std::filesystem::path& path, std::string_view type);

}  // namespace slipway::supervisor
