// Custom objects are sent as they are stored, until their definition wants another form.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"

namespace slipway::apiserver {
namespace {

using CustomForm = testing::ServerTest;

const std::string kDefinitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const std::string kFormWidgets = "/apis/ex.io/v1/namespaces/default/widgets";

json::value widgetDefinition(json::object fields) {
  const json::object schema{
      {"type", "object"},
      {"properties", json::object{{"spec", json::object{{"type", "object"}, {"properties", std::move(fields)}}}}}};
  const json::object version{
      {"name", "v1"}, {"served", true}, {"storage", true}, {"schema", json::object{{"openAPIV3Schema", schema}}}};
  return {{"metadata", {{"name", "widgets.ex.io"}}},
          {"spec",
           {{"group", "ex.io"},
            {"scope", "Namespaced"},
            {"names", {{"plural", "widgets"}, {"singular", "widget"}, {"kind", "Widget"}, {"listKind", "WidgetList"}}},
            {"versions", json::array{version}}}}};
}

Task<std::string> specOf(testing::ApiClient* client) {
  const auto read = co_await client->ask("GET", kFormWidgets + "/w");
  const json::value* spec = json::find(read.body, {"spec"});
  co_return spec == nullptr ? read.text : json::serialize(*spec);
}

TEST_F(CustomForm, AChangedDefinitionShowsInObjectsThatWereStoredBefore) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const json::object text{{"type", "string"}};
    const json::object two{{"a", text}, {"b", text}};
    const json::value first = widgetDefinition(two);
    const auto made = co_await client.ask("POST", kDefinitions, first);
    EXPECT_EQ(made.code, 201) << made.text;
    co_await client.eventually(kFormWidgets, 200);
    const json::value widget = {{"apiVersion", "ex.io/v1"},
                                {"kind", "Widget"},
                                {"metadata", {{"name", "w"}}},
                                {"spec", {{"a", "1"}, {"b", "2"}, {"c", "unknown"}}}};
    const auto created = co_await client.ask("POST", kFormWidgets, widget);
    EXPECT_EQ(created.code, 201) << created.text;
    const std::string before = co_await specOf(&client);
    EXPECT_EQ(before, R"({"a":"1","b":"2"})");
    json::object with_default = text;
    with_default["default"] = "9";
    const json::object other{{"a", text}, {"d", with_default}};
    json::value second = widgetDefinition(other);
    // The controller of definitions writes conditions at any moment: who replaces the object does so again after a
    // conflict.
    testing::ApiClient::Answer changed;
    for (int i = 0; i < 100 && (i == 0 || changed.code == 409); ++i) {
      const auto now = co_await client.ask("GET", kDefinitions + "/widgets.ex.io");
      second.at("metadata").as_object()["resourceVersion"] = now.body.at("metadata").at("resourceVersion");
      changed = co_await client.ask("PUT", kDefinitions + "/widgets.ex.io", second);
    }
    EXPECT_EQ(changed.code, 200) << changed.text;
    std::string after = before;
    for (int i = 0; i < 200 && after == before; ++i) {
      co_await async::sleepFor(std::chrono::milliseconds(20));
      after = co_await specOf(&client);
    }
    EXPECT_EQ(after, R"({"a":"1","d":"9"})");
  });
}

}  // namespace
}  // namespace slipway::apiserver
