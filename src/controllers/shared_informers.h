#pragma once

#include <map>
#include <memory>

#include "kube/informer.h"

namespace slipway::controllers {

/// The informers that the controllers of one process share: one list and one watch for each resource, however many look
/// at it.
///
/// Life cycle: controllers ask for what they need in their constructors (handlers and indexes go on there); then run()
/// until cancelled. Objects are trimmed to what decisions are made from: a pod keeps its metadata without annotations,
/// where it runs or may run, what its containers ask for, phase and conditions. Who needs more asks the API for it.
class SharedInformers {
 public:
  SharedInformers(kube::Client& client, Random& random) : client_(client), random_(random) {}

  kube::Informer& of(const kube::Resource& resource);
  Task<void> run();

 private:
  kube::Client& client_;
  Random& random_;
  std::map<kube::Resource, std::unique_ptr<kube::Informer>> informers_;
};

/// The trimming that SharedInformers does. Always true: every object is kept.
bool trimShared(const kube::Resource& resource, kube::Object& object);

}  // namespace slipway::controllers
