#include "schema/field_selectors.h"

#include <gtest/gtest.h>

#include "json/document.h"

namespace slipway::schema {
namespace {

class FieldSelectors : public testing::Test {
 protected:
  static const Schema& schema() {
    static const std::unique_ptr<const Schema> one = Schema::builtin();
    return *one;
  }
  const ResourceInfo& pods_ = *schema().resource("", "v1", "pods");

  bool matches(std::string_view selector, std::string_view object) const {
    auto fields = selectableFields(pods_, json::readDocument(object).value().as_object());
    auto parsed = parseFieldSelector(pods_, selector).value();
    return std::ranges::all_of(parsed, [&](const FieldRequirement& one) { return one.matches(fields); });
  }
};

TEST_F(FieldSelectors, SelectByWhatTheKindOffers) {
  constexpr std::string_view kPod =
      R"({"metadata":{"name":"a","namespace":"d"},"spec":{"nodeName":"n1"},"status":{"phase":"Running"}})";
  EXPECT_TRUE(matches("spec.nodeName=n1,status.phase!=Succeeded,metadata.name==a", kPod));
  EXPECT_FALSE(matches("spec.nodeName=", kPod));
  EXPECT_TRUE(matches("spec.hostNetwork=false,status.podIP=", kPod));
  EXPECT_TRUE(matches("", kPod));
  EXPECT_TRUE(matches("metadata.name!=x\\,y", kPod));
}

TEST_F(FieldSelectors, TheSourceOfAnEventIsWhoReportedItWhenItHasNone) {
  const ResourceInfo& events = *schema().resource("", "v1", "events");
  const auto source = [&](std::string_view event) {
    return selectableFields(events, json::readDocument(event).value().as_object()).at("source");
  };
  EXPECT_EQ(source(R"({"source":{"component":"a"},"reportingComponent":"b"})"), "a");
  EXPECT_EQ(source(R"({"source":{},"reportingComponent":"b"})"), "b");
}

TEST_F(FieldSelectors, WhatIsNoSelectorIsRefused) {
  EXPECT_EQ(parseFieldSelector(pods_, "foo=bar").error().message, "field label not supported: foo");
  EXPECT_EQ(parseFieldSelector(pods_, "spec.nodeName").error().message,
            "invalid selector: 'spec.nodeName'; can't understand 'spec.nodeName'");
  EXPECT_EQ(parseFieldSelector(pods_, "metadata.name=a\\b").error().message,
            "invalid field selector: invalid escape sequence: \\b");
  EXPECT_EQ(parseFieldSelector(*schema().resource("", "v1", "configmaps"), "data=x").error().message,
            R"("data" is not a known field selector: only "metadata.name", "metadata.namespace")");
}

}  // namespace
}  // namespace slipway::schema
