#pragma once

#include "apiserver/api/call.h"

namespace slipway::apiserver {

/// Brings an answer into the form that the client asked for beside JSON: as YAML, and gzipped from 128 KiB on, as
/// kube-apiserver does.
void setContent(const Call& call, Reply& reply);

/// Whether YAML is what the client likes best of what we have.
bool prefersYaml(std::string_view accept);

}  // namespace slipway::apiserver
