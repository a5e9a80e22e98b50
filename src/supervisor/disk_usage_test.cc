#include "supervisor/disk_usage.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/files.h"

namespace slipway::supervisor {
namespace {

TEST(DiskUsage, CountsWhatFilesTake) {
  TemporaryDirectory folder;
  ASSERT_TRUE(makeDirectories(folder.path() / "deep/er"));
  const int64_t before = async::runToEnd(diskUsage(folder.path()));
  ASSERT_TRUE(writeFileAtomic(folder.path() / "deep/er/file", std::string(1 << 20, 'x')));
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(writeFileAtomic(folder.path() / std::to_string(i), "x"));
  const int64_t after = async::runToEnd(diskUsage(folder.path()));
  EXPECT_GE(after - before, 1 << 20);
  EXPECT_EQ(async::runToEnd(diskUsage(folder.path() / "nothing")), 0);
}

TEST(DiskUsage, SizesAreWrittenAsKubernetesDoes) {
  EXPECT_EQ(binarySize(0), "0");
  EXPECT_EQ(binarySize(1000), "1000");
  EXPECT_EQ(binarySize(1 << 20), "1Mi");
  EXPECT_EQ(binarySize(int64_t{10} << 30), "10Gi");
}

}  // namespace
}  // namespace slipway::supervisor
