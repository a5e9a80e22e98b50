#pragma once

#include <filesystem>
#include <vector>

#include "container/runtime.h"

namespace slipway::container {

/// Leads each target along the symbolic links of the image, as a program in it would see them, so that they stay what
/// they are. What lies in another bind is left to it; so is an image that is no directory.
void resolveTargets(const std::filesystem::path& image, std::vector<Bind>& binds);

/// Makes in `root` (the upper layer of an overlay) what each bind will be mounted on, a directory or an empty file,
/// where the image has none; directories that the image has keep its mode. Targets are resolved (resolveTargets()).
/// Nothing is made through a symbolic link that leaves `root`.
Status makeMountPoints(const std::filesystem::path& image, const std::filesystem::path& root,
                       const std::vector<Bind>& binds);

}  // namespace slipway::container
