#include <gtest/gtest.h>

#include "async/blocking.h"
#include "async/deadline.h"
#include "async/loop.h"
#include "async/process.h"
#include "async/work_queue.h"

namespace slipway::async {
namespace {

using namespace std::chrono_literals;

Task<Result<int>> answerAfter(std::chrono::nanoseconds delay, int value) {
  co_await sleepFor(delay);
  co_return value;
}

TEST(WithDeadline, GivesTheResultInTime) {
  EXPECT_EQ(runToEnd(withDeadline(answerAfter(1ms, 7), 10s, "x")).value(), 7);
}

TEST(WithDeadline, CancelsAndNamesWhatWasLate) {
  const auto result = runToEnd(withDeadline(answerAfter(1h, 7), 5ms, "asking n1"));
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().is(Code::Timeout));
  EXPECT_EQ(result.error().message, "asking n1: no answer within 5ms");
}

Task<void> sleepsAfterADeadline(bool& begun) {
  (void)co_await withDeadline(answerAfter(1h, 7), 1ms, "x");
  BlockingPool pool(1);
  co_await pool.run([] { return 1; });
  begun = true;
  co_await sleepFor(1h);
}

Task<void> cancelsAfterADeadline() {
  const Executor executor = co_await thisExecutor();
  TaskGroup group(executor);
  bool begun = false;
  group.spawn("sleeper", sleepsAfterADeadline(begun));
  while (!begun) co_await yield();
  co_await yield();
  co_await group.stop();
}

TEST(WithDeadline, LeavesTheCallerCancellable) {
  runToEnd(cancelsAfterADeadline());
}

struct Noting {
  std::vector<std::string>& notes;
  std::string note;
  ~Noting() { notes.push_back(note); }
};

Task<Result<int>> notesItsEnd(std::vector<std::string>& notes) {
  const Noting noting{notes, "task"};
  co_await sleepFor(1h);
  co_return 1;
}

Task<void> waitsForItsTask(std::vector<std::string>& notes) {
  const Noting noting{notes, "caller"};
  (void)co_await withDeadline(notesItsEnd(notes), 1h, "x");
}

Task<void> cancelsWithinADeadline(std::vector<std::string>& notes) {
  const Executor executor = co_await thisExecutor();
  TaskGroup group(executor);
  group.spawn("caller", waitsForItsTask(notes));
  co_await sleepFor(5ms);
  co_await group.stop();
}

TEST(WithDeadline, CancelledCallerUnwindsAfterItsTask) {
  std::vector<std::string> notes;
  runToEnd(cancelsWithinADeadline(notes));
  EXPECT_EQ(notes, (std::vector<std::string>{"task", "caller"}));
}

Task<void> increments(int& counter, std::chrono::nanoseconds delay) {
  co_await sleepFor(delay);
  ++counter;
}

Task<void> stopsAGroup(int& counter) {
  const Executor executor = co_await thisExecutor();
  TaskGroup group(executor);
  group.spawn("quick", increments(counter, 1ms));
  co_await group.join();
  group.spawn("slow", increments(counter, 1h));
  co_await yield();
  co_await group.stop();
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, StopCancelsAndJoins) {
  int counter = 0;
  runToEnd(stopsAGroup(counter));
  EXPECT_EQ(counter, 1);
}

Task<void> produce(Channel<int>& channel) {
  for (int i = 0; i < 100; ++i) co_await channel.send(i);
  channel.close();
}

Task<int> sumsAChannel() {
  const Executor executor = co_await thisExecutor();
  Channel<int> channel(3);
  TaskGroup group(executor);
  group.spawn("producer", produce(channel));
  int sum = 0;
  while (true) {
    const std::optional<int> item = co_await channel.receive();
    if (!item) break;
    EXPECT_LE(channel.size(), 3U);
    sum += *item;
  }
  co_await group.join();
  co_return sum;
}

TEST(Channel, DeliversEverythingInOrderAndEnds) {
  EXPECT_EQ(runToEnd(sumsAChannel()), 4950);
}

Task<void> usesAQueue() {
  const Executor executor = co_await thisExecutor();
  SystemRandom random;
  WorkQueue<std::string> queue(executor, {.initial = 1ms, .max = 4ms}, random);
  queue.add("a");
  queue.add("a");
  queue.add("b");
  EXPECT_EQ(queue.size(), 2U);
  std::optional<std::string> key = co_await queue.get();
  EXPECT_EQ(*key, "a");
  queue.add("a");  // while a worker has it
  EXPECT_EQ(queue.size(), 1U);
  queue.done("a");
  EXPECT_EQ(queue.size(), 2U);
  key = co_await queue.get();
  EXPECT_EQ(*key, "b");
  queue.done("b");
  key = co_await queue.get();
  EXPECT_EQ(*key, "a");
  queue.done("a");
  queue.retry("c");
  EXPECT_EQ(queue.size(), 0U);
  key = co_await queue.get();
  EXPECT_EQ(*key, "c");
  queue.done("c");
  EXPECT_TRUE(queue.idle());
  queue.close();
  key = co_await queue.get();
  EXPECT_FALSE(key.has_value());
}

TEST(WorkQueue, HoldsAKeyOnceAndReturnsIt) {
  runToEnd(usesAQueue());
}

TEST(Process, GivesOutputErrorsAndExitCode) {
  SystemProcessRunner runner;
  const auto result = runToEnd(runner.run({.argv = {"sh", "-c", "cat; echo oops >&2; exit 3"}, .input = "hello"}));
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->output, "hello");
  EXPECT_EQ(result->errors, "oops\n");
  EXPECT_EQ(result->exit_code, 3);
}

TEST(Process, LargeOutputIsWhole) {
  SystemProcessRunner runner;
  const auto result = runToEnd(runner.run({.argv = {"seq", "200000"}}));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->output.size(), 1288895U);
}

TEST(Process, MissingProgramIsNotFound) {
  SystemProcessRunner runner;
  const auto result = runToEnd(runner.run({.argv = {"no-such-program-here"}}));
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().is(Code::NotFound));
}

TEST(Process, IsKilledAtItsTimeLimit) {
  SystemProcessRunner runner;
  const auto begin = std::chrono::steady_clock::now();
  const auto result = runToEnd(runner.run({.argv = {"sh", "-c", "sleep 60 & sleep 60"}, .timeout = 50ms}));
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().is(Code::Timeout));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST(Process, EnvironmentIsSetAndUnset) {
  SystemProcessRunner runner;
  Command command{.argv = {"sh", "-c", "echo \"$A-${HOME-gone}\""}};
  command.environment["A"] = "x\ny";
  command.unset = {"HOME"};
  const auto result = runToEnd(runner.run(command));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->output, "x\ny-gone\n");
}

Task<int> blocksElsewhere(BlockingPool& pool) {
  const auto loop_thread = std::this_thread::get_id();
  const bool elsewhere = co_await pool.run([loop_thread] { return std::this_thread::get_id() != loop_thread; });
  EXPECT_TRUE(elsewhere);
  EXPECT_EQ(std::this_thread::get_id(), loop_thread);
  co_return 1;
}

TEST(BlockingPool, RunsElsewhereAndComesBack) {
  BlockingPool pool(1);
  EXPECT_EQ(runToEnd(blocksElsewhere(pool)), 1);
}

}  // namespace
}  // namespace slipway::async
