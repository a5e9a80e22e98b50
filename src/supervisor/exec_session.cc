#include "supervisor/exec_session.h"

#include "supervisor/exec.h"

namespace slipway::supervisor {
namespace {

using site::v1::ExecInput;
using site::v1::ExecOutput;
using tunnel::ServerCall;

constexpr size_t kHoldAt = 256 * 1024;
constexpr size_t kMostInAttach = 16 * 1024 * 1024;
constexpr size_t kPiece = 32 * 1024;

/// What a process wrote and the caller has not got yet.
struct Outbox {
  std::string streams[2];
  async::Event changed;
  bool ended = false;
  int status = 0;
  size_t size() const { return streams[0].size() + streams[1].size(); }
};

Task<Status> sendOutput(ServerCall& call, ContainerProcess* process, std::shared_ptr<Outbox> outbox) {
  while (true) {
    for (int stream : {0, 1}) {
      std::string& waiting = outbox->streams[stream];
      while (!waiting.empty()) {
        ExecOutput output;
        std::string piece = waiting.substr(0, kPiece);
        waiting.erase(0, kPiece);
        (stream == 0 ? output.mutable_stdout() : output.mutable_stderr())->swap(piece);
        CO_TRY_STATUS(co_await call.send(output.SerializeAsString()));
      }
    }
    if (process != nullptr && !outbox->ended && outbox->size() < kHoldAt) process->hold(false);
    if (outbox->size() > 0) continue;
    if (outbox->ended) break;
    co_await outbox->changed.wait();
    outbox->changed.reset();
  }
  ExecOutput last;
  last.set_exited(true);
  last.set_exit_code(exitCodeOf(outbox->status));
  co_return co_await call.send(last.SerializeAsString());
}

Task<void> waitForEnd(ContainerProcess& process, std::shared_ptr<Outbox> outbox) {
  outbox->status = co_await process.wait(kDrainOutput);
  outbox->ended = true;
  outbox->changed.set();
}

/// From the caller to the process, which may go meanwhile: `find` gives it anew each time.
Task<void> receiveInput(ServerCall& call, std::function<ContainerProcess*()> find, bool close_at_end,
                        std::shared_ptr<async::Event> gone) {
  while (true) {
    const auto message = co_await call.receive();
    if (!message) {
      gone->set();
      co_return;
    }
    ContainerProcess* process = find();
    if (!*message || process == nullptr) break;
    const auto input = tunnel::parseMessage<ExecInput>(**message);
    if (!input) break;
    if (input->has_resize()) process->resize(input->resize().columns(), input->resize().rows());
    if (!input->stdin().empty()) co_await process->writeInput(input->stdin());
    process = find();
    if (input->stdin_closed() && close_at_end && process != nullptr) process->closeInput();
  }
  ContainerProcess* process = find();
  if (close_at_end && process != nullptr) process->closeInput();
}

Task<Status> sendError(ServerCall& call, std::string message, int exit_code) {
  ExecOutput output;
  output.set_exited(true);
  output.set_exit_code(exit_code);
  output.set_error(std::move(message));
  co_return co_await call.send(output.SerializeAsString());
}

Task<Status> runCommand(ContainerRunner& runner, ServerCall& call, site::v1::ExecStart start) {
  const Executor executor = co_await async::thisExecutor();
  const std::vector<std::string> command(start.command().begin(), start.command().end());
  co_await untilEntered(runner);
  auto started = startInContainer(executor, runner, command, start.tty(), start.stdin());
  if (!started) {
    const int code = started.error().is(Code::NotFound) ? 127 : 126;
    co_return co_await sendError(call, started.error().message, code);
  }
  ContainerProcess& process = **started;
  const auto outbox = std::make_shared<Outbox>();
  process.listen([outbox, &process](int stream, std::string_view bytes) {
    outbox->streams[stream] += bytes;
    if (outbox->size() >= kHoldAt) process.hold(true);
    outbox->changed.set();
  });
  async::TaskGroup group(executor);
  const auto gone = std::make_shared<async::Event>();
  group.spawn("exec input", receiveInput(call, [&process] { return &process; }, true, gone));
  group.spawn("exec end", waitForEnd(process, outbox));
  Status sent;
  std::exception_ptr cancelled;
  try {
    sent = co_await sendOutput(call, &process, outbox);
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  if (!outbox->ended) process.kill();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await group.stop();
  if (cancelled) std::rethrow_exception(cancelled);
  co_return sent;
}

Task<Status> attach(ContainerRunner& runner, ServerCall& call, site::v1::ExecStart start) {
  const Executor executor = co_await async::thisExecutor();
  ContainerProcess* process = runner.process();
  if (process == nullptr) {
    co_return co_await sendError(call, fmt::format("container {} is not running", runner.name()), 1);
  }
  const std::string instance = process->instance();
  const auto find = [&runner, instance]() -> ContainerProcess* {
    ContainerProcess* now = runner.process();
    return now != nullptr && now->instance() == instance ? now : nullptr;
  };
  const auto outbox = std::make_shared<Outbox>();
  const bool both[2] = {start.stdout(), start.stderr()};
  const auto listener = process->listen([outbox, out = both[0], err = both[1]](int stream, std::string_view bytes) {
    if ((stream == 0 ? out : err) && outbox->size() < kMostInAttach) outbox->streams[stream] += bytes;
    outbox->changed.set();
  });
  // As a kubelet: how the container ended is said by its status, attaching to it went well.
  const auto end_listener = process->onEnd([outbox](int) {
    outbox->ended = true;
    outbox->changed.set();
  });
  async::TaskGroup group(executor);
  const auto gone = std::make_shared<async::Event>();
  if (start.stdin() || start.tty()) {
    group.spawn("attach input", receiveInput(call, find, runner.plan().stdin_once(), gone));
  }
  Status sent;
  std::exception_ptr cancelled;
  try {
    sent = co_await sendOutput(call, nullptr, outbox);
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  if (ContainerProcess* still = find()) {
    still->unlisten(listener);
    still->forgetOnEnd(end_listener);
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await group.stop();
  if (cancelled) std::rethrow_exception(cancelled);
  co_return sent;
}

}  // namespace

Task<Status> serveExec(PodSupervisor& supervisor, ServerCall& call) {
  CO_TRY(const auto first, co_await call.receive());
  if (!first) co_return failure(Code::BadRequest, "exec: no first message");
  CO_TRY(const ExecInput input, tunnel::parseMessage<ExecInput>(*first));
  const site::v1::ExecStart& start = input.start();
  ContainerRunner* runner = supervisor.find(start.container());
  if (runner == nullptr) co_return failure(Code::NotFound, "container \"{}\" is not in the pod", start.container());
  if (start.attach() || start.command().empty()) co_return co_await attach(*runner, call, start);
  co_return co_await runCommand(*runner, call, start);
}

}  // namespace slipway::supervisor
