#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/api/content.h"
#include "apiserver/api/openapi_proto.h"
#include "apiserver/api/yaml_answer.h"
#include "apiserver/proto/wire_reader.h"
#include "json/compare.h"
#include "json/yaml.h"

namespace slipway::apiserver {
namespace {

TEST(AsYaml, ReadsBackAsItself) {
  const json::value document = json::parse(R"({"b": [1, [2, {"x": []}], {"k": "v", "a": {}}], "a": "yes", "n": null,
    "text": "two\nlines: # \"quoted\"", "y": true, "no": "on", "num": "0x1f", "empty": "", "f": 1.5,
    "colon": "a: b", "dash": "- a", "nested": {"deep": {"deeper": [{"l": ["z"]}]}}, "time": "2026-11-22T05:55:20Z"})");
  const std::string text = asYaml(document);
  const Result<json::value> back = json::yamlToJson(text);
  ASSERT_TRUE(back) << text;
  EXPECT_TRUE(json::equal(*back, document)) << text;
}

TEST(AsYaml, StandsInBlocksWithSortedKeys) {
  EXPECT_EQ(asYaml(json::parse(R"({"kind": "Pod", "items": [{"b": 1, "a": ["x"]}], "apiVersion": "v1"})")),
            "apiVersion: v1\nitems:\n- a:\n  - x\n  b: 1\nkind: Pod\n");
}

TEST(PrefersYaml, OnlyWhenItStandsBeforeJson) {
  EXPECT_TRUE(prefersYaml("application/yaml"));
  EXPECT_TRUE(prefersYaml("application/vnd.kubernetes.protobuf, application/yaml;q=0.8, application/json"));
  EXPECT_FALSE(prefersYaml("application/json, application/yaml"));
  EXPECT_FALSE(prefersYaml(""));
}

/// The first field of that number within a message, or "".
std::string field(std::string_view message, std::initializer_list<uint32_t> path) {
  std::string_view at = message;
  for (const uint32_t number : path) {
    WireReader reader(at);
    at = {};
    while (const auto found = reader.next()) {
      if (found->number != number) continue;
      at = found->bytes;
      break;
    }
  }
  return std::string(at);
}

TEST(SwaggerAsProtobuf, HasWhatOldClientsLookFor) {
  const json::value document = json::parse(R"({"swagger": "2.0", "info": {"title": "K", "version": "v1"},
    "paths": {"/api/v1/pods": {"patch": {"operationId": "p", "x-kubernetes-group-version-kind": {"kind": "Pod"},
      "parameters": [{"name": "dryRun", "in": "query", "type": "string"}]}}},
    "definitions": {"Pod": {"type": "object", "properties": {"spec": {"$ref": "#/definitions/Spec"}}}}})");
  const std::string bytes = swaggerAsProtobuf(document.as_object());
  EXPECT_EQ(field(bytes, {1}), "2.0");
  EXPECT_EQ(field(bytes, {2, 1}), "K");
  EXPECT_EQ(field(bytes, {8, 2, 1}), "/api/v1/pods");
  EXPECT_EQ(field(bytes, {8, 2, 2, 8, 8, 1, 2, 3, 4}), "dryRun");
  EXPECT_EQ(field(bytes, {8, 2, 2, 8, 13, 1}), "x-kubernetes-group-version-kind");
  EXPECT_EQ(field(bytes, {9, 1, 1}), "Pod");
  EXPECT_EQ(field(bytes, {9, 1, 2, 22, 1}), "object");
  EXPECT_EQ(field(bytes, {9, 1, 2, 25, 1, 2, 1}), "#/definitions/Spec");
}

}  // namespace
}  // namespace slipway::apiserver
