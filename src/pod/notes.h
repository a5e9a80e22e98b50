#pragma once

#include <string>
#include <vector>

#include "kube/resource.h"

namespace slipway::pod {

/// Fields of the pod that are fulfilled in another way than asked, or not at all without harm: one sentence each, which
/// names the field. They become events of the pod when it starts; what would do harm is refused (checkSupported()).
std::vector<std::string> notesOn(const kube::Object& pod);

}  // namespace slipway::pod
