#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::pod {

/// A line split as a POSIX shell would: blanks, quotes and backslashes, and nothing expanded. Invalid for an open
/// quote.
Result<std::vector<std::string>> shellWords(std::string_view line);

}  // namespace slipway::pod
