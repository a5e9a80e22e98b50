// What the server says of itself as APIServices.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"

namespace slipway::apiserver {
namespace {

using ApiServices = testing::ServerTest;

const std::string kApiServicesPath = "/apis/apiregistration.k8s.io/v1/apiservices";

json::value gadgetDefinition() {
  json::array versions;
  for (const std::string_view name : {"v1", "v1beta1"}) {
    versions.push_back(json::object{{"name", name},
                                    {"served", true},
                                    {"storage", name == "v1"},
                                    {"schema", json::object{{"openAPIV3Schema", json::object{{"type", "object"}}}}}});
  }
  return {{"metadata", {{"name", "gadgets.ex.io"}}},
          {"spec",
           {{"group", "ex.io"},
            {"scope", "Namespaced"},
            {"names", {{"plural", "gadgets"}, {"singular", "gadget"}, {"kind", "Gadget"}, {"listKind", "GadgetList"}}},
            {"versions", versions}}}};
}

Task<std::string> specOfService(testing::ApiClient* client, std::string name) {
  const auto read = co_await client->ask("GET", kApiServicesPath + "/" + name);
  const json::value* spec = json::find(read.body, {"spec"});
  co_return spec == nullptr ? read.text : json::serialize(*spec);
}

TEST_F(ApiServices, EachBuiltInVersionIsShownAsLocalAndAvailable) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto all = co_await client.ask("GET", kApiServicesPath);
    EXPECT_EQ(json::findArray(all.body, {"items"})->size(), 21U);
    const auto core = co_await client.ask("GET", kApiServicesPath + "/v1.");
    const json::array* conditions = json::findArray(core.body, {"status", "conditions"});
    EXPECT_NE(conditions, nullptr);
    if (conditions == nullptr) co_return;
    EXPECT_EQ(json::text(conditions->at(0).as_object(), {"reason"}), "Local");
    const std::string scaling = co_await specOfService(&client, "v2.autoscaling");
    EXPECT_THAT(scaling, ::testing::HasSubstr(R"("groupPriorityMinimum":17500)"));
    EXPECT_THAT(scaling, ::testing::HasSubstr(R"("versionPriority":30)"));
  });
}

TEST_F(ApiServices, ThoseOfADefinitionComeAreMendedAndGoWithIt) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const auto made = co_await client.ask("POST", definitions, gadgetDefinition());
    EXPECT_EQ(made.code, 201) << made.text;
    EXPECT_TRUE(co_await client.eventually(kApiServicesPath + "/v1.ex.io", 200));
    EXPECT_TRUE(co_await client.eventually(kApiServicesPath + "/v1beta1.ex.io", 200));
    const std::string before = co_await specOfService(&client, "v1.ex.io");
    json::value more{{"spec", {{"versionPriority", 7}}}};
    const auto changed =
        co_await client.ask("PATCH", kApiServicesPath + "/v1.ex.io", std::move(more), "application/merge-patch+json");
    EXPECT_EQ(changed.code, 200) << changed.text;
    std::string now;
    for (int i = 0; i < 500 && now != before; ++i) now = co_await specOfService(&client, "v1.ex.io");
    EXPECT_EQ(now, before);
    co_await client.ask("DELETE", kApiServicesPath + "/v1beta1.ex.io");
    EXPECT_TRUE(co_await client.eventually(kApiServicesPath + "/v1beta1.ex.io", 200));
    co_await client.ask("DELETE", definitions + "/gadgets.ex.io");
    EXPECT_TRUE(co_await client.eventually(kApiServicesPath + "/v1.ex.io", 404));
    EXPECT_TRUE(co_await client.eventually(kApiServicesPath + "/v1beta1.ex.io", 404));
    EXPECT_TRUE(co_await client.eventually(kApiServicesPath + "/v1.apps", 200)) << "what is built in stays";
  });
}

}  // namespace
}  // namespace slipway::apiserver
