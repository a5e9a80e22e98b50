#pragma once

#include <filesystem>

#include "base/result.h"

namespace slipway::cli {

/// `slipway apiserver backup`: a copy of the database in `data_dir`, from its server if one runs. `target` must not
/// exist; it is there whole or not at all.
Status backupTo(const std::filesystem::path& data_dir, const std::filesystem::path& target);

}  // namespace slipway::cli
