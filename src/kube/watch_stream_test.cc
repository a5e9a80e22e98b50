#include "kube/watch_stream.h"

#include <gtest/gtest.h>

#include "kube/resource.h"

namespace slipway::kube {
namespace {

TEST(WatchDecoder, LeavesManagedFieldsOutAndKeepsTheRest) {
  WatchDecoder decoder;
  decoder.feed(R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","managedFields":[{"manager":"m\"]"}],)"
               R"("uid":"u"},"spec":{"managedFields":[1]}}})"
               "\n"
               R"({"type":"MODIFIED","object":{"metadata":{"name":"b"}}})"
               "\n");
  Result<std::optional<WatchEvent>> event = decoder.next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->type, WatchEvent::Type::Added);
  EXPECT_EQ(json::serialize((*event)->object),
            R"({"kind":"Pod","metadata":{"name":"a","uid":"u"},"spec":{"managedFields":[1]}})");
  event = decoder.next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ(name((*event)->object), "b");
}

TEST(WatchDecoder, ALineThatBreaksOffInManagedFieldsIsRefused) {
  WatchDecoder decoder;
  decoder.feed("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"managedFields\":[}]}}}\n");
  EXPECT_FALSE(decoder.next().has_value());
}

}  // namespace
}  // namespace slipway::kube
