#pragma once

#include <memory>
#include <string>
#include <vector>

#include "supervisor/container_process.h"

namespace slipway::supervisor {

class ContainerRunner;

/// How long output is still read after the command has ended: a child of it may keep the pipe open.
inline constexpr std::chrono::milliseconds kDrainOutput{500};

struct ExecResult {
  int exit_code = 0;
  std::string output;  ///< stdout and stderr, the first 10 KiB
};

/// Starts a command in a running container. The process is the caller's; what it leaves in the background when it ends
/// by itself stays until the container ends. An Error{NotFound} means that the program is
/// not in the container; its message is for people.
Result<std::unique_ptr<ContainerProcess>> startInContainer(const Executor& executor, ContainerRunner& runner,
                                                           const std::vector<std::string>& command, bool tty,
                                                           bool with_input);

/// Completes when the container's process has come to its image, which takes the runtime a moment, or after 10 s.
Task<void> untilEntered(ContainerRunner& runner);

/// Runs a command in a running container to its end; killed at the time limit (Timeout).
Task<Result<ExecResult>> runInContainer(ContainerRunner& runner, std::vector<std::string> command,
                                        std::chrono::nanoseconds timeout);

}  // namespace slipway::supervisor
