#pragma once

#include <deque>

#include "proto/site.pb.h"

namespace slipway::agent {

/// The newest events of one attempt, so that each watcher is told each of them once, however quickly they come and by
/// whichever way: a supervisor's stream brings what is new, its file the newest of all.
class EventTrail {
 public:
  /// Takes the events out of a report of the stream.
  void addNew(site::v1::PodReport& report);
  /// Takes the events out of a report of the file: those that are known already are passed over.
  void addNewest(site::v1::PodReport& report);
  /// Whether something was added since the last stamp().
  bool fresh() const { return !trail_.empty() && trail_.back().version == 0; }
  /// What was added becomes part of this version.
  void stamp(uint64_t version, int64_t now);
  /// Adds to the report what came after `version`. A watcher from the beginning (version 0) is told of the last minute
  /// only: it may have been told before.
  void tell(site::v1::PodReport& report, uint64_t version, int64_t now) const;

 private:
  struct Kept {
    site::v1::PodEvent event;
    std::string bytes;  ///< for comparison
    uint64_t version = 0;
    int64_t at = 0;  ///< Unix seconds
  };
  void add(site::v1::PodEvent event);
  bool endsWith(const site::v1::PodReport& report, int count) const;

  std::deque<Kept> trail_;
};

}  // namespace slipway::agent
