#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "container/runtime.h"

namespace slipway::supervisor {

/// What to start, and where. The process leads a session of its own and dies with the supervisor.
struct SpawnOptions {
  container::Launch launch;
  /// Joins user and mount namespaces, root and working directory of this process first (exec); 0: none.
  pid_t join = 0;
  bool tty = false;
  bool stdin_open = false;   ///< otherwise standard input is /dev/null
  std::vector<int> inherit;  ///< descriptors that stay open under their numbers; all others are closed
};

struct Spawned {
  pid_t pid = -1;
  FileDescriptor input;   ///< invalid without stdin_open
  FileDescriptor output;  ///< with a tty its master side: output, and input too
  FileDescriptor errors;  ///< invalid with a tty
};

/// Why a process did not come to its program.
struct SpawnFailure {
  enum class Stage { Fork, Overlay, Join, Directory, Program } stage = Stage::Fork;
  int error = 0;
  std::string message;   ///< for people, names the program or directory
  int exitCode() const;  ///< as a shell has it: 127 not found, 126 cannot be executed, otherwise 128
};

/// The message for people.
SpawnFailure describe(const SpawnOptions& options, SpawnFailure::Stage stage, int error);

/// fork(2) and execve(2). The parent's descriptors are non-blocking. Blocks until the child has come to its program,
/// which takes as long as opening the program takes.
tl::expected<Spawned, SpawnFailure> spawn(const SpawnOptions& options);

/// Window size of a terminal whose master side is given.
void resizeTerminal(int master, unsigned columns, unsigned rows);

}  // namespace slipway::supervisor
