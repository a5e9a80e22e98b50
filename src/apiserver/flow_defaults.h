#pragma once

#include <vector>

#include "json/json.h"

namespace slipway::apiserver {

/// The FlowSchemas and PriorityLevelConfigurations that every cluster is born with, so that who reads or refers to them
/// finds them. This server does not queue by them: it limits what each user has under way.
std::vector<json::object> flowDefaults();

}  // namespace slipway::apiserver
