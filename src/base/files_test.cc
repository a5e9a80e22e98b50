#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace slipway {
namespace {

TEST(WriteFileAtomic, ReplacesAndKeepsMode) {
  const TemporaryDirectory dir;
  const auto path = dir.path() / "f";
  ASSERT_TRUE(writeFileAtomic(path, "one", 0600).has_value());
  ASSERT_TRUE(writeFileAtomic(path, "two", 0600).has_value());
  EXPECT_EQ(readFile(path).value(), "two");
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(ReadFile, NamesTheMissingPath) {
  const auto result = readFile("/nowhere/at/all");
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().is(Code::NotFound));
  EXPECT_NE(result.error().message.find("/nowhere/at/all"), std::string::npos);
}

}  // namespace
}  // namespace slipway
