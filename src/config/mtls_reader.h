#pragma once

#include "config/agent_config.h"
#include "config/yaml_map.h"

namespace slipway::config {

/// The block mTLSConfig of either file: all three PEM texts, each of the right kind.
void readMtls(YamlMap& map, Mtls& out);

}  // namespace slipway::config
