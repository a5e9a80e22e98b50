#pragma once

#include <filesystem>
#include <vector>

#include "container/runtime.h"

namespace slipway::container {

/// Makes in `root` (the upper layer of an overlay) what each bind will be mounted on, a directory or an empty file,
/// where the image has none. Nothing is made through a symbolic link that leaves `root`.
Status makeMountPoints(const std::filesystem::path& image, const std::filesystem::path& root,
                       const std::vector<Bind>& binds);

}  // namespace slipway::container
