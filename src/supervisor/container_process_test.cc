#include "supervisor/container_process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "async/loop.h"

namespace slipway::supervisor {
namespace {

Task<void> readAfterTheEnd(std::string& out, std::string& err) {
  const Executor executor = co_await async::thisExecutor();
  SpawnOptions options;
  options.launch.argv = {"/bin/sh", "-c", "echo out; echo err >&2"};
  auto spawned = spawn(options);
  EXPECT_TRUE(spawned.has_value());
  if (!spawned) co_return;
  ContainerProcess process(executor, std::move(*spawned), "test/rest");
  process.listen([&](int stream, std::string_view bytes) { (stream == 0 ? out : err) += bytes; });
  // A loop that has had no time to read until the process is gone.
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(process.pid()), &info, WEXITED | WNOWAIT), 0);
  const int status = co_await process.wait(std::chrono::nanoseconds(0));
  EXPECT_EQ(status, 0);
}

TEST(ContainerProcess, OutputIsDeliveredHoweverBusyTheLoopWas) {
  for (int i = 0; i < 20; ++i) {
    std::string out;
    std::string err;
    async::runToEnd(readAfterTheEnd(out, err));
    EXPECT_EQ(out, "out\n");
    EXPECT_EQ(err, "err\n");
  }
}

}  // namespace
}  // namespace slipway::supervisor
