#pragma once

#include <deque>
#include <string>
#include <unordered_map>

#include "async/event.h"
#include "base/clock.h"
#include "base/random.h"
#include "kube/client.h"

namespace slipway::kube {

/// What an event is about.
struct ObjectReference {
  std::string api_version = "v1";
  std::string kind;
  std::string ns;  ///< "" for cluster-scoped: its events go to "default"
  std::string name;
  std::string uid;

  static ObjectReference of(const Object& object, const Resource& resource);
};

/// Writes Events (core/v1), so that `kubectl describe` tells what happened.
///
/// The same event again raises its count; one object gets a burst of 25 and then one each five minutes, as with
/// client-go. record() never waits: run() does the writing, and what does not fit into the queue is dropped and
/// counted.
class EventRecorder {
 public:
  EventRecorder(Client& client, const Clock& clock, Random& random, std::string component, std::string host);

  void record(ObjectReference about, bool warning, std::string reason, std::string message);
  /// Writes until cancelled.
  Task<void> run();
  uint64_t dropped() const { return dropped_; }

 private:
  struct Known {
    std::string ns;
    std::string name;
    int64_t count = 0;
    SteadyTime last{};
  };
  struct Allowance {
    double tokens;
    SteadyTime filled_at;
  };
  struct Pending {
    ObjectReference about;
    bool warning;
    std::string reason;
    std::string message;
    WallTime at;
  };
  bool allowed(const ObjectReference& about);
  Task<Status> write(Pending event);
  Task<Status> writeNew(Pending event, std::string id, std::string ns);
  void forgetOld();

  Client& client_;
  const Clock& clock_;
  Random& random_;
  std::string component_;
  std::string host_;
  std::deque<Pending> queue_;
  async::Event ready_;
  std::unordered_map<std::string, Known> known_;
  std::unordered_map<std::string, Allowance> allowances_;
  uint64_t dropped_ = 0;
};

}  // namespace slipway::kube
