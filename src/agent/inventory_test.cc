#include "agent/inventory.h"

#include "slurm/testing/fake_driver.h"

namespace slipway::agent {
namespace {

using slurm::testing::FakeDriver;
using slurm::testing::FakeJob;

class InventoryTest : public ::testing::Test {
 protected:
  void poll(const std::map<uint32_t, FakeJob>& jobs, const std::vector<std::string>& nodes = {"NodeName=n1 State=IDLE"},
            bool good = true) {
    inventory.begin();
    slurm::NodeRecord node;
    for (const std::string& text : nodes) {
      ASSERT_TRUE(slurm::parseNode(text, node));
      inventory.node(node);
    }
    slurm::JobRecord record;
    for (const auto& [id, job] : jobs) {
      const std::string text = FakeDriver::recordOf(id, job);
      ASSERT_TRUE(slurm::parseJob(text, record));
      inventory.job(record);
    }
    if (good) inventory.commit();
  }

  site::v1::SiteUpdate next(Inventory::Cursor& cursor) {
    site::v1::SiteUpdate all;
    for (const std::string& bytes : inventory.updatesSince(cursor)) {
      EXPECT_TRUE(all.MergeFromString(bytes));
    }
    return all;
  }

  Inventory inventory{"c", 1000};
};

TEST_F(InventoryTest, ASnapshotAndThenWhatChanged) {
  Inventory::Cursor cursor;
  poll({{1, {}}, {2, {}}});
  auto update = next(cursor);
  EXPECT_TRUE(update.snapshot_begin());
  EXPECT_TRUE(update.snapshot_complete());
  EXPECT_EQ(update.jobs_size(), 2);
  EXPECT_EQ(update.nodes_size(), 1);
  poll({{1, {}}, {2, {}}});
  EXPECT_TRUE(inventory.updatesSince(cursor).empty());
  poll({{2, {.state = "RUNNING", .nodes = "n1"}}, {3, {}}}, {"NodeName=n2 State=IDLE"});
  update = next(cursor);
  EXPECT_FALSE(update.snapshot_begin());
  EXPECT_EQ(update.jobs_size(), 2);
  ASSERT_EQ(update.removed_jobs_size(), 1);
  EXPECT_EQ(update.removed_jobs(0), 1U);
  ASSERT_EQ(update.removed_nodes_size(), 1);
  EXPECT_EQ(update.removed_nodes(0), "n1");
}

TEST_F(InventoryTest, NoSnapshotBeforeAGoodPoll) {
  Inventory::Cursor cursor;
  inventory.setHealth(false, "slurmctld is away", 5);
  auto update = next(cursor);
  EXPECT_FALSE(update.snapshot_begin());
  EXPECT_FALSE(update.snapshot_complete());
  EXPECT_EQ(update.health().message(), "slurmctld is away");
  EXPECT_TRUE(inventory.updatesSince(cursor).empty());
  poll({{1, {}}});
  EXPECT_TRUE(next(cursor).snapshot_complete());
}

TEST_F(InventoryTest, AFailedPollChangesNothing) {
  Inventory::Cursor cursor;
  poll({{1, {}}, {2, {}}});
  next(cursor);
  poll({{1, {.state = "RUNNING"}}}, {"NodeName=n1 State=IDLE"}, false);
  EXPECT_TRUE(inventory.updatesSince(cursor).empty());
  EXPECT_EQ(inventory.jobs(), 2U);
  poll({{1, {.state = "RUNNING"}}, {2, {}}});
  EXPECT_EQ(next(cursor).jobs(0).state(), "RUNNING");
}

TEST_F(InventoryTest, WhatWentAndCameBackIsThere) {
  Inventory::Cursor cursor;
  poll({{1, {}}, {2, {}}});
  next(cursor);
  poll({{1, {}}});
  poll({{1, {}}, {2, {}}});
  const auto update = next(cursor);
  EXPECT_EQ(update.removed_jobs_size(), 0);
  EXPECT_EQ(update.jobs_size(), 1);
}

TEST_F(InventoryTest, AJobIsOursByUserAndComment) {
  poll({{1, {.comment = "slipway:c:uid-1:2"}},
        {2, {.comment = "slipway:c:uid-2:0", .uid = 1001}},
        {3, {.comment = "slipway:other:uid-3:0"}},
        {4, {.comment = "slipway:c:uid-4"}}});
  ASSERT_EQ(inventory.ownJobs().size(), 1U);
  EXPECT_EQ(inventory.ownJobs()[0].pod_uid, "uid-1");
  EXPECT_EQ(inventory.ownJobs()[0].attempt, 2U);
}

TEST_F(InventoryTest, AJobWhoseCommentWasChangedIsKnownByItsDirectory) {
  poll({{1, {.comment = "mine now", .work_dir = "/state/pods/uid-1/2"}},
        {2, {.uid = 1001, .work_dir = "/state/pods/uid-2/0"}},
        {3, {.work_dir = "/home/alice/pods"}}});
  ASSERT_EQ(inventory.ownJobs().size(), 1U);
  EXPECT_TRUE(inventory.ownJobs()[0].by_directory);
  EXPECT_EQ(inventory.ownJobs()[0].attempt, 2U);
  for (const std::string_view none :
       {"", "/", "/pods", "/pods/", "/pods/u", "/pods/u/x", "/pods//0", "/a/b/0", "pods/u/1"}) {
    EXPECT_FALSE(parsePodDirectory(none)) << none;
  }
  EXPECT_EQ(parsePodDirectory("/pods/u/0")->first, "u");
}

TEST_F(InventoryTest, AForgedNameMakesNoJobOurs) {
  poll({{1,
         {.comment = "",
          .name = "x UserId=agent(1000) GroupId=agent(1000) SubmitTime=2026-01-01T00:00:00 "
                  "Comment=slipway:c:uid-1:0",
          .uid = 2000}}});
  EXPECT_TRUE(inventory.ownJobs().empty());
}

TEST_F(InventoryTest, ABigSnapshotComesInParts) {
  std::map<uint32_t, FakeJob> jobs;
  for (uint32_t id = 1; id <= 5000; ++id) jobs[id] = {};
  poll(jobs);
  Inventory::Cursor cursor;
  const auto parts = inventory.updatesSince(cursor);
  EXPECT_GT(parts.size(), 2U);
  for (const std::string& part : parts) EXPECT_LT(part.size(), 300'000U);
}

TEST_F(InventoryTest, AFilterHidesNodesAndJobsButNeverOurOwn) {
  InventoryFilter filter;
  filter.node = [](const std::string& name) { return name != "n2"; };
  filter.partition = [](const std::string& partition) { return partition == "gpu"; };
  Inventory filtered("c", 1000, filter);
  filtered.begin();
  slurm::NodeRecord node;
  for (const char* text : {"NodeName=n1 State=IDLE Partitions=debug,gpu", "NodeName=n2 State=IDLE Partitions=gpu",
                           "NodeName=n3 State=IDLE Partitions=debug"}) {
    ASSERT_TRUE(slurm::parseNode(text, node));
    filtered.node(node);
  }
  slurm::JobRecord record;
  const std::string text =
      "JobId=7 JobName=x UserId=me(1000) GroupId=me(1000) JobState=RUNNING Partition=debug "
      "SubmitTime=2026-01-01T00:00:00 Comment=slipway:c:u1:0";
  ASSERT_TRUE(slurm::parseJob(text, record));
  filtered.job(record);
  filtered.commit();
  EXPECT_EQ(filtered.nodes(), 1U);
  EXPECT_EQ(filtered.jobs(), 0U);
  EXPECT_EQ(filtered.ownJobs().size(), 1U);
}

}  // namespace
}  // namespace slipway::agent
