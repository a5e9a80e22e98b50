#include "schema/apply.h"

#include <gtest/gtest.h>

#include "json/document.h"
#include "schema/ownership.h"
#include "schema/schema.h"

namespace slipway::schema {
namespace {

json::object o(std::string_view text) {
  return json::readDocument(text).value().as_object();
}

class ApplyTest : public testing::Test {
 protected:
  static const Schema& schema() {
    static const std::unique_ptr<const Schema> one = Schema::builtin();
    return *one;
  }
  const Type& deployment_ = *schema().find("apps/v1", "Deployment");
  const Type& config_map_ = *schema().find("v1", "ConfigMap");
  const WallTime now_ = *parseTime("2026-01-01T00:00:00Z");

  ApplyOutcome apply(const Type& type, const json::object& live, std::string_view applied, std::string_view manager,
                     bool force = false) {
    std::string version = &type == &deployment_ ? "apps/v1" : "v1";
    return applyConfiguration(live, o(applied), type, {std::string(manager), version, ""}, force, now_, {"status"})
        .value();
  }
  /// "<manager> <operation> <fields>" of each entry.
  static std::vector<std::string> owners(const json::object& object) {
    std::vector<std::string> out;
    const json::array* entries = json::findArray(object, {"metadata", "managedFields"});
    for (size_t i = 0; entries != nullptr && i < entries->size(); ++i) {
      const json::object& entry = (*entries)[i].get_object();
      out.push_back(fmt::format("{} {} {}", json::text(entry, {"manager"}), json::text(entry, {"operation"}),
                                json::serialize(entry.at("fieldsV1"))));
    }
    return out;
  }
};

TEST_F(ApplyTest, OwnersAreWrittenAsFieldsV1) {
  ApplyOutcome made = apply(deployment_, emptyObject(deployment_), R"({"apiVersion":"apps/v1","kind":"Deployment",
      "metadata":{"name":"d","labels":{"x":"1"}},"spec":{"replicas":2,"template":{"spec":{"containers":[
      {"name":"a","image":"i","ports":[{"containerPort":80}],"args":["x"]}]}}}})",
                            "m1");
  EXPECT_EQ(owners(made.object),
            (std::vector<std::string>{
                R"(m1 Apply {"f:metadata":{"f:labels":{"f:x":{}}},"f:spec":{"f:replicas":{},"f:template":{"f:spec":)"
                R"({"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:args":{},"f:image":{},"f:name":{},"f:ports":)"
                R"({"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}})"}));
}

TEST_F(ApplyTest, AConflictNamesTheOtherOwnerAndForceTakesOver) {
  json::object live = apply(config_map_, emptyObject(config_map_), R"({"data":{"a":"1","b":"1"}})", "m1").object;
  ApplyOutcome refused = apply(config_map_, live, R"({"data":{"a":"2"}})", "m2");
  EXPECT_EQ(refused.message(), R"(Apply failed with 1 conflict: conflict with "m1": .data.a)");
  EXPECT_EQ(apply(config_map_, live, R"({"data":{"a":"2","b":"2"}})", "m2").message(),
            "Apply failed with 2 conflicts: conflicts with \"m1\":\n- .data.a\n- .data.b");
  json::object taken = apply(config_map_, live, R"({"data":{"a":"2"}})", "m2", true).object;
  EXPECT_EQ(taken["data"], json::value(o(R"({"a":"2","b":"1"})")));
  EXPECT_EQ(owners(taken),
            (std::vector<std::string>{R"(m1 Apply {"f:data":{"f:b":{}}})", R"(m2 Apply {"f:data":{"f:a":{}}})"}));
}

TEST_F(ApplyTest, TheSameValueIsSharedAndRemovedOnlyByTheLastOwner) {
  json::object live = apply(config_map_, emptyObject(config_map_), R"({"data":{"a":"1","b":"1"}})", "m1").object;
  live = apply(config_map_, live, R"({"data":{"a":"1"}})", "m2").object;
  live = apply(config_map_, live, R"({"data":{"b":"1"}})", "m1").object;
  EXPECT_EQ(live["data"], json::value(o(R"({"a":"1","b":"1"})")));
  live = apply(config_map_, live, R"({"metadata":{"labels":{"x":"y"}}})", "m2").object;
  EXPECT_EQ(live["data"], json::value(o(R"({"b":"1"})")));
}

TEST_F(ApplyTest, AnUpdateTakesWhatItChanges) {
  json::object live = apply(config_map_, emptyObject(config_map_), R"({"data":{"a":"1","b":"1"}})", "m1").object;
  json::object updated = live;
  updated["data"] = o(R"({"a":"2","b":"1","c":"3"})");
  trackUpdate(live, updated, config_map_, {"kubectl", "v1", ""}, now_);
  EXPECT_EQ(owners(updated), (std::vector<std::string>{R"(m1 Apply {"f:data":{"f:b":{}}})",
                                                       R"(kubectl Update {"f:data":{"f:a":{},"f:c":{}}})"}));
  ApplyOutcome refused = apply(config_map_, updated, R"({"data":{"a":"1","b":"1"}})", "m1");
  EXPECT_EQ(refused.message(), R"(Apply failed with 1 conflict: conflict with "kubectl" using v1: .data.a)");
  json::object same = updated;
  trackUpdate(updated, same, config_map_, {"other", "v1", ""}, now_);
  EXPECT_TRUE(sameButForTimes(updated, same));
}

TEST_F(ApplyTest, ListsAreMergedByKeyAndKeepTheirOrder) {
  auto containers = [](std::string_view list) {
    return fmt::format(R"({{"spec":{{"template":{{"spec":{{"containers":{}}}}}}}}})", list);
  };
  json::object live = apply(deployment_, emptyObject(deployment_),
                            containers(R"([{"name":"a","image":"1"},{"name":"b","image":"1"}])"), "m1")
                          .object;
  live =
      apply(deployment_, live, containers(R"([{"name":"c","image":"1"},{"name":"a","command":["x"]}])"), "m2").object;
  EXPECT_EQ(*json::find(live, {"spec", "template", "spec", "containers"}),
            json::readDocument(
                R"([{"name":"c","image":"1"},{"name":"a","image":"1","command":["x"]},{"name":"b","image":"1"}])")
                .value());
  live = apply(deployment_, live, containers(R"([{"name":"b","image":"1"}])"), "m1").object;
  EXPECT_EQ(*json::find(live, {"spec", "template", "spec", "containers"}),
            json::readDocument(R"([{"name":"c","image":"1"},{"name":"a","command":["x"]},{"name":"b","image":"1"}])")
                .value());
}

TEST_F(ApplyTest, WhatDoesNotFitTheTypeIsRefused) {
  struct Row {
    std::string_view spec, message;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({"foo":1})", ".spec.foo: field not declared in schema"},
           {R"({"replicas":"x"})", ".spec.replicas: expected numeric (int or float), got string"},
           {R"({"template":{"spec":{"containers":[{"name":"a"},{"name":"a"}]}}})",
            R"(.spec.template.spec.containers: duplicate entries for key [name="a"])"},
       }) {
    json::object applied = o(
        fmt::format(R"({{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"d"}},"spec":{}}})", row.spec));
    auto done = applyConfiguration({}, applied, deployment_, {"m", "apps/v1", ""}, false, now_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message,
              fmt::format("failed to create typed patch object (/d; apps/v1, Kind=Deployment): {}", row.message));
  }
  EXPECT_EQ(
      applyConfiguration({}, o(R"({"metadata":{"managedFields":[]}})"), deployment_, {"m", "apps/v1", ""}, false, now_)
          .error()
          .message,
      "metadata.managedFields must be nil");
}

TEST_F(ApplyTest, AFieldSetSurvivesItsJson) {
  json::value fields = o(R"({"f:a":{".":{},"f:b":{}},"k:{\"n\":\"x\"}":{"f:c":{}},"v:\"s\"":{}})");
  FieldSet set = FieldSet::fromJson(fields).value();
  EXPECT_EQ(json::value(set.toJson()), fields);
  EXPECT_EQ(set.paths(), (std::vector<std::string>{".a", "[=\"s\"]", ".a.b", "[n=\"x\"].c"}));
  EXPECT_FALSE(FieldSet::fromJson(o(R"({"x":{}})")));
  EXPECT_FALSE(FieldSet::fromJson(o(R"({"f:a":1})")));
}

TEST_F(ApplyTest, ManagerNames) {
  EXPECT_EQ(managerOfUserAgent("kubectl/v1.32.4 (linux/amd64) kubernetes/59526cd"), "kubectl");
  EXPECT_EQ(managerOfUserAgent(""), "unknown");
}

TEST_F(ApplyTest, ACreateIsTrackedAsAnUpdateOfNothing) {
  const Type& pod = *schema().find("v1", "Pod");
  for (const std::string_view text :
       {R"({"metadata":{"name":"a","namespace":"b","uid":"u","labels":{"x":"1"},"annotations":{},"finalizers":["f/g"],
            "ownerReferences":[{"uid":"o1","kind":"K"},{"uid":"o2"}]},
            "spec":{"nodeName":"n","nodeSelector":{"a":"b"},"tolerations":[{"key":"k"}],"securityContext":{},
            "containers":[{"name":"z","resources":{"limits":{"cpu":"1"}},"env":[{"name":"B","value":""},{"name":"A"}],
              "ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":80,"protocol":"UDP"}],"args":["x"]},
              {"name":"a","resources":{}}],"volumes":[{"name":"v","emptyDir":{}}]},"status":{"phase":"Pending"}})",
        R"({"apiVersion":"v1","kind":"Pod","metadata":{},"spec":{"containers":[]},"status":{}})",
        R"({"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","command":[],"env":null}],"volumes":null}})",
        R"({"metadata":{"creationTimestamp":null}})"}) {
    json::object made = o(text), updated = made;
    const FieldManager manager{"m", "v1", ""};
    trackCreate(emptyObject(pod), made, pod, manager, now_, {"status"});
    trackUpdate(emptyObject(pod), updated, pod, manager, now_, {"status"});
    EXPECT_EQ(json::serialize(made), json::serialize(updated));
  }
  json::object map = o(R"({"kind":"ConfigMap","metadata":{"name":"a"},"data":{"b":"","a":"1"},"binaryData":{}})");
  json::object same = map;
  trackCreate(emptyObject(config_map_), map, config_map_, {"m", "v1", "status"}, now_);
  trackUpdate(emptyObject(config_map_), same, config_map_, {"m", "v1", "status"}, now_);
  EXPECT_EQ(json::serialize(map), json::serialize(same));
}

}  // namespace
}  // namespace slipway::schema
