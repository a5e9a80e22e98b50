// Kinds of CustomResourceDefinitions: served, described, read with the form of today, and gone with their definition.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"

namespace slipway::apiserver {
namespace {

using CustomResources = testing::ServerTest;

constexpr std::string_view kWidgets = R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
  "metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced",
  "names":{"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList"},
  "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object",
    "description":"A widget","properties":{"a":{"type":"string"},"gone":{"type":"string"},
    "maybe":{"type":"string","nullable":true},"free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,
    "properties":{"x":{"type":"string"}}}}}}}]}})";

TEST_F(CustomResources, AStoredCustomResourceIsReadWithTheFormAndDefaultsOfToday) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    co_await client.ask("POST", definitions, json::parse(kWidgets));
    const std::string widgets = "/apis/example.com/v1/namespaces/default/widgets";
    EXPECT_TRUE(co_await client.eventually(widgets, 200));
    const auto widget =
        json::parse(R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"gone":"old"})");
    EXPECT_EQ((co_await client.ask("POST", widgets, widget)).code, 201);
    const std::string schema = "/spec/versions/0/schema/openAPIV3Schema/properties/";
    const json::array patch{json::object{{"op", "add"}, {"path", schema + "a/default"}, {"value", "A"}},
                            json::object{{"op", "remove"}, {"path", schema + "gone"}}};
    const auto patched =
        co_await client.ask("PATCH", definitions + "/widgets.example.com", patch, "application/json-patch+json");
    EXPECT_EQ(patched.code, 200) << patched.text;
    std::string text;
    for (int turn = 0; turn < 500 && text.find(R"("a":"A")") == std::string::npos; ++turn) {
      text = (co_await client.ask("GET", widgets + "/w")).text;
    }
    EXPECT_THAT(text, ::testing::HasSubstr(R"("a":"A")"));
    EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("old")));
    EXPECT_THAT((co_await client.ask("GET", widgets)).text, ::testing::HasSubstr(R"("a":"A")"));
  });
}

TEST_F(CustomResources, OpenApiDescribesCustomResources) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json::parse(kWidgets));
    EXPECT_TRUE(co_await client.eventually("/apis/example.com/v1/namespaces/default/widgets", 200));
    const auto old = co_await client.ask("GET", "/openapi/v2");
    const json::object* widget = json::findObject(old.body, {"definitions", "com.example.v1.Widget"});
    EXPECT_NE(widget, nullptr);
    if (widget == nullptr) co_return;
    EXPECT_EQ(json::serialize(*json::find(*widget, {"properties", "free"})),
              R"({"x-kubernetes-preserve-unknown-fields":true})");
    EXPECT_EQ(json::serialize(*json::find(*widget, {"properties", "maybe"})), "{}");
    const auto now = co_await client.ask("GET", "/openapi/v3/apis/example.com/v1");
    const json::object* whole = json::findObject(now.body, {"components", "schemas", "com.example.v1.Widget"});
    EXPECT_NE(whole, nullptr);
    if (whole == nullptr) co_return;
    EXPECT_EQ(json::text(*whole, {"description"}), "A widget");
    EXPECT_EQ(json::text(*whole, {"properties", "free", "type"}), "object");
    EXPECT_THAT(now.text, ::testing::HasSubstr("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta\":{"));
  });
}

TEST_F(CustomResources, CustomResourceIsServedAndGoesWithItsDefinition) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto definition = json::parse(R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
      "metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced",
      "names":{"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList"},
      "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{
      "spec":{"type":"object","properties":{"size":{"type":"integer","minimum":1}}}}}}}]}})");
    const auto made =
        co_await client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition);
    EXPECT_EQ(made.code, 201) << made.text;
    const std::string widgets = "/apis/example.com/v1/namespaces/default/widgets";
    EXPECT_TRUE(co_await client.eventually(widgets, 200));
    const auto good =
        json::parse(R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"size":1}})");
    const auto created = co_await client.ask("POST", widgets, good);
    EXPECT_EQ(created.code, 201) << created.text;
    const auto bad =
        json::parse(R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"b"},"spec":{"size":0}})");
    const auto refused = co_await client.ask("POST", widgets, bad);
    EXPECT_EQ(refused.code, 422);
    co_await client.ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com");
    EXPECT_TRUE(co_await client.eventually(widgets, 404));
    EXPECT_TRUE(co_await client.eventually("/apis/example.com", 404));
  });
}

TEST_F(CustomResources, ADefinitionIsHeldOnlyWhenItGoesAndAnOldVersionIsWarnedOf) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    json::value two = json::parse(kWidgets);
    json::array& versions = two.at("spec").at("versions").as_array();
    json::object old = versions.at(0).as_object();
    old["name"] = "v1beta1";
    old["storage"] = false;
    old["deprecated"] = true;
    versions.push_back(old);
    co_await client.ask("POST", definitions, two);
    const std::string widgets = "/apis/example.com/v1/namespaces/default/widgets";
    EXPECT_TRUE(co_await client.eventually(widgets, 200));
    const auto made = co_await client.ask("GET", definitions + "/widgets.example.com");
    EXPECT_EQ(json::find(made.body, {"metadata", "finalizers"}), nullptr);
    co_await client.ask("POST", widgets, json::parse(R"({"metadata":{"name":"w"}})"));
    const auto warned = co_await client.ask("GET", "/apis/example.com/v1beta1/namespaces/default/widgets/w");
    EXPECT_EQ(warned.warnings.size(), 1U);
    if (warned.warnings.empty()) co_return;
    EXPECT_THAT(warned.warnings[0],
                ::testing::HasSubstr("example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget"));
    const auto going = co_await client.ask("DELETE", definitions + "/widgets.example.com");
    EXPECT_EQ(going.code, 200);
    EXPECT_THAT(going.text, ::testing::HasSubstr("customresourcecleanup.apiextensions.k8s.io"));
    EXPECT_TRUE(co_await client.eventually(definitions + "/widgets.example.com", 404));
  });
}

}  // namespace
}  // namespace slipway::apiserver
