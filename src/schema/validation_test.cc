#include "schema/validation.h"

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>

#include "json/document.h"
#include "schema/conform.h"
#include "schema/defaults.h"
#include "schema/formats.h"
#include "schema/prepare.h"

namespace slipway::schema {
namespace {

/// What a real API server answers, one case a line: testdata/invalid.jsonl for creates, immutable.jsonl for updates.
class ValidationTest : public testing::Test {
 protected:
  static const Schema& schema() {
    static const std::unique_ptr<const Schema> one = Schema::builtin();
    return *one;
  }
  static const ResourceInfo& resourceOf(const json::object& object) {
    return *schema().resourceOfKind(gvkOf(json::text(object, {"apiVersion"}), json::text(object, {"kind"})));
  }
  static std::vector<json::object> cases(std::string_view file) {
    std::ifstream input(fmt::format("{}/{}", SLIPWAY_TEST_DATA, file));
    std::vector<json::object> out;
    for (std::string line; std::getline(input, line);) out.push_back(json::readDocument(line).value().as_object());
    return out;
  }
  static std::string said(const ResourceInfo& resource, const json::object& object, const FieldErrors& errors) {
    if (errors.empty()) return "accepted";
    return invalidError(resource.group, resource.kind, json::text(object, {"metadata", "name"}), errors).message;
  }
  static const Defaults& defaults() {
    static const Defaults one(schema());
    return one;
  }
  static std::string create(json::object object) {
    const ResourceInfo& resource = resourceOf(object);
    auto conformed = conform(object, *resource.type);
    if (!conformed) return conformed.error().message;
    defaults().apply(object, *resource.type);
    json::ensureObject(object, "metadata")["uid"] = "uid";
    prepareForCreate(resource, object, {});
    return said(resource, object, validateCreate(resource, object));
  }
};

TEST_F(ValidationTest, CreatesAreRefusedInTheWordsOfARealServer) {
  std::vector<json::object> rows = cases("invalid.jsonl");
  ASSERT_GT(rows.size(), 300u);
  for (json::object& row : rows) {
    EXPECT_EQ(create(row["object"].as_object()), std::string(row["message"].as_string()))
        << json::serialize(row["object"]);
  }
}

TEST_F(ValidationTest, UpdatesAreRefusedInTheWordsOfARealServer) {
  std::vector<json::object> rows = cases("immutable.jsonl");
  ASSERT_GT(rows.size(), 20u);
  for (json::object& row : rows) {
    json::object object = row["new"].as_object(), old = row["old"].as_object();
    const ResourceInfo& resource = resourceOf(object);
    ASSERT_TRUE(conform(object, *resource.type) && conform(old, *resource.type));
    defaults().apply(object, *resource.type);
    prepareForUpdate(resource, "", object, old, {});
    EXPECT_EQ(said(resource, object, validateUpdate(resource, "", object, old)),
              std::string(row["message"].as_string()))
        << json::serialize(row["new"]);
  }
}

TEST_F(ValidationTest, AStatusUpdateTouchesNothingElse) {
  const ResourceInfo& pods = *schema().resource("", "v1", "pods");
  json::object old =
      json::readDocument(R"({"metadata":{"name":"a","namespace":"d","generation":3},"spec":{"nodeName":"n"},
      "status":{"phase":"Pending"}})")
          .value()
          .as_object();
  json::object object = json::readDocument(R"({"metadata":{"name":"a","namespace":"d"},"spec":{"nodeName":"x"},
      "status":{"phase":"Running","qosClass":"BestEffort"}})")
                            .value()
                            .as_object();
  prepareForUpdate(pods, "status", object, old, {});
  EXPECT_EQ(json::text(object, {"spec", "nodeName"}), "n");
  EXPECT_EQ(json::text(object, {"status", "phase"}), "Running");
  EXPECT_EQ(json::findInt(object, {"metadata", "generation"}), 3);
  prepareForUpdate(pods, "", old, object, {});
  EXPECT_EQ(json::text(old, {"status", "phase"}), "Running");
}

TEST_F(ValidationTest, ADaemonSetCountsItsTemplates) {
  const auto set = [](std::string_view image, std::string_view paused) {
    return json::parse(fmt::format(R"({{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{{"name":"d"}},"spec":{{
      "minReadySeconds":{},"template":{{"spec":{{"containers":[{{"name":"c","image":"{}"}}]}}}}}}}})",
                                   paused, image))
        .as_object();
  };
  const auto count = [](const json::object& object) {
    return json::text(object, {"metadata", "annotations", "deprecated.daemonset.template.generation"});
  };
  json::object first = set("a", "1");
  const ResourceInfo& resource = resourceOf(first);
  prepareForCreate(resource, first, {});
  EXPECT_EQ(count(first), "1");
  json::object second = set("a", "2");
  prepareForUpdate(resource, "", second, first, {});
  EXPECT_EQ(count(second), "1");
  json::object third = set("b", "2");
  prepareForUpdate(resource, "", third, second, {});
  EXPECT_EQ(count(third), "2");
  prepareForUpdate(resource, "status", third, second, {});
  EXPECT_EQ(count(third), "1");
}

TEST_F(ValidationTest, QosClasses) {
  auto qos = [](std::string_view containers) {
    return podQosClass(json::readDocument(fmt::format(R"({{"containers":{}}})", containers)).value().as_object());
  };
  EXPECT_EQ(qos(R"([{"resources":{}}])"), "BestEffort");
  EXPECT_EQ(qos(R"([{"resources":{"requests":{"cpu":"1"}}}])"), "Burstable");
  EXPECT_EQ(qos(R"([{"resources":{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1","memory":"1Gi"}}}])"),
            "Guaranteed");
  EXPECT_EQ(qos(R"([{"resources":{"limits":{"cpu":"1","memory":"1Gi"}}},{}])"), "Burstable");
}

TEST_F(ValidationTest, APodIsCheckedFastEnough) {
  json::object pod =
      json::readDocument(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"d","labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i:1","command":["sleep","1"],"env":[{"name":"A","value":"b"}],
      "resources":{"requests":{"cpu":"1","memory":"1Gi"}},"volumeMounts":[{"name":"v","mountPath":"/v"}]}],
      "volumes":[{"name":"v","emptyDir":{}}]}})")
          .value()
          .as_object();
  create(pod);
  // The processor's time: a busy machine makes nothing slower by it.
  const std::clock_t begin = std::clock();
  constexpr int kRounds = 200;
  for (int i = 0; i < kRounds; ++i) EXPECT_EQ(create(pod), "accepted");
  const double each = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / kRounds;
  RecordProperty("microseconds", static_cast<int>(each * 1e6));
  EXPECT_LT(each, 0.020);  // far from it, unless something became quadratic
}

}  // namespace
}  // namespace slipway::schema
