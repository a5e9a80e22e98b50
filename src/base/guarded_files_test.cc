#include "base/guarded_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slipway {
namespace {

namespace fs = std::filesystem;

TEST(PrivateDirectory, IsMadeAndTakenAgain) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "a/b";
  ASSERT_TRUE(makePrivateDirectory(path));
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0700));
  EXPECT_TRUE(makePrivateDirectory(path));
}

TEST(PrivateDirectory, WhatSomebodyElseCouldHavePlantedIsRefused) {
  const TemporaryDirectory directory;
  const fs::path target = directory.path() / "target";
  fs::create_directory(target);
  fs::permissions(target, fs::perms(0755));
  const auto refused = makePrivateDirectory(target);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Code::Forbidden));
  EXPECT_NE(refused.error().message.find(target.string()), std::string::npos);
  fs::permissions(target, fs::perms(0700));
  fs::create_directory_symlink(target, directory.path() / "link");
  EXPECT_TRUE(makePrivateDirectory(directory.path() / "link").error().is(Code::Forbidden));
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(::chown(target.c_str(), 65534, 65534), 0);
  EXPECT_TRUE(makePrivateDirectory(target).error().is(Code::Forbidden));
  EXPECT_TRUE(removeTree(target).error().is(Code::Forbidden));
  EXPECT_TRUE(fs::exists(target));
}

TEST(MakeBelow, MakesPointsAndLeavesWhatIsThere) {
  const TemporaryDirectory directory;
  fs::create_directory(directory.path() / "open");
  fs::permissions(directory.path() / "open", fs::perms(0777));
  ASSERT_TRUE(makeBelow(directory.path(), "/open/x/y", FileKind::Directory));
  ASSERT_TRUE(makeBelow(directory.path(), "open/x/f", FileKind::File));
  EXPECT_TRUE(fs::is_directory(directory.path() / "open/x/y"));
  EXPECT_TRUE(fs::is_regular_file(directory.path() / "open/x/f"));
  EXPECT_TRUE(makeBelow(directory.path(), "open", FileKind::Directory));
  EXPECT_EQ(fs::status(directory.path() / "open").permissions(), fs::perms(0777));
}

TEST(MakeBelow, LeavesTheRootNeitherByParentsNorByLinks) {
  const TemporaryDirectory directory;
  const fs::path root = directory.path() / "root";
  fs::create_directory(root);
  EXPECT_TRUE(makeBelow(root, "a/../../x", FileKind::File).error().is(Code::Invalid));
  fs::create_directory_symlink(directory.path(), root / "out");
  EXPECT_TRUE(makeBelow(root, "out/x", FileKind::File).error().is(Code::Invalid));
  EXPECT_TRUE(makeBelow(root, "out/d/e", FileKind::Directory).error().is(Code::Invalid));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 1);
}

TEST(ReadInRoot, FollowsLinksAsIfTheRootWereTheRoot) {
  const TemporaryDirectory directory;
  const fs::path root = directory.path() / "root";
  fs::create_directories(root / "etc");
  ASSERT_TRUE(writeFileAtomic(directory.path() / "outside", "no"));
  ASSERT_TRUE(writeFileAtomic(root / "real", "yes"));
  fs::create_symlink("/real", root / "etc/passwd");
  fs::create_symlink(directory.path() / "outside", root / "etc/group");
  fs::create_symlink("../../../../outside", root / "etc/hosts");
  const auto inside = readInRoot(root, "etc/passwd", 10);
  if (inside) EXPECT_EQ(*inside, "yes");  // kernels before 5.6 follow no link
  EXPECT_FALSE(readInRoot(root, "etc/group", 10));
  EXPECT_FALSE(readInRoot(root, "etc/hosts", 10));
  EXPECT_TRUE(readInRoot(root, "real", 2).error().is(Code::RequestEntityTooLarge));
}

TEST(ReadHead, TakesRegularFilesOnlyAndNeverWaits) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "f";
  ASSERT_TRUE(writeFileAtomic(file, "0123456789"));
  EXPECT_EQ(readHead(file, 4).value(), "0123");
  EXPECT_EQ(readHead(file, 100).value(), "0123456789");
  fs::resize_file(file, uintmax_t{1} << 40U);
  EXPECT_EQ(readHead(file, 4).value(), "0123");
  fs::create_symlink(file, directory.path() / "link");
  EXPECT_FALSE(readHead(directory.path() / "link", 4));
  ASSERT_EQ(::mkfifo((directory.path() / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(readHead(directory.path() / "fifo", 4).error().is(Code::Invalid));
  EXPECT_TRUE(readInRoot(directory.path(), "fifo", 4).error().is(Code::Invalid));
}

TEST(RemoveTree, GoesThroughClosedFoldersAndNotThroughLinks) {
  const TemporaryDirectory directory;
  const fs::path kept = directory.path() / "kept";
  fs::create_directories(kept / "x");
  const fs::path tree = directory.path() / "tree";
  fs::create_directories(tree / "work/work");
  fs::create_directories(tree / "upper/closed/inner");
  fs::create_directory_symlink(kept, tree / "link");
  fs::permissions(tree / "work/work", fs::perms::none);
  fs::permissions(tree / "upper/closed", fs::perms(0555));
  ASSERT_TRUE(removeTree(tree));
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_TRUE(fs::exists(kept / "x"));
  EXPECT_TRUE(removeTree(tree));
}

TEST(RemoveTree, ALongChainOfFoldersIsRemoved) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(makeDirectories(directory.path() / "tree"));
  FileDescriptor at = openFile(directory.path() / "tree", O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
    at = FileDescriptor(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY));
  }
  at.reset();
  EXPECT_TRUE(removeTree(directory.path() / "tree"));
  EXPECT_FALSE(fs::exists(directory.path() / "tree"));
}

}  // namespace
}  // namespace slipway
