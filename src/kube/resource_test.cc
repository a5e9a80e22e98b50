#include "kube/resource.h"

#include <gtest/gtest.h>

namespace slipway::kube {
namespace {

const Object kPod = json::parse(R"({"metadata":{"name":"p","namespace":"ns","uid":"u","resourceVersion":"7",
    "labels":{"app":"web"},"annotations":{"a/b":"c"}},"spec":{"n":3,"d":2.9,"yes":true,"list":[1]}})")
                        .as_object();

TEST(Resource, AccessorsNeverFail) {
  EXPECT_EQ(key(kPod), "ns/p");
  EXPECT_EQ(key(Object{{"metadata", {{"name", "n1"}}}}), "n1");
  EXPECT_EQ(label(kPod, "app"), "web");
  EXPECT_EQ(annotation(kPod, "a/b"), "c");
  EXPECT_EQ(integer(kPod, {"spec", "n"}), 3);
  EXPECT_EQ(integer(kPod, {"spec", "d"}), 2);
  EXPECT_EQ(integer(kPod, {"spec", "none"}, -1), -1);
  EXPECT_TRUE(boolean(kPod, {"spec", "yes"}));
  EXPECT_EQ(items(kPod, {"spec", "list"}).size(), 1U);
  EXPECT_TRUE(items(kPod, {"spec", "n"}).empty());
  EXPECT_TRUE(child(kPod, {"metadata", "name", "deeper"}).empty());
  EXPECT_EQ(text(kPod, {"spec", "n"}), "");
}

TEST(Resource, EnsureMakesWhatIsMissing) {
  Object object;
  ensure(object, {"a", "b"})["c"] = 1;
  EXPECT_EQ(integer(object, {"a", "b", "c"}), 1);
}

}  // namespace
}  // namespace slipway::kube
