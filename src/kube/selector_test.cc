#include "kube/selector.h"

#include <gtest/gtest.h>

namespace slipway::kube {
namespace {

bool selects(std::string_view selector, const Object& labels) {
  const Result<LabelSelector> parsed = LabelSelector::parse(selector);
  EXPECT_TRUE(parsed.has_value()) << selector;
  return parsed && parsed->matches(labels);
}

TEST(LabelSelector, MatchesAsKubectlDoes) {
  const Object labels{{"app", "web"}, {"tier", "a"}, {"gpu", "3"}, {"example.org/empty", ""}};
  for (const char* yes :
       {"", "app=web", "app==web", "app!=db", "app", "!db", "tier in (a,b)", "tier notin (c)", "none notin (c)",
        "none!=x", "gpu>2", "gpu<4", "app=web, tier in (a, b),!x", "example.org/empty=", "example.org/empty"}) {
    EXPECT_TRUE(selects(yes, labels)) << yes;
  }
  for (const char* no : {"app=db", "app!=web", "db", "!app", "tier in (b)", "tier notin (a,b)", "gpu>3", "gpu<3",
                         "none>1", "app=web,tier=b"}) {
    EXPECT_FALSE(selects(no, labels)) << no;
  }
}

TEST(LabelSelector, RefusesNonsense) {
  for (const char* bad : {"a b", "=x", "a=b=c", "a in b", "a in (b", ",", "a,,b", "!", "a!b", "a>x", "-a=b", "a=b c"}) {
    EXPECT_FALSE(LabelSelector::parse(bad).has_value()) << bad;
  }
}

TEST(LabelSelector, ReadsTheObjectForm) {
  const json::value selector = json::parse(R"({"matchLabels":{"app":"web"},
      "matchExpressions":[{"key":"tier","operator":"In","values":["a"]},{"key":"old","operator":"DoesNotExist"}]})");
  const Result<LabelSelector> parsed = LabelSelector::fromObject(selector.get_object());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->matches({{"app", "web"}, {"tier", "a"}}));
  EXPECT_FALSE(parsed->matches({{"app", "web"}, {"tier", "a"}, {"old", "1"}}));
  const json::value bad = json::parse(R"({"matchExpressions":[{"key":"tier","operator":"In","values":[]}]})");
  EXPECT_FALSE(LabelSelector::fromObject(bad.get_object()).has_value());
}

TEST(FieldSelector, LooksIntoTheObject) {
  const Object pod{{"spec", {{"nodeName", "n1"}}}, {"status", {{"phase", "Running"}}}};
  EXPECT_TRUE(FieldSelector::parse("spec.nodeName=n1,status.phase!=Failed")->matchesObject(pod));
  EXPECT_FALSE(FieldSelector::parse("spec.nodeName==n2")->matchesObject(pod));
  EXPECT_TRUE(FieldSelector::parse("spec.nodeName!=")->matchesObject(pod));
  EXPECT_FALSE(FieldSelector::parse("spec.nodeName").has_value());
}

}  // namespace
}  // namespace slipway::kube
