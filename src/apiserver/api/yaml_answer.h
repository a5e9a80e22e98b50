#pragma once

#include <string>

#include "json/json.h"

namespace slipway::apiserver {

/// A document as YAML in block style with sorted keys, as Kubernetes answers it.
std::string asYaml(const json::value& document);

}  // namespace slipway::apiserver
