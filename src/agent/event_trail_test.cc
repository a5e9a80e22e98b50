#include "agent/event_trail.h"

#include <gtest/gtest.h>

namespace slipway::agent {
namespace {

using site::v1::PodReport;

PodReport reportWith(std::initializer_list<const char*> reasons) {
  PodReport report;
  for (const char* reason : reasons) report.add_events()->set_reason(reason);
  return report;
}

std::string toldSince(const EventTrail& trail, uint64_t version, int64_t now) {
  PodReport report;
  trail.tell(report, version, now);
  std::string out;
  for (const auto& event : report.events()) out += event.reason();
  return out;
}

TEST(EventTrail, EachWatcherIsToldEachEventOnce) {
  EventTrail trail;
  EXPECT_FALSE(trail.fresh());
  PodReport first = reportWith({"a"});
  trail.addNew(first);
  EXPECT_EQ(first.events_size(), 0);
  EXPECT_TRUE(trail.fresh());
  trail.stamp(1, 100);
  EXPECT_FALSE(trail.fresh());
  PodReport second = reportWith({"b", "c"});
  trail.addNew(second);
  trail.stamp(2, 150);
  EXPECT_EQ(toldSince(trail, 1, 150), "bc");
  EXPECT_EQ(toldSince(trail, 2, 150), "");
  EXPECT_EQ(toldSince(trail, 0, 155), "abc");
  EXPECT_EQ(toldSince(trail, 0, 200), "bc");  // somebody else may have told "a" before
}

TEST(EventTrail, OfAFileOnlyWhatIsNew) {
  EventTrail trail;
  PodReport streamed = reportWith({"a", "b"});
  trail.addNew(streamed);
  trail.stamp(1, 0);
  PodReport file = reportWith({"z", "a", "b", "c", "d"});
  trail.addNewest(file);
  trail.stamp(2, 0);
  EXPECT_EQ(toldSince(trail, 1, 0), "cd");
  PodReport again = reportWith({"a", "b", "c", "d"});
  trail.addNewest(again);
  EXPECT_FALSE(trail.fresh());
}

TEST(EventTrail, AFileAloneTellsAll) {
  EventTrail trail;
  PodReport file = reportWith({"a", "b"});
  trail.addNewest(file);
  trail.stamp(1, 0);
  EXPECT_EQ(toldSince(trail, 0, 0), "ab");
}

}  // namespace
}  // namespace slipway::agent
