#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::supervisor {

/// Name of the variable by which all processes of one start of a container are found, however they daemonise.
inline constexpr std::string_view kInstanceVariable = "SLIPWAY_INSTANCE";

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  uint64_t cpu_ns = 0;  ///< user and system time so far, that of children it has waited for included
  uint64_t rss_bytes = 0;
};

/// Processes of one start of a container: those of its session, and those that carry its instance, or that of one of
/// its ranks (the instance, '/', its number) or of a command that was started in it (the instance, "/exec/", a number),
/// in their environment.
std::vector<ProcessInfo> processesOf(std::string_view instance, pid_t session);
/// Sends the signal to all of them; gives how many there were. SIGKILL is sent again until none is left or has been
/// tried ten times, since processes may be forked meanwhile.
size_t signalAll(std::string_view instance, pid_t session, int signal);

/// All descendants of a process, by parent.
std::vector<pid_t> descendantsOf(pid_t root);

/// The first process of the container that has come to the image's root: the one to join for exec. 0 if none has yet.
pid_t insideContainer(std::string_view instance, pid_t session);
/// Whether a process that was found so still is one.
bool isStillInside(pid_t pid, std::string_view instance, pid_t session);

/// The fields of /proc/<pid>/stat that are used here; exposed for its test.
Result<ProcessInfo> parseStat(std::string_view text);

}  // namespace slipway::supervisor
