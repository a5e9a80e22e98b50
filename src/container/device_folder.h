#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "container/runtime.h"

namespace slipway::container {

/// True for "/dev/<something>".
bool isDevicePath(std::string_view target);

/// What lies in the node's /dev, as the volumes in memory do, is out of a runtime's sight once a device folder covers
/// it: such a source (with `also_read_only`, any that is to be read-only) gets a place of its own in `scratch`, mounted
/// by `launch`'s namespace. Gives the path to bind.
Result<std::filesystem::path> stagedSource(const Bind& bind, const std::filesystem::path& scratch, bool also_read_only,
                                           Launch& launch);

/// Makes a folder that will stand for /dev, so that things can be mounted below it (/dev/termination-log, /dev/shm),
/// which the node's own /dev does not allow a user. Gives the mounts that fill it: the node's devices and folders, then
/// those of `binds` that lie below /dev, and at last the folder over /dev itself.
Result<std::vector<Bind>> makeDeviceFolder(const std::filesystem::path& folder, const std::vector<Bind>& binds);

}  // namespace slipway::container
