#include "apiserver/proto/decode.h"

#include <gtest/gtest.h>

#include "json/compare.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7fU) | 0x80U);
  return out + static_cast<char>(value);
}
std::string bytes(uint32_t number, std::string_view text) {
  return varint(number << 3U | 2U) + varint(text.size()) + std::string(text);
}
std::string integer(uint32_t number, uint64_t value) {
  return varint(number << 3U) + varint(value);
}

std::string envelope(std::string_view api_version, std::string_view kind, std::string_view raw) {
  return std::string("k8s\0", 4) + bytes(1, bytes(1, api_version) + bytes(2, kind)) + bytes(2, raw) + bytes(3, "") +
         bytes(4, "");
}

/// A pod with a volume whose source Go embeds, a quantity, a port by name and a zero time.
std::string samplePod() {
  const std::string metadata = bytes(1, "p") + bytes(8, "") + bytes(11, bytes(1, "app") + bytes(2, "x"));
  const std::string probe =
      bytes(1, bytes(2, bytes(2, integer(1, 1) + integer(2, 0) + bytes(3, "http")))) + integer(2, 5);
  const std::string container = bytes(1, "c") + bytes(2, "busybox") + bytes(3, "sleep") + bytes(3, "1") +
                                bytes(8, bytes(2, bytes(1, "cpu") + bytes(2, bytes(1, "100m")))) + bytes(10, probe);
  const std::string volume = bytes(1, "v") + bytes(2, bytes(2, ""));
  const std::string spec = bytes(1, volume) + bytes(2, container) + integer(4, 0) + integer(11, 1);
  return bytes(1, metadata) + bytes(2, spec) + bytes(3, "");
}

TEST(DecodeProtobuf, GivesTheJsonOfTheObject) {
  const auto schema = schema::Schema::builtin();
  const auto pod = decodeProtobuf(envelope("v1", "Pod", samplePod()), *schema);
  ASSERT_TRUE(pod) << pod.error().message;
  const json::value wanted = json::parse(R"({
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "x"}},
    "spec": {"volumes": [{"name": "v", "emptyDir": {}}],
             "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "1"],
                             "resources": {"requests": {"cpu": "100m"}},
                             "livenessProbe": {"httpGet": {"port": "http"}, "initialDelaySeconds": 5}}],
             "terminationGracePeriodSeconds": 0, "hostNetwork": true},
    "status": {}})");
  EXPECT_TRUE(json::equal(*pod, wanted)) << json::serialize(*pod);
}

// The only fields whose name the proto files write large and JSON small.
TEST(DecodeProtobuf, WebhooksAndExpressionsKeepTheirPlace) {
  const auto schema = schema::Schema::builtin();
  const auto decoded = [&](std::string_view kind, std::string_view raw) {
    const auto object = decodeProtobuf(envelope("admissionregistration.k8s.io/v1", kind, raw), *schema);
    return object ? json::serialize(*object) : object.error().message;
  };
  const std::string hooks = bytes(1, bytes(1, "c")) + bytes(2, bytes(1, "a.b.c")) + bytes(2, bytes(1, "d.e.f"));
  for (const char* kind : {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}) {
    const std::string text = decoded(kind, hooks);
    EXPECT_NE(text.find(R"("webhooks":[{"name":"a.b.c")"), std::string::npos) << text;
    EXPECT_NE(text.find(R"({"name":"d.e.f")"), std::string::npos) << text;
  }
  const std::string variable = bytes(7, bytes(1, "v") + bytes(2, "1 + 1"));
  const std::string policy = decoded("ValidatingAdmissionPolicy", bytes(2, bytes(3, bytes(1, "true")) + variable));
  EXPECT_NE(policy.find(R"("validations":[{"expression":"true"}])"), std::string::npos) << policy;
  EXPECT_NE(policy.find(R"("variables":[{"name":"v","expression":"1 + 1"}])"), std::string::npos) << policy;
}

TEST(DecodeProtobuf, CutAnywhereItIsRefusedOrShorterButNeverReadBeyond) {
  const auto schema = schema::Schema::builtin();
  const std::string whole = envelope("v1", "Pod", samplePod());
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    const std::string part = whole.substr(0, cut);
    (void)decodeProtobuf(part, *schema);
  }
  EXPECT_FALSE(decodeProtobuf("{}", *schema));
  EXPECT_FALSE(decodeProtobuf(envelope("v1", "Nothing", ""), *schema));
}

TEST(DecodeProtobuf, TimesThatASystemClockCannotCountAreKept) {
  const auto schema = schema::Schema::builtin();
  const auto lease = [](int64_t seconds) {
    const std::string time = integer(1, static_cast<uint64_t>(seconds)) + integer(2, 5000);
    return envelope("coordination.k8s.io/v1", "Lease", bytes(1, bytes(1, "l")) + bytes(2, bytes(3, time)));
  };
  const auto acquired = [&](int64_t seconds) -> std::string {
    const auto object = decodeProtobuf(lease(seconds), *schema);
    return object ? std::string(json::text(*object, {"spec", "acquireTime"})) : object.error().message;
  };
  EXPECT_EQ(acquired(-62135596798), "0001-01-01T00:00:02.000005Z");
  EXPECT_EQ(acquired(253402300799), "9999-12-31T23:59:59.000005Z");
  EXPECT_EQ(acquired(253402300800), "the protobuf body is damaged at a time");
}

TEST(DecodeProtobuf, WhatGoOmitsInTheSchemaOfADefinitionIsNotThere) {
  const auto schema = schema::Schema::builtin();
  // items: {schema: {description: "", type: string, nullable: false}}, all of an array of two levels.
  const std::string inner = bytes(1, "") + bytes(4, "") + bytes(5, "string") + integer(37, 0);
  const std::string list = bytes(5, "array") + bytes(24, bytes(1, inner));
  const std::string version = bytes(1, "v1") + bytes(4, bytes(1, bytes(5, "array") + bytes(24, bytes(1, list))));
  const auto definition = decodeProtobuf(
      envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", bytes(2, bytes(1, "g") + bytes(7, version))),
      *schema);
  ASSERT_TRUE(definition) << definition.error().message;
  EXPECT_NE(json::serialize(*definition).find(R"({"type":"array","items":{"type":"array","items":{"type":"string"}}})"),
            std::string::npos)
      << json::serialize(*definition);
}

TEST(DecodeProtobuf, OptionsOfMetaCanComeUnderAnyGroup) {
  const auto schema = schema::Schema::builtin();
  const auto options =
      decodeProtobuf(envelope("apps/v1", "DeleteOptions", integer(1, 0) + bytes(4, "Foreground")), *schema);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->at("gracePeriodSeconds"), 0);
  EXPECT_EQ(options->at("propagationPolicy"), "Foreground");
}

}  // namespace
}  // namespace slipway::apiserver
