#pragma once

#include <filesystem>
#include <string>

#include "async/task.h"

namespace slipway::supervisor {

/// Bytes that a folder takes on its disk, as du counts. Looks at some entries at a time and lets the loop go on
/// between; what goes meanwhile, or cannot be read, counts nothing.
Task<int64_t> diskUsage(std::filesystem::path folder);

/// "10Mi", as Kubernetes writes it.
std::string binarySize(int64_t bytes);

}  // namespace slipway::supervisor
