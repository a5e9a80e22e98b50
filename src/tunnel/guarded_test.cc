#include "tunnel/guarded.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "async/task_group.h"

namespace slipway::tunnel {
namespace {

using namespace std::chrono_literals;

Task<void> notes(std::vector<std::string>& log, std::string what, std::chrono::nanoseconds after) {
  co_await async::sleepFor(after);
  log.push_back(what);
}

Task<void> bodyThenCleanup(std::vector<std::string>& log) {
  co_await guarded(notes(log, "body", 1ms), notes(log, "cleanup", 1ms));
}

TEST(Guarded, CleanupComesAfterTheBody) {
  std::vector<std::string> log;
  async::runToEnd(bodyThenCleanup(log));
  EXPECT_EQ(log, (std::vector<std::string>{"body", "cleanup"}));
}

Task<void> victim(std::vector<std::string>& log) {
  co_await guarded(notes(log, "quick", 1ms), notes(log, "tidy", 1ms));
  log.push_back("second");
  co_await guarded(notes(log, "body", 1h), notes(log, "cleanup", 5ms));
  log.push_back("went on");
}

Task<void> cancelsVictim(std::vector<std::string>& log) {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("victim", victim(log));
  while (log.size() < 3) co_await async::sleepFor(1ms);
  co_await group.stop();
  log.push_back("joined");
}

TEST(Guarded, ACancelledCallerUnwindsAfterTheCleanup) {
  std::vector<std::string> log;
  async::runToEnd(cancelsVictim(log));
  EXPECT_EQ(log, (std::vector<std::string>{"quick", "tidy", "second", "cleanup", "joined"}));
}

}  // namespace
}  // namespace slipway::tunnel
