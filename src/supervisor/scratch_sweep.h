#pragma once

#include <filesystem>

#include "async/task.h"
#include "base/files.h"
#include "supervisor/pod_volumes.h"

namespace slipway::supervisor {

/// Marks the folders of a pod as in use, until the processes that hold this are gone, however they end: a file in each
/// that is locked. Several processes may hold the same.
Result<std::vector<FileDescriptor>> holdFolders(const Scratch& scratch);

/// Removes what pods of this user have left in `folder` (of all pods' scratch), because Slurm killed all of their job
/// before they had cleaned up: folders with a mark that nobody holds. Others' folders and those of older versions,
/// which have no mark, stay. Gives their number.
int sweepFolder(const std::filesystem::path& folder);

/// Both folders of the node, on a thread of its own.
Task<void> sweepScratch(std::filesystem::path disk, std::filesystem::path memory);

}  // namespace slipway::supervisor
