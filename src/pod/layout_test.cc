#include "pod/layout.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace slipway::pod {
namespace {

TEST(PodDirectory, FindsTheNewestLogAndTheOneBefore) {
  const TemporaryDirectory state;
  const PodDirectory directory(state.path(), "uid-1", 0);
  EXPECT_TRUE(directory.newestLog("main", false).error().is(Code::NotFound));
  for (uint32_t start : {0U, 9U, 10U}) {
    ASSERT_TRUE(makeDirectories(directory.log("main", start).parent_path()));
    ASSERT_TRUE(writeFileAtomic(directory.log("main", start), ""));
  }
  EXPECT_EQ(directory.newestLog("main", false).value(), directory.log("main", 10));
  EXPECT_EQ(directory.newestLog("main", true).value(), directory.log("main", 9));
  EXPECT_TRUE(directory.newestLog("../main", false).error().is(Code::BadRequest));
}

TEST(HubFile, ComesBackAsItWas) {
  const HubFile hub{{"login1:4711", "10.0.0.1:4711"}, "ca\n", "cert\n", "key\n", "hub"};
  const HubFile back = parseHubFile(formatHubFile(hub)).value();
  EXPECT_EQ(back.endpoints, hub.endpoints);
  EXPECT_EQ(back.key, hub.key);
  EXPECT_EQ(back.server_name, "hub");
  EXPECT_FALSE(parseHubFile("[]").has_value());
}

TEST(PodDirectory, KeepsPlanAndReport) {
  const TemporaryDirectory state;
  const PodDirectory directory(state.path(), "uid-1", 2);
  ASSERT_TRUE(makeDirectories(directory.path(), 0700));
  site::v1::PodPlan plan;
  plan.set_name("web");
  ASSERT_TRUE(writePlan(directory, plan));
  EXPECT_EQ(readPlan(directory).value().name(), "web");
  EXPECT_TRUE(readReport(directory).error().is(Code::NotFound));
}

}  // namespace
}  // namespace slipway::pod
