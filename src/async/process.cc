#include "async/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <thread>

#include "async/deadline.h"
#include "base/files.h"
#include "base/strings.h"

extern char** environ;

namespace slipway::async {
namespace {

using asio::posix::stream_descriptor;

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Result<Pipe> makePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return failure(errnoError("pipe", errno));
  return Pipe{FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

std::vector<std::string> environmentOf(const Command& command) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name(splitOnce(*entry, '=').first);
    const bool removed = std::find(command.unset.begin(), command.unset.end(), name) != command.unset.end();
    if (!removed && !command.environment.contains(name)) out.emplace_back(*entry);
  }
  for (const auto& [name, value] : command.environment) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointersTo(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// In the child, between fork and exec: only async-signal-safe calls. Writes errno to `report` when exec fails.
[[noreturn]] void becomeProgram(char** argv, char** environment, const char* directory, int in, int out, int err,
                                int report) {
  ::setpgid(0, 0);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (directory == nullptr || ::chdir(directory) == 0) ::execvpe(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t put = ::write(report, &error, sizeof error);
  ::_exit(127);
}

struct Started {
  pid_t pid = -1;
  FileDescriptor input;
  FileDescriptor output;
  FileDescriptor errors;
};

Result<Started> start(const Command& command) {
  if (command.argv.empty()) return failure(Code::InternalError, "no program to run");
  TRY(Pipe in, makePipe());
  TRY(Pipe out, makePipe());
  TRY(Pipe err, makePipe());
  TRY(Pipe report, makePipe());
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> variables = environmentOf(command);
  const std::vector<char*> argv = pointersTo(arguments);
  const std::vector<char*> envp = pointersTo(variables);
  const char* directory = command.working_directory.empty() ? nullptr : command.working_directory.c_str();
  const pid_t pid = ::fork();
  if (pid < 0) return failure(errnoError(fmt::format("start {}", command.argv[0]), errno));
  if (pid == 0) {
    const bool connected = command.connection >= 0;
    becomeProgram(const_cast<char**>(argv.data()), const_cast<char**>(envp.data()), directory,
                  connected ? command.connection : in.read.get(), connected ? command.connection : out.write.get(),
                  err.write.get(), report.write.get());
  }
  report.write.reset();
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(report.read.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    ::waitpid(pid, nullptr, 0);
    return failure(errnoError(fmt::format("start {}", command.argv[0]), error));
  }
  return Started{pid, std::move(in.write), std::move(out.read), std::move(err.read)};
}

Task<void> feed(std::shared_ptr<stream_descriptor> pipe, std::shared_ptr<std::string> input) {
  // A program that does not read its input to the end breaks the pipe: that is its right.
  co_await asio::async_write(*pipe, asio::buffer(*input), asio::as_tuple(asio::use_awaitable));
  pipe->close();
}

Task<Result<std::string>> drain(std::shared_ptr<stream_descriptor> pipe, size_t limit,
                                std::function<void(std::string_view)> taker) {
  std::string out;
  size_t total = 0;
  std::array<char, 65536> buffer;
  while (true) {
    const auto outcome = co_await pipe->async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    co_await throwIfCancelled();
    if (std::get<0>(outcome)) co_return out;
    const std::string_view piece(buffer.data(), std::get<1>(outcome));
    total += piece.size();
    if (taker) {
      taker(piece);
    } else {
      out.append(piece);
    }
    if (total > limit) co_return failure(Code::RequestEntityTooLarge, "prints more than {} bytes", limit);
  }
}

Task<void> drainInto(std::shared_ptr<stream_descriptor> pipe, size_t limit, std::shared_ptr<Result<std::string>> into,
                     std::function<void(std::string_view)> taker) {
  *into = co_await drain(pipe, limit, std::move(taker));
}

std::shared_ptr<stream_descriptor> descriptorOn(const Executor& executor, FileDescriptor& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return std::make_shared<stream_descriptor>(executor, fd.release());
}

/// Kills the process group unless told that the program has ended.
struct KillOnExit {
  pid_t pid;
  bool ended = false;
  ~KillOnExit() {
    ::kill(-pid, SIGKILL);
    if (ended || ::waitpid(pid, nullptr, WNOHANG) != 0) return;
    // One that hangs in the kernel, on a dead network file system for example, dies when it can; the loop does not
    // wait.
    std::thread([pid = pid] { ::waitpid(pid, nullptr, 0); }).detach();
  }
};

Task<Result<ProcessResult>> runStarted(Command command, Started started) {
  KillOnExit guard{started.pid};
  const Executor executor = co_await thisExecutor();
  const auto output = std::make_shared<Result<std::string>>(std::string());
  const auto errors = std::make_shared<Result<std::string>>(std::string());
  const auto out_pipe = descriptorOn(executor, started.output);
  const auto err_pipe = descriptorOn(executor, started.errors);
  const auto in_pipe = descriptorOn(executor, started.input);
  TaskGroup group(executor);
  group.spawn("process input", feed(in_pipe, std::make_shared<std::string>(std::move(command.input))));
  group.spawn("process output", drainInto(out_pipe, command.max_output, output, std::move(command.on_output)));
  group.spawn("process errors", drainInto(err_pipe, command.max_output, errors, nullptr));
  co_await group.join();
  const int status = co_await waitForChild(started.pid);
  guard.ended = true;
  if (!*output) co_return failure(output->error().wrap(command.argv[0]));
  if (!*errors) co_return failure(errors->error().wrap(command.argv[0]));
  ProcessResult result;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.exit_code = WIFSIGNALED(status) ? 128 + result.signal : WEXITSTATUS(status);
  result.output = std::move(**output);
  result.errors = std::move(**errors);
  co_return result;
}

}  // namespace

Task<int> waitForChild(pid_t pid) {
  const Executor executor = co_await thisExecutor();
  asio::signal_set child_ended(executor, SIGCHLD);
  while (true) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, WNOHANG);
    if (got == pid) co_return status;
    if (got < 0 && errno != EINTR) co_return 0x7F00;  // somebody else took it: exit code 127
    co_await child_ended.async_wait(asio::use_awaitable);
  }
}

Task<Result<ProcessResult>> SystemProcessRunner::run(Command command) {
  auto started = start(command);
  if (!started) co_return failure(started.error());
  const auto timeout = command.timeout;
  const std::string name = command.argv[0];
  auto running = runStarted(std::move(command), std::move(*started));
  co_return co_await withDeadline(std::move(running), timeout, name);
}

}  // namespace slipway::async
