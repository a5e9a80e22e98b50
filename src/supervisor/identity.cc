#include "supervisor/identity.h"

#include "base/guarded_files.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace {

constexpr size_t kMostOfPasswd = 1024 * 1024;

/// A line of the image's passwd; nothing if there is none.
template <typename Wanted>
std::vector<std::string> passwdLine(const std::filesystem::path& image, Wanted wanted) {
  const auto passwd = readInRoot(image, "etc/passwd", kMostOfPasswd);
  if (!passwd) return {};
  for (const std::string_view line : split(*passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() >= 6 && wanted(fields)) return {fields.begin(), fields.end()};
  }
  return {};
}

/// The ids of a name in the image's passwd; those of the caller stay where there is none.
Identity namedIn(const std::filesystem::path& image, std::string_view name) {
  const auto line = passwdLine(image, [&](const auto& fields) { return fields[0] == name; });
  if (line.empty()) return {};
  return {parseInt(line[2]).value_or(-1), parseInt(line[3]).value_or(-1)};
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
  // Where the image's user counts it decides when it is known: checkNonRoot().
  if (container.run_as_non_root() && (user == 0 || (user < 0 && uid == 0 && !runtime.mapsUsers()))) {
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

Status checkImageUser(const site::v1::Container& container, const std::string& image_user,
                      const std::filesystem::path& image, uid_t uid) {
  const std::string user(splitOnce(image_user, ':').first);
  const bool counts = container.run_as_user() < 0 && !user.empty();
  const bool named = counts && !parseInt(user);
  const auto is_it = [&](const auto& fields) { return fields[0] == user; };
  if (named && user != "root" && passwdLine(image, is_it).empty()) {
    return failure(Code::Invalid, "unable to find user {}: no matching entries in passwd file", user);
  }
  if (!container.run_as_non_root()) return {};
  if (named) {
    return failure(Code::Invalid,
                   "container has runAsNonRoot and image has non-numeric user ({}), cannot verify user is non-root",
                   user);
  }
  const int64_t seen = identityOf(container, image_user, image).user;
  if (seen > 0 || (seen < 0 && uid != 0)) return {};
  return failure(Code::Invalid, "container has runAsNonRoot and image will run as root");
}

std::string homeOf(const Identity& identity, const std::filesystem::path& image) {
  if (identity.user < 0) return "/root";
  const std::string id = std::to_string(identity.user);
  const auto line = passwdLine(image, [&](const auto& fields) { return fields[2] == id; });
  return line.empty() || line[5].empty() ? "/" : line[5];
}

Status checkIdentities(const site::v1::PodPlan& plan, const container::ContainerRuntime& runtime, uid_t uid,
                       gid_t gid) {
  for (const auto& each : plan.init_containers()) TRY_STATUS(checkOne(each, runtime, uid, gid));
  for (const auto& each : plan.containers()) TRY_STATUS(checkOne(each, runtime, uid, gid));
  return {};
}

}  // namespace slipway::supervisor
