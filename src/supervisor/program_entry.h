#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>

#include "supervisor/spawn.h"

namespace slipway::supervisor {

/// The way of a program into a container: the runtime starts a small program of our own there (entry/main.cc), straight
/// from memory, which makes the working directory, executes the container's program and tells whether that came about.
///
/// Life cycle: one for each start. argv() and inherited() for spawn(), then begun(). On the supervisor's loop.
class ProgramEntry {
 public:
  enum class State {
    Outside,  ///< the runtime is at work
    Inside,   ///< in the container, before the program
    Running,  ///< the program has been executed
    Failed,   ///< it cannot be: failure()
    Lost,     ///< the runtime ended without having come there
  };
  /// Null where the kernel lets nobody execute from memory.
  static std::unique_ptr<ProgramEntry> open(Executor executor);

  /// What the runtime is to start in the container, in any directory.
  std::vector<std::string> argv(const std::string& working_dir, const std::vector<std::string>& program) const;
  std::vector<int> inherited() const { return {program_, theirs_.get()}; }
  /// The process has been forked.
  void begun() { theirs_.reset(); }

  /// Takes in what has been said so far.
  State look();
  /// Completes when it is Running, Failed or Lost.
  Task<void> settled();
  /// Why, for people; `launch` names the program and the directory.
  SpawnFailure failure(const std::string& working_dir, const std::string& program) const;

 private:
  using Stream = asio::posix::stream_descriptor;
  ProgramEntry(Executor executor, int program, FileDescriptor ours, FileDescriptor theirs);
  void hear();
  void readReport();

  Executor executor_;
  int program_;
  FileDescriptor theirs_;
  Stream door_;
  Stream pipe_;
  State state_ = State::Outside;
  SpawnFailure::Stage stage_ = SpawnFailure::Stage::Program;
  int error_ = 0;
};

}  // namespace slipway::supervisor
