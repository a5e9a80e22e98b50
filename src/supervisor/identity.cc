#include "supervisor/identity.h"

#include "base/guarded_files.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace {

constexpr size_t kMostOfPasswd = 1024 * 1024;

/// The ids of a name in the image's passwd; those of the caller stay where there is none.
Identity namedIn(const std::filesystem::path& image, std::string_view name) {
  const auto passwd = readInRoot(image, "etc/passwd", kMostOfPasswd);
  if (!passwd) return {};
  for (const std::string_view line : split(*passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 4 || fields[0] != name) continue;
    return {parseInt(fields[2]).value_or(-1), parseInt(fields[3]).value_or(-1)};
  }
  return {};
}

Status checkOne(const site::v1::Container& container, const container::ContainerRuntime& runtime, uid_t uid,
                gid_t gid) {
  const auto refused = [&](std::string_view field, int64_t wanted, int64_t own) -> Status {
    return failure(
        Code::Invalid,
        "container {}: securityContext.{}: {} cannot be had with the runtime {}: without root a process stays "
        "user {}; leave it out, or use a runtime class with user namespaces (slipway-charliecloud)",
        container.name(), field, wanted, runtime.name(), own);
  };
  const int64_t user = container.run_as_user();
  const int64_t group = container.run_as_group();
  if (!runtime.mapsUsers() && user >= 0 && user != uid) return refused("runAsUser", user, uid);
  if (!runtime.mapsUsers() && group >= 0 && group != gid) return refused("runAsGroup", group, gid);
  if (container.run_as_non_root() && (user == 0 || (user < 0 && uid == 0))) {
    return failure(Code::Invalid, "container {}: securityContext.runAsNonRoot: it would run as user 0",
                   container.name());
  }
  if (!runtime.isolates() && container.read_only_root()) {
    return failure(Code::Invalid,
                   "container {}: securityContext.readOnlyRootFilesystem: the runtime host has no root of its own",
                   container.name());
  }
  return {};
}

}  // namespace

Identity identityOf(const site::v1::Container& container, const std::string& image_user,
                    const std::filesystem::path& image) {
  Identity out;
  const auto [user, group] = splitOnce(image_user, ':');
  if (const auto number = parseInt(user)) {
    out.user = *number;
    out.group = parseInt(group).value_or(-1);
  } else if (!user.empty()) {
    out = namedIn(image, user);
  }
  if (out.user == 0) out = {};
  if (container.run_as_user() >= 0) out = {container.run_as_user(), -1};
  if (container.run_as_group() >= 0) out.group = container.run_as_group();
  return out;
}

Status checkIdentities(const site::v1::PodPlan& plan, const container::ContainerRuntime& runtime, uid_t uid,
                       gid_t gid) {
  for (const auto& each : plan.init_containers()) TRY_STATUS(checkOne(each, runtime, uid, gid));
  for (const auto& each : plan.containers()) TRY_STATUS(checkOne(each, runtime, uid, gid));
  return {};
}

}  // namespace slipway::supervisor
