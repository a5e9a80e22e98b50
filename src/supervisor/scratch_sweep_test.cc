#include "supervisor/scratch_sweep.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/guarded_files.h"

namespace slipway::supervisor {
namespace {

namespace fs = std::filesystem;

const std::string kPod = "slipway-01234567-89ab-cdef-0123-456789abcdef-0";

struct Sweep : testing::Test {
  TemporaryDirectory node;
  Scratch scratch{node.path() / "disk" / kPod, node.path() / "memory" / kPod};
  void SetUp() override {
    for (const fs::path& folder : {scratch.disk, scratch.memory}) {
      ASSERT_TRUE(makePrivateDirectory(folder));
      ASSERT_TRUE(writeFileAtomic(folder / "token", "secret"));
    }
  }
  int sweep() const { return sweepFolder(node.path() / "disk") + sweepFolder(node.path() / "memory"); }
};

TEST_F(Sweep, WhatAKilledPodLeftGoes) {
  {
    const auto held = holdFolders(scratch);
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_EQ(sweep(), 0);
    EXPECT_TRUE(fs::exists(scratch.memory / "token"));
  }
  EXPECT_EQ(sweep(), 2);
  EXPECT_FALSE(fs::exists(scratch.memory));
  EXPECT_FALSE(fs::exists(scratch.disk));
}

TEST_F(Sweep, SeveralProcessesHoldIt) {
  auto first = holdFolders(scratch);
  ASSERT_TRUE(first);
  const auto second = holdFolders(scratch);
  ASSERT_TRUE(second) << second.error().message;
  first->clear();
  EXPECT_EQ(sweep(), 0);
}

TEST_F(Sweep, FoldersWithoutAMarkOrWithAnotherNameStay) {
  const fs::path other = node.path() / "disk/slipway-of-somebody";
  ASSERT_TRUE(makePrivateDirectory(other));
  ASSERT_TRUE(writeFileAtomic(other / "in-use", ""));
  EXPECT_EQ(sweep(), 0);
  EXPECT_TRUE(fs::exists(scratch.disk / "token"));
  EXPECT_TRUE(fs::exists(other));
}

TEST_F(Sweep, RunsBesideThePod) {
  {
    ASSERT_TRUE(holdFolders(scratch));
  }
  async::runToEnd(sweepScratch(node.path() / "disk", node.path() / "memory"));
  EXPECT_FALSE(fs::exists(scratch.memory));
}

}  // namespace
}  // namespace slipway::supervisor
