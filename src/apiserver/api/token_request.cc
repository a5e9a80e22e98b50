#include "apiserver/api/object_meta.h"
#include "apiserver/api/subresources.h"
#include "apiserver/auth/node_authorizer.h"

namespace slipway::apiserver {
namespace {

constexpr int64_t kDefaultSeconds = 3600;
constexpr int64_t kMinSeconds = 600;
constexpr int64_t kMaxSeconds = int64_t{1} << 32;

Done checkSeconds(int64_t seconds) {
  const char* why = nullptr;
  if (seconds < kMinSeconds) why = "may not specify a duration less than 10 minutes";
  if (seconds > kMaxSeconds) why = "may not specify a duration larger than 2^32 seconds";
  if (why == nullptr) return {};
  return failure(refuse::invalid(
      {"TokenRequest", "authentication.k8s.io"}, "",
      {{"FieldValueInvalid", fmt::format("Invalid value: {}: {}", seconds, why), "spec.expirationSeconds"}}));
}

/// A kubelet gets tokens for the pods on its node, and only such that die with them.
Done checkNodesWish(const Call& call, const json::object& request, const TokenWish& wish) {
  const std::string node = nodeOf(call.user);
  if (node.empty()) return {};
  const auto refused = [&](const char* why) {
    return failure(refuse::forbidden({"serviceaccounts", ""}, wish.account, why));
  };
  if (wish.bound_kind != "Pod") return refused("node requested token not bound to a pod");
  if (json::text(request, {"spec", "boundObjectRef", "uid"}).empty())
    return refused("node requested token with a pod binding without a uid");
  if (wish.node_name != node) return refused("node requested token bound to a pod scheduled on a different node");
  return {};
}

/// What the token is to die with must be there, and be the one that is meant.
Done bindTo(Registry& registry, const std::string& ns, const json::object& request, TokenWish& wish) {
  const json::object* ref = json::findObject(request, {"spec", "boundObjectRef"});
  if (ref == nullptr) return {};
  wish.bound_kind = json::text(*ref, {"kind"});
  wish.bound_name = json::text(*ref, {"name"});
  const std::string plural = wish.bound_kind == "Pod" ? "pods" : wish.bound_kind == "Secret" ? "secrets" : "nodes";
  if (wish.bound_kind != "Pod" && wish.bound_kind != "Secret" && wish.bound_kind != "Node") {
    return failure(refuse::badRequest(
        fmt::format("cannot bind token for serviceaccount \"{}\" to object with group, version, and kind {}",
                    wish.account, wish.bound_kind)));
  }
  const KindPtr kind = registry.kinds().find("", "v1", plural);
  TRY(const StoredPtr stored, registry.get(*kind, ns, wish.bound_name));
  const json::value document = json::parse(stored->bytes);
  const json::object& object = document.as_object();
  wish.bound_uid = meta::uid(object);
  const std::string_view wanted = json::text(*ref, {"uid"});
  if (!wanted.empty() && wanted != wish.bound_uid) {
    return failure(refuse::conflict({plural, ""}, wish.bound_name,
                                    fmt::format("the UID in the bound object reference ({}) does not match the UID in "
                                                "record. The object might have been deleted and then recreated",
                                                wanted)));
  }
  if (wish.bound_kind != "Pod") return {};
  if (json::text(object, {"spec", "serviceAccountName"}) != wish.account) {
    return failure(refuse::badRequest(
        fmt::format("cannot bind token for serviceaccount \"{}\" to pod running with different serviceaccount name.",
                    wish.account)));
  }
  wish.node_name = json::text(object, {"spec", "nodeName"});
  if (const StoredPtr node = registry.store().table("core/nodes").find(wish.node_name)) {
    const json::value node_document = json::parse(node->bytes);
    wish.node_uid = meta::uid(node_document.as_object());
  }
  return {};
}

Task<Answer<Reply>> issue(Call* call, Registry* registry, ServiceAccountTokens* tokens) {
  CO_TRY(json::object request, readBody(*call));
  CO_TRY(const StoredPtr account, registry->get(*call->kind, call->info.ns, call->info.name));
  const json::value account_document = json::parse(account->bytes);
  if (json::text(request, {"apiVersion"}).empty()) request["apiVersion"] = "authentication.k8s.io/v1";
  if (json::text(request, {"kind"}).empty()) request["kind"] = "TokenRequest";
  CO_TRY_STATUS(co_await admitBody(call, registry, "CREATE", &request, false));
  TokenWish wish;
  wish.ns = call->info.ns;
  wish.account = call->info.name;
  wish.account_uid = meta::uid(account_document.as_object());
  wish.seconds = json::findInt(request, {"spec", "expirationSeconds"}).value_or(kDefaultSeconds);
  CO_TRY_STATUS(checkSeconds(wish.seconds));
  json::object& spec = json::ensureObject(request, "spec");
  if (const json::array* audiences = json::findArray(request, {"spec", "audiences"})) {
    for (const json::value& audience : *audiences) wish.audiences.emplace_back(audience.as_string());
  }
  if (wish.audiences.empty()) wish.audiences = {tokens->issuer()};
  CO_TRY_STATUS(bindTo(*registry, call->info.ns, request, wish));
  CO_TRY_STATUS(checkNodesWish(*call, request, wish));
  CO_TRY(const IssuedToken issued, tokens->issue(wish));
  spec["audiences"] = json::array(wish.audiences.begin(), wish.audiences.end());
  spec["expirationSeconds"] = wish.seconds;
  if (!spec.contains("boundObjectRef")) spec["boundObjectRef"] = nullptr;
  json::object metadata{{"name", wish.account}, {"namespace", wish.ns}, {"creationTimestamp", formatTime(call->now)}};
  json::object out{
      {"kind", "TokenRequest"}, {"apiVersion", "authentication.k8s.io/v1"}, {"metadata", std::move(metadata)}};
  out["spec"] = spec;
  out["status"] = json::object{{"token", issued.token}, {"expirationTimestamp", formatTime(issued.expires)}};
  co_return Reply::json(out, 201);
}

}  // namespace

void addTokenRequest(Api& api, Registry& registry, ServiceAccountTokens& tokens) {
  api.onSubresource("core/serviceaccounts", "token",
                    [raw = &registry, issuer = &tokens](Call& call) { return issue(&call, raw, issuer); });
}

}  // namespace slipway::apiserver
