#pragma once

#include <string>
#include <vector>

#include "http/message.h"

namespace slipway::apiserver {

/// Adds the Warning headers that tell a client these texts, each of them once. Where all of them would be too much for
/// a header, they are cut short, and the last ones left out.
void addWarnings(const std::vector<std::string>& texts, http::Headers& headers);

}  // namespace slipway::apiserver
