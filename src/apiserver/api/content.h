#pragma once

#include "apiserver/api/call.h"

namespace slipway::apiserver {

/// Brings an answer into the form that the client asked for beside plain JSON: YAML, or indented for
/// people (curl, browsers, ?pretty=true). Long lists go as they are.
void setContent(const Call& call, Reply& reply);

/// Packing costs the loop some milliseconds for each MB, so it is done for documents that are kept: those of OpenAPI.
/// Other answers go as they are, whatever their size.
std::optional<std::string> gzip(const std::string& bytes);
bool acceptsGzip(const Call& call);

/// Whether YAML is what the client likes best of what we have.
bool prefersYaml(std::string_view accept);

}  // namespace slipway::apiserver
