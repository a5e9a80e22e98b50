#include "supervisor/exec.h"

#include "async/deadline.h"
#include "supervisor/container_runner.h"

namespace slipway::supervisor {
namespace {

constexpr size_t kMostOutput = 10 * 1024;

Task<Result<ExecResult>> collect(std::shared_ptr<ContainerProcess> process) {
  const auto output = std::make_shared<std::string>();
  process->listen([output](int, std::string_view bytes) {
    output->append(bytes.substr(0, kMostOutput - std::min(kMostOutput, output->size())));
  });
  const int status = co_await process->wait(kDrainOutput);
  co_return ExecResult{exitCodeOf(status), *output};
}

}  // namespace

Result<std::unique_ptr<ContainerProcess>> startInContainer(const Executor& executor, ContainerRunner& runner,
                                                           const std::vector<std::string>& command, bool tty,
                                                           bool with_input) {
  static uint64_t count = 0;
  // Below the container's own instance: whatever becomes of the command, it ends with the container.
  const std::string owner = runner.process() == nullptr ? "" : runner.process()->instance();
  const std::string instance = fmt::format("{}/exec/{}", owner, ++count);
  TRY(const SpawnOptions options, runner.execOptions(command, tty, with_input, instance));
  auto spawned = spawn(options);
  if (!spawned) {
    const bool missing = spawned.error().stage == SpawnFailure::Stage::Program;
    return failure(missing ? Code::NotFound : Code::InternalError, "{}", spawned.error().message);
  }
  return std::make_unique<ContainerProcess>(executor, std::move(*spawned), instance, ContainerProcess::Others::Stay);
}

Task<void> untilEntered(ContainerRunner& runner) {
  const SteadyTime end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (runner.process() != nullptr && !runner.entered() && std::chrono::steady_clock::now() < end) {
    co_await async::sleepFor(std::chrono::milliseconds(10));
  }
}

Task<Result<ExecResult>> runInContainer(ContainerRunner& runner, std::vector<std::string> command,
                                        std::chrono::nanoseconds timeout) {
  const Executor executor = co_await async::thisExecutor();
  co_await untilEntered(runner);
  CO_TRY(std::shared_ptr<ContainerProcess> process, startInContainer(executor, runner, command, false, false));
  auto collecting = collect(process);
  co_return co_await async::withDeadline(std::move(collecting), timeout, "command");
}

}  // namespace slipway::supervisor
