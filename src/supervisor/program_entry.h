#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <map>
#include <memory>

#include "supervisor/spawn.h"

namespace slipway::supervisor {

/// The way of a program into a container: the runtime starts a small program of our own there (entry/main.cc), straight
/// from memory, which takes the environment, makes the working directory, executes the container's program and tells
/// whether that came about.
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
  struct Program {
    std::vector<std::string> argv;
    std::map<std::string, std::string> env;
    bool only = true;  ///< nothing but `env`; otherwise it comes over what the runtime made of the image
    std::string directory;
  };
  /// Null where the kernel lets nobody execute from memory.
  static std::unique_ptr<ProgramEntry> open(Executor executor, Program program);

  /// What the runtime is to start in the container, in any directory.
  std::vector<std::string> argv() const;
  std::vector<int> inherited() const { return {self_, theirs_.get(), environment_.get()}; }
  /// The process has been forked.
  void begun();

  /// Takes in what has been said so far.
  State look();
  /// Completes when it is Running, Failed or Lost.
  Task<void> settled();
  /// Why, for people.
  SpawnFailure failure() const;

 private:
  using Stream = asio::posix::stream_descriptor;
  ProgramEntry(Executor executor, Program program, int self, FileDescriptor ours, FileDescriptor theirs,
               FileDescriptor environment);
  void hear();
  void readReport();

  Executor executor_;
  Program program_;
  int self_;
  FileDescriptor theirs_;
  FileDescriptor environment_;
  Stream door_;
  Stream pipe_;
  State state_ = State::Outside;
  SpawnFailure::Stage stage_ = SpawnFailure::Stage::Program;
  int error_ = 0;
};

}  // namespace slipway::supervisor
