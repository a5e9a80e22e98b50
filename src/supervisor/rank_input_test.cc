#include "supervisor/rank_input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "async/loop.h"
#include "base/files.h"

namespace slipway::supervisor {
namespace {

RankWord parsedAgain(std::string word) {
  EXPECT_EQ(word.back(), '\n');
  word.pop_back();
  return parseRankWord(word);
}

TEST(RankWords, TheWordToEndIsReadAsItIsWritten) {
  EXPECT_EQ(stopWord(std::chrono::milliseconds(1500)), "stop 2\n");
  EXPECT_EQ(parseRankWord("stop 2").stop, std::chrono::seconds(2));
  EXPECT_EQ(stopWord(-std::chrono::seconds(3)), "stop 0\n");
  for (const char* other : {"", "stop", "stop -1", "stop x", "hello 3", "secrets", "secrets ?", "volumes \x01"}) {
    const RankWord word = parseRankWord(other);
    EXPECT_FALSE(word.stop) << other;
  }
  EXPECT_FALSE(parseRankWord("secrets ?").secrets);
  EXPECT_FALSE(parseRankWord("volumes ?").volumes);
}

TEST(RankWords, SecretsAndVolumesPassUnchanged) {
  site::v1::PodSecrets secrets;
  secrets.set_pod_uid("u");
  secrets.add_containers()->add_env()->set_value(std::string("a\n\0 b", 5));
  const auto read = parsedAgain(secretsWord(secrets)).secrets;
  ASSERT_TRUE(read);
  EXPECT_EQ(read->SerializeAsString(), secrets.SerializeAsString());
  site::v1::UpdateVolumesRequest update;
  update.add_volumes()->mutable_files()->add_files()->set_contents(std::string(1 << 20, '\n'));
  const auto volumes = parsedAgain(volumesWord(update)).volumes;
  ASSERT_TRUE(volumes);
  EXPECT_EQ(volumes->SerializeAsString(), update.SerializeAsString());
}

Task<void> readWords(int descriptor, std::vector<RankWord>& out) {
  RankInput input(co_await async::thisExecutor(), descriptor);
  while (const auto word = co_await input.next()) out.push_back(*word);
}

TEST(RankWords, ComeOneByOneHoweverTheyArrive) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const FileDescriptor from(ends[0]);
  FileDescriptor to(ends[1]);
  site::v1::PodSecrets secrets;
  secrets.set_pod_uid("u");
  const std::string text = secretsWord(secrets) + "not for us\n" + stopWord(std::chrono::seconds(4)) + "stop 9";
  ASSERT_EQ(::write(to.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  to = FileDescriptor();
  std::vector<RankWord> words;
  async::runToEnd(readWords(from.get(), words));
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0].secrets->pod_uid(), "u");
  EXPECT_FALSE(words[1].stop);
  EXPECT_EQ(words[2].stop, std::chrono::seconds(4));
}

}  // namespace
}  // namespace slipway::supervisor
