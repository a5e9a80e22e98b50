#pragma once

#include <string>
#include <string_view>

#include "apiserver/testing/api_client.h"
#include "apiserver/testing/webhook_server.h"

namespace slipway::apiserver::testing {

inline constexpr const char* kValidating = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
inline constexpr const char* kMutating = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// One rule, of version v1.
json::object ruleFor(json::array operations, std::string_view group, json::array resources);
/// One webhook at `server`, with further fields.
json::object hookFor(const WebhookServer& server, std::string_view name, json::object rule, json::object more = {});
json::value configuration(std::string_view name, json::array hooks);

/// Fails the test unless the answer has the code.
Task<ApiClient::Answer> expecting(ApiClient* client, int code, std::string method, std::string path, json::value body);
Task<ApiClient::Answer> addValidating(ApiClient* client, json::value configuration);
Task<ApiClient::Answer> addMutating(ApiClient* client, json::value configuration);

/// A webhook's yes that changes the object by this JSON patch.
json::object changing(json::array patch);

}  // namespace slipway::apiserver::testing
