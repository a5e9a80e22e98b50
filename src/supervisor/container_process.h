#pragma once

#include <functional>
#include <list>
#include <memory>

#include "async/task_group.h"
#include "supervisor/container_log.h"
#include "supervisor/spawn.h"

namespace slipway::supervisor {

/// A process that was started, with its streams on the loop. Output goes to listeners as it is written; the last bytes
/// are delivered before ended() completes.
///
/// Life cycle: start(), then wait() once. Destroying it while the process runs kills all that carries its instance.
class ContainerProcess {
 public:
  /// `stream` 0 is stdout, 1 is stderr.
  using Listener = std::function<void(int stream, std::string_view bytes)>;
  using ListenerId = std::list<Listener>::iterator;

  /// What becomes of other processes of the instance when the first one ends by itself.
  enum class Others {
    End,   ///< of a container: they go with it, as when the first process of a PID namespace ends
    Stay,  ///< of a command beside it: what it left in the background is the container's
  };

  ContainerProcess(Executor executor, Spawned spawned, std::string instance, Others others = Others::End);
  ~ContainerProcess();

  ListenerId listen(Listener listener);
  void unlisten(ListenerId id);
  using EndListener = std::function<void(int)>;
  using EndListenerId = std::list<EndListener>::iterator;
  /// Called once with the wait status when all output has been delivered.
  EndListenerId onEnd(EndListener listener) { return end_listeners_.insert(end_listeners_.end(), std::move(listener)); }
  void forgetOnEnd(EndListenerId id) { end_listeners_.erase(id); }
  /// Stops reading its output for a while, so that a slow reader slows it down.
  void hold(bool held);
  /// Exit status as of waitpid(2), after everything that goes with it has been killed and the output is drained;
  /// `drain` bounds the wait for a pipe that somebody else holds.
  Task<int> wait(std::chrono::nanoseconds drain);
  /// Into standard input; ServiceUnavailable when nobody reads it.
  Task<Status> writeInput(std::string bytes);
  void closeInput();
  void resize(unsigned columns, unsigned rows);
  bool hasTerminal() const { return tty_; }

  void terminate(int signal);
  void kill();
  pid_t pid() const { return pid_; }
  const std::string& instance() const { return instance_; }

 private:
  struct Streams;
  Task<void> pump(std::shared_ptr<Streams> streams, int stream);
  Executor executor_;
  pid_t pid_;
  std::string instance_;
  bool tty_;
  bool running_ = true;
  Others others_;
  std::shared_ptr<Streams> streams_;
  std::list<Listener> listeners_;
  std::list<EndListener> end_listeners_;
  async::Event flowing_;
  async::TaskGroup pumps_;
};

/// Exit code as a shell has it.
int exitCodeOf(int wait_status);

}  // namespace slipway::supervisor
