#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/crd/custom_rules.h"
#include "apiserver/crd/json_path.h"
#include "apiserver/crd/structural.h"
#include "apiserver/crd/validator.h"
#include "json/compare.h"

namespace slipway::apiserver {
namespace {

using ::testing::ElementsAre;

json::object read(std::string_view text) {
  return json::parse(text).as_object();
}

StructuralPtr sample() {
  return readStructural(read(R"({"type": "object", "properties": {
    "spec": {"type": "object", "required": ["size"], "properties": {
      "size": {"type": "integer", "minimum": 1, "maximum": 9},
      "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
      "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
      "port": {"x-kubernetes-int-or-string": true},
      "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
      "labels": {"type": "object", "additionalProperties": {"type": "string"}},
      "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer", "default": 7}}}}}}}})"));
}

std::vector<std::string> problems(std::string_view object) {
  std::vector<std::string> out;
  for (const Cause& cause : validateCustom(read(object), *sample())) out.push_back(cause.field + ": " + cause.message);
  return out;
}

TEST(Structural, UnknownFieldsGoAndAreNamed) {
  json::object object = read(R"({"apiVersion": "a/v1", "kind": "K", "metadata": {"name": "x"}, "bad": 1,
    "spec": {"size": 1, "nope": 2, "free": {"any": 1}, "labels": {"k": "v"}, "parts": [{"name": "a", "x": 1}]}})");
  EXPECT_THAT(pruneUnknown(object, *sample()), ElementsAre("bad", "spec.nope", "spec.parts[0].x"));
  EXPECT_TRUE(json::equal(object, read(R"({"apiVersion": "a/v1", "kind": "K", "metadata": {"name": "x"},
    "spec": {"size": 1, "free": {"any": 1}, "labels": {"k": "v"}, "parts": [{"name": "a"}]}})")));
}

TEST(Structural, DefaultsFillWhatIsMissingAtAnyDepth) {
  json::object object = read(R"({"spec": {"color": null, "parts": [{"name": "a"}, {"n": 1}]}})");
  applyDefaults(object, *sample());
  EXPECT_TRUE(json::equal(object, read(R"({"spec": {"color": "red", "parts": [{"name": "a", "n": 7}, {"n": 1}]}})")));
}

TEST(ValidateCustom, SaysWhatIsWrongAsKubernetesDoes) {
  EXPECT_THAT(problems(R"({"spec": {"size": 5, "port": "http"}})"), ElementsAre());
  EXPECT_THAT(problems(R"({"spec": {}})"), ElementsAre("spec.size: Required value"));
  EXPECT_THAT(problems(R"({"spec": {"size": 0}})"),
              ElementsAre("spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"));
  EXPECT_THAT(
      problems(R"({"spec": {"size": "x"}})"),
      ElementsAre("spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\""));
  EXPECT_THAT(problems(R"({"spec": {"size": 1, "color": "green"}})"),
              ElementsAre("spec.color: Unsupported value: \"green\": supported values: \"red\", \"blue\""));
  EXPECT_THAT(problems(R"({"spec": {"size": 1, "name": "toolong"}})"),
              ElementsAre("spec.name: Too long: may not be more than 5 bytes"));
  EXPECT_THAT(problems(R"({"spec": {"size": 1, "name": "A"}})"),
              ElementsAre("spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'"));
  EXPECT_THAT(problems(R"({"spec": {"size": 1, "parts": [{"name": "a"}, {"name": "a"}]}})"),
              ElementsAre("spec.parts[1]: Duplicate value: {\"name\":\"a\"}"));
}

TEST(JsonPath, FindsWhatPrinterColumnsName) {
  const json::object object =
      read(R"({"spec": {"n": 3, "hosts": ["a", "b"]}, "metadata": {"annotations": {"a.b/c": "x"}},
    "status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}})");
  EXPECT_EQ(evaluateJsonPath(object, ".spec.n"), 3);
  EXPECT_EQ(evaluateJsonPath(object, ".spec.hosts[1]"), "b");
  EXPECT_EQ(evaluateJsonPath(object, ".spec.hosts[*]"), "a");
  EXPECT_EQ(evaluateJsonPath(object, ".status.conditions[?(@.type==\"Ready\")].status"), "True");
  EXPECT_EQ(evaluateJsonPath(object, ".metadata.annotations.a\\.b/c"), "x");
  EXPECT_EQ(evaluateJsonPath(object, ".spec.none"), nullptr);
}

}  // namespace
}  // namespace slipway::apiserver
