#include "apiserver/testing/webhook_configuration.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace slipway::apiserver::testing {

json::object ruleFor(json::array operations, std::string_view group, json::array resources) {
  return {{"operations", std::move(operations)},
          {"apiGroups", json::array{group}},
          {"apiVersions", json::array{"v1"}},
          {"resources", std::move(resources)}};
}

json::object hookFor(const WebhookServer& server, std::string_view name, json::object rule, json::object more) {
  json::object hook{{"name", name},
                    {"clientConfig", json::object{{"url", server.url()}, {"caBundle", server.bundle()}}},
                    {"rules", json::array{std::move(rule)}},
                    {"sideEffects", "None"},
                    {"timeoutSeconds", 5},
                    {"admissionReviewVersions", json::array{"v1"}}};
  for (auto& [key, value] : more) hook[key] = std::move(value);
  return hook;
}

json::value configuration(std::string_view name, json::array hooks) {
  return {{"metadata", {{"name", name}}}, {"webhooks", std::move(hooks)}};
}

Task<ApiClient::Answer> expecting(ApiClient* client, int code, std::string method, std::string path, json::value body) {
  ApiClient::Answer answer = co_await client->ask(std::move(method), std::move(path), std::move(body));
  EXPECT_EQ(answer.code, code) << answer.text;
  co_return answer;
}

Task<ApiClient::Answer> addValidating(ApiClient* client, json::value configuration) {
  return expecting(client, 201, "POST", kValidating, std::move(configuration));
}

Task<ApiClient::Answer> addMutating(ApiClient* client, json::value configuration) {
  return expecting(client, 201, "POST", kMutating, std::move(configuration));
}

json::object changing(json::array patch) {
  return {{"allowed", true}, {"patchType", "JSONPatch"}, {"patch", base64Encode(json::serialize(patch))}};
}

}  // namespace slipway::apiserver::testing
