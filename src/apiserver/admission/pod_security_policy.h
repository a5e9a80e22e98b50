#pragma once

#include <limits>
#include <string>
#include <vector>

#include "apiserver/api/status_error.h"

namespace slipway::apiserver::pod_security {

/// The Pod Security Standards, from the loosest to the strictest.
enum class Level { Privileged, Baseline, Restricted };

inline constexpr int64_t kLatest = std::numeric_limits<int64_t>::max();

/// A standard as Kubernetes 1.<minor> had it.
struct LevelVersion {
  Level level = Level::Privileged;
  int64_t minor = kLatest;

  bool operator==(const LevelVersion&) const = default;
  /// "restricted:latest", "baseline:v1.25"
  std::string str() const;
};

/// What a namespace asks of its pods.
struct Policy {
  LevelVersion enforce;  ///< who violates it is refused
  LevelVersion audit;    ///< who violates it is noted in the audit log
  LevelVersion warn;     ///< who violates it is told so

  bool isPrivileged() const;
};

/// What the labels that belong to pod security begin with, and their notes in the audit log.
inline constexpr std::string_view kLabelPrefix = "pod-security.kubernetes.io/";

/// The policy of a namespace with these labels (null: none). Labels that say nothing sensible are added to `problems`;
/// then the strictest is enforced, and nothing is warned of.
Policy readPolicy(const json::object* labels, std::vector<Cause>& problems);

}  // namespace slipway::apiserver::pod_security
