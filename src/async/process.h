#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"

namespace slipway::async {

/// A program to run: no shell is involved, argv[0] is looked up in PATH.
struct Command {
  std::vector<std::string> argv;
  std::string input;                               ///< written to its standard input, which is then closed
  std::map<std::string, std::string> environment;  ///< added to, or replacing, the caller's environment
  std::vector<std::string> unset;                  ///< variables taken away
  std::string working_directory;                   ///< empty: the caller's
  std::chrono::nanoseconds timeout = std::chrono::seconds(30);
  size_t max_output = 256U << 20U;                  ///< bytes for each of stdout and stderr; more is an error
  std::function<void(std::string_view)> on_output;  ///< takes stdout piece by piece as it comes; then none is kept
  int connection = -1;  ///< a socket that is its standard input and output instead; stays the caller's
};

struct ProcessResult {
  int exit_code = 0;  ///< 128 + signal when a signal ended it, as a shell has it
  int signal = 0;
  std::string output;
  std::string errors;
};

/// Port to other programs. An ended program is a result whatever its exit code; an Error means that it could not be
/// started (NotFound when the program is missing), or that it ran into the time limit and was killed (Timeout).
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  virtual Task<Result<ProcessResult>> run(Command command) = 0;
};

/// Starts real processes, each in a process group of its own that is killed whole at the time limit or when cancelled.
class SystemProcessRunner final : public ProcessRunner {
 public:
  Task<Result<ProcessResult>> run(Command command) override;
};

/// Waits for a child of this process, by SIGCHLD; gives the status as waitpid(2) does. The pid must not be waited for
/// elsewhere.
Task<int> waitForChild(pid_t pid);

}  // namespace slipway::async
