#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace slipway::supervisor {

/// Where a node has what an NFS volume names, by /proc/self/mountinfo: below the mount of that server's export, or else
/// at the volume's own path if that lies on an NFS mount of any name (servers have aliases). NotFound: neither, which
/// keeps "nfs" from being a way to any directory of the node.
Result<std::filesystem::path> findNfs(std::string_view mountinfo, std::string_view server,
                                      const std::filesystem::path& path);

}  // namespace slipway::supervisor
