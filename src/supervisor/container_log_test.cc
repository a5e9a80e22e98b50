#include "supervisor/container_log.h"

#include <gtest/gtest.h>

#include "supervisor/testing/test_pod.h"

#include "async/loop.h"

namespace slipway::supervisor {
namespace {

namespace fs = std::filesystem;

std::string wholeLog(const fs::path& log) {
  auto file = pod::LogFile::open(log, {}).value();
  std::string out;
  do out += file.read().value();
  while (!file.atEnd());
  return out;
}

TEST(ContainerLog, GoesOnInAnotherFileAndKeepsTheNewest) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "0.log";
  const auto log = ContainerLog::create(path, {.piece_bytes = 1000, .pieces = 3}).value();
  std::string all;
  for (int i = 0; i < 200; ++i) {
    const std::string line = fmt::format("this is line {}\n", i);
    log->write(0, line, WallTime(std::chrono::seconds(1700000000 + i)));
    all += line;
    if (i == 30) EXPECT_EQ(wholeLog(path), all) << "nothing is lost below the limit";
  }
  const auto pieces = pod::piecesOf(path);
  ASSERT_EQ(pieces.size(), 3U);
  for (const auto& each : pieces) EXPECT_LE(fs::file_size(each.path), 1000U);
  const std::string kept = wholeLog(path);
  EXPECT_TRUE(all.ends_with(kept));
  EXPECT_GT(kept.size(), 600U);
  EXPECT_TRUE(kept.starts_with("this is line "));
}

TEST(ContainerLog, GoesOnWithWhatIsThere) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "0.log";
  const pod::LogLimits limits{.piece_bytes = 100, .pieces = 3};
  ContainerLog::create(path, limits).value()->write(0, std::string(60, 'a') + "\n", WallTime{});
  ContainerLog::create(path, limits).value()->write(0, std::string(60, 'b') + "\n", WallTime{});
  ContainerLog::create(path, limits).value()->write(0, "c\n", WallTime{});
  EXPECT_EQ(wholeLog(path), std::string(60, 'a') + "\n" + std::string(60, 'b') + "\nc\n");
}

TEST(ContainerLog, PresentAndLastStartAreKept) {
  TestPod pod;
  pod.plan.set_restart_policy("OnFailure");
  const std::string file = (pod.state.path() / "tries").string();
  pod.add("main", "echo x >> " + file + "; wc -l < " + file + "; [ $(wc -l < " + file + ") -ge 5 ]");
  EXPECT_EQ(async::runToEnd(runSupervisor(pod.options())), 0);
  EXPECT_EQ(pod.log("main", 2), "no log");
  EXPECT_EQ(pod.log("main", 3), "4\n");
  EXPECT_EQ(pod.log("main", 4), "5\n");
}

TEST(ContainerLog, ATerminationMessageNeverTakesMoreThanItMay) {
  TestPod pod;
  pod.add("sparse", "truncate -s 500G \"$SLIPWAY_TERMINATION_LOG\"");
  pod.add("fifo", "rm \"$SLIPWAY_TERMINATION_LOG\"; mkfifo \"$SLIPWAY_TERMINATION_LOG\"");
  pod.add("link", "ln -sf /dev/zero \"$SLIPWAY_TERMINATION_LOG\"");
  auto& endless = pod.add("endless", "head -c 3000000 /dev/zero | tr '\\0' z; echo; echo end; exit 1");
  endless.set_termination_message_policy("FallbackToLogsOnError");
  async::runToEnd(runSupervisor(pod.options()));
  EXPECT_LE(pod.report().containers(0).terminated().message().size(), 4096U * 3);
  EXPECT_EQ(pod.report().containers(1).terminated().message(), "");
  EXPECT_EQ(pod.report().containers(2).terminated().message(), "");
  const std::string message = pod.report().containers(3).terminated().message();
  EXPECT_EQ(message.size(), 2048U);
  EXPECT_TRUE(message.ends_with("zz\nend\n"));
}

}  // namespace
}  // namespace slipway::supervisor
