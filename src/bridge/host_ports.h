#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kube/informer.h"

namespace slipway::bridge {

/// Why the pod may not run beside the others of its node: one of them was there first and has a hostPort of it. In
/// words that name both; nothing if none has. A scheduler sees to this; a Pod whose maker named the node passes it by,
/// and a kubelet refuses that one as well.
///
/// First is who was submitted, which its annotation tells once it is written, and `begun` before; of two that were not,
/// the older one.
std::optional<std::string> portConflict(const kube::Object& pod, const std::vector<kube::ObjectPtr>& beside,
                                        const std::function<bool(std::string_view uid)>& begun);

}  // namespace slipway::bridge
