#include "container/image_cache.h"

#include <gtest/gtest.h>

#include "async/loop.h"

namespace slipway::container {
namespace {

namespace fs = std::filesystem;

struct CacheTest : testing::Test {
  TemporaryDirectory root;
  std::shared_ptr<async::ProcessRunner> runner = std::make_shared<async::SystemProcessRunner>();

  /// An image of 1000 bytes that was used so many hours ago.
  void add(const std::string& name, int hours) {
    ASSERT_TRUE(makeDirectories(root.path() / name / "rootfs/closed"));
    ASSERT_TRUE(writeFileAtomic(root.path() / name / "size", "1000"));
    fs::permissions(root.path() / name / "rootfs/closed", fs::perms::none);
    ASSERT_TRUE(makeDirectories(root.path() / "use"));
    ASSERT_TRUE(writeFileAtomic(root.path() / "use" / name, ""));
    fs::last_write_time(root.path() / "use" / name, fs::file_time_type::clock::now() - std::chrono::hours(hours));
  }
  void collect(int64_t most) {
    ImageCache cache(root.path(), most, runner);
    EXPECT_TRUE(async::runToEnd(cache.collect()).has_value());
  }
  bool has(const std::string& name) const { return fs::exists(root.path() / name); }
};

TEST_F(CacheTest, WhatWasUsedLongestAgoGoesFirst) {
  add("sha256-a", 1);
  add("sha256-b", 3);
  add("sha256-c", 2);
  collect(0);
  collect(3000);
  EXPECT_TRUE(has("sha256-b"));
  collect(2500);
  EXPECT_FALSE(has("sha256-b"));
  EXPECT_TRUE(has("sha256-a") && has("sha256-c"));
  EXPECT_FALSE(has("trash-sha256-b"));
}

TEST_F(CacheTest, WhatIsInUseStays) {
  add("sha256-a", 1);
  add("sha256-b", 3);
  {
    ImageCache other(root.path(), 0, runner);
    ASSERT_TRUE(async::runToEnd(other.hold("sha256-b")).has_value());
    fs::last_write_time(root.path() / "use/sha256-b", fs::file_time_type::clock::now() - std::chrono::hours(9));
    collect(1000);
    EXPECT_TRUE(has("sha256-b"));
    EXPECT_FALSE(has("sha256-a"));
    collect(500);
    EXPECT_TRUE(has("sha256-b"));
  }
  collect(500);
  EXPECT_FALSE(has("sha256-b"));
}

}  // namespace
}  // namespace slipway::container
