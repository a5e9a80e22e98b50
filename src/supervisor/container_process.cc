#include "supervisor/container_process.h"

#include <signal.h>
#include <sys/wait.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>

#include "async/process.h"
#include "supervisor/process_tree.h"

namespace slipway::supervisor {

using asio::posix::stream_descriptor;

struct ContainerProcess::Streams {
  std::unique_ptr<stream_descriptor> input;
  std::unique_ptr<stream_descriptor> output[2];
  bool abandoned = false;  ///< the process object is gone
};

namespace {

std::unique_ptr<stream_descriptor> onLoop(const Executor& executor, FileDescriptor& fd) {
  return fd.valid() ? std::make_unique<stream_descriptor>(executor, fd.release()) : nullptr;
}

/// What lies in a pipe when the time to wait for it is over: a busy loop may not have come to read it.
std::string restOf(stream_descriptor& from) {
  constexpr size_t kMost = 4 << 20;  // somebody else may go on writing
  std::string out;
  std::vector<char> buffer(64 * 1024);
  boost::system::error_code error;
  from.non_blocking(true, error);
  while (!error && out.size() < kMost) {
    const size_t got = from.read_some(asio::buffer(buffer), error);
    out.append(buffer.data(), got);
  }
  return out;
}

}  // namespace

int exitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

ContainerProcess::ContainerProcess(Executor executor, Spawned spawned, std::string instance, Others others)
    : executor_(executor),
      pid_(spawned.pid),
      instance_(std::move(instance)),
      tty_(!spawned.errors.valid()),
      others_(others),
      streams_(std::make_shared<Streams>()),
      pumps_(executor) {
  flowing_.set();
  streams_->input = onLoop(executor, spawned.input);
  streams_->output[0] = onLoop(executor, spawned.output);
  streams_->output[1] = onLoop(executor, spawned.errors);
  for (const int stream : {0, 1}) {
    if (streams_->output[stream]) pumps_.spawn("container output", pump(streams_, stream));
  }
}

ContainerProcess::~ContainerProcess() {
  streams_->abandoned = true;
  if (!running_) return;
  signalAll(instance_, pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Task<void> ContainerProcess::pump(std::shared_ptr<Streams> streams, int stream) {
  std::vector<char> buffer(64 * 1024);
  while (true) {
    co_await flowing_.wait();
    const auto [error, got] =
        co_await streams->output[stream]->async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    // What was read is delivered, also when nobody waits for more.
    if (!error && !streams->abandoned) {
      for (const Listener& listener : listeners_) listener(stream, std::string_view(buffer.data(), got));
    }
    co_await async::throwIfCancelled();
    if (error) co_return;  // a terminal whose other side is closed gives EIO
  }
}

ContainerProcess::ListenerId ContainerProcess::listen(Listener listener) {
  return listeners_.insert(listeners_.end(), std::move(listener));
}

void ContainerProcess::hold(bool held) {
  if (held) {
    flowing_.reset();
  } else {
    flowing_.set();
  }
}

void ContainerProcess::unlisten(ListenerId id) {
  listeners_.erase(id);
}

Task<int> ContainerProcess::wait(std::chrono::nanoseconds drain) {
  const int status = co_await async::waitForChild(pid_);
  running_ = false;
  if (others_ == Others::End) signalAll(instance_, pid_, SIGKILL);
  SteadyTime end = std::chrono::steady_clock::now() + drain;
  while (pumps_.size() > 0 && std::chrono::steady_clock::now() < end) {
    co_await async::sleepFor(std::chrono::milliseconds(2));
    // Time in which a slow reader holds the output up does not count.
    if (!flowing_.isSet()) end = std::chrono::steady_clock::now() + drain;
  }
  const bool all_read = pumps_.size() == 0;
  co_await pumps_.stop();
  for (const int stream : {0, 1}) {
    if (all_read || !streams_->output[stream]) continue;
    const std::string rest = restOf(*streams_->output[stream]);
    for (const Listener& listener : listeners_) {
      if (!rest.empty()) listener(stream, rest);
    }
  }
  for (const auto& listener : end_listeners_) listener(status);
  co_return status;
}

Task<Status> ContainerProcess::writeInput(std::string bytes) {
  const auto streams = streams_;
  stream_descriptor* to = tty_ ? streams->output[0].get() : streams->input.get();
  if (to == nullptr) co_return failure(Code::ServiceUnavailable, "standard input is closed");
  const auto [error, put] = co_await asio::async_write(*to, asio::buffer(bytes), asio::as_tuple(asio::use_awaitable));
  co_await async::throwIfCancelled();
  if (error) co_return failure(Code::ServiceUnavailable, "standard input: {}", error.message());
  co_return Status();
}

void ContainerProcess::closeInput() {
  if (tty_ && streams_->output[0]) {
    const char end_of_transmission = 4;
    [[maybe_unused]] const ssize_t put = ::write(streams_->output[0]->native_handle(), &end_of_transmission, 1);
  } else {
    streams_->input.reset();
  }
}

void ContainerProcess::resize(unsigned columns, unsigned rows) {
  if (tty_ && streams_->output[0]) resizeTerminal(streams_->output[0]->native_handle(), columns, rows);
}

void ContainerProcess::terminate(int signal) {
  if (running_) ::kill(pid_, signal);
}

void ContainerProcess::kill() {
  if (running_) signalAll(instance_, pid_, SIGKILL);
}

}  // namespace slipway::supervisor
