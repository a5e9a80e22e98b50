#pragma once

#include <filesystem>

#include "base/result.h"
#include "proto/site.pb.h"

namespace slipway::supervisor {

/// Makes a directory show exactly these files, all at once: they go to a fresh "..<time>" folder, "..data" is switched
/// to it by one rename, and each name is a link through "..data" (the layout that a kubelet makes, which programs
/// watch). Called again with other files it replaces them; with the same ones it does nothing.
/// Where mounts cannot be read-only a container may have changed the directory: whatever lies there, nothing outside of
/// it is read, written or removed.
Status writeFilesAtomic(const std::filesystem::path& directory, const site::v1::Files& files);

}  // namespace slipway::supervisor
