#pragma once

#include <map>
#include <string>

#include "proto/site.pb.h"

namespace slipway::agent {

/// Secrets of the attempts whose jobs have not ended: in memory and nowhere else. What is not here (the agent was
/// restarted, or there was no room) the controller is asked for when the pod's supervisor wants it.
class HeldSecrets {
 public:
  explicit HeldSecrets(size_t most_bytes = 16 << 20) : most_(most_bytes) {}

  /// Replaces what there is. Secrets for which there is no room are not held.
  void hold(const std::string& key, site::v1::PodSecrets secrets);
  /// Null: not here.
  const site::v1::PodSecrets* find(const std::string& key) const;
  void forget(const std::string& key);

 private:
  struct Held {
    site::v1::PodSecrets secrets;
    size_t bytes = 0;
  };
  size_t most_;
  size_t bytes_ = 0;
  std::map<std::string, Held> held_;
};

}  // namespace slipway::agent
