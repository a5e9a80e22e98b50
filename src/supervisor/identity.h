#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/result.h"
#include "container/runtime.h"
#include "proto/site.pb.h"

namespace slipway::supervisor {

/// As whom a container's program sees itself; -1: as the user that the job runs as.
struct Identity {
  int64_t user = -1;
  int64_t group = -1;
};

/// runAsUser and runAsGroup, or else what the image's USER says ("1000", "1000:1000", "app", looked up in the image's
/// own passwd). An image without USER, or with root, runs as the user of the job, who owns all that it makes.
Identity identityOf(const site::v1::Container& container, const std::string& image_user,
                    const std::filesystem::path& image);

/// What is known when the image is there, where its USER counts: Invalid in a kubelet's words when that user is not in
/// the image's passwd, or when the container must not run as root and would, or may. `uid` is the job's user.
Status checkImageUser(const site::v1::Container& container, const std::string& image_user,
                      const std::filesystem::path& image, uid_t uid);

/// The home directory of that user in the image: "/" without a line in its passwd. Root's, where it is the job's user.
std::string homeOf(const Identity& identity, const std::filesystem::path& image);

/// Whether the pod's containers can be who they ask to be, as Invalid with the field's name: nobody can become another
/// user without root, a runtime with user namespaces can make it look so.
Status checkIdentities(const site::v1::PodPlan& plan, const container::ContainerRuntime& runtime, uid_t uid, gid_t gid);

}  // namespace slipway::supervisor
