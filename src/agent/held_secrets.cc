#include "agent/held_secrets.h"

#include "base/log.h"

namespace slipway::agent {

void HeldSecrets::hold(const std::string& key, site::v1::PodSecrets secrets) {
  forget(key);
  const size_t bytes = secrets.ByteSizeLong();
  if (bytes_ + bytes > most_) {
    log::debug("pod {}: its secrets ({} bytes) are asked for again when its job starts", key, bytes);
    return;
  }
  bytes_ += bytes;
  held_[key] = {std::move(secrets), bytes};
}

const site::v1::PodSecrets* HeldSecrets::find(const std::string& key) const {
  const auto found = held_.find(key);
  return found == held_.end() ? nullptr : &found->second.secrets;
}

void HeldSecrets::forget(const std::string& key) {
  const auto found = held_.find(key);
  if (found == held_.end()) return;
  bytes_ -= found->second.bytes;
  held_.erase(found);
}

}  // namespace slipway::agent
