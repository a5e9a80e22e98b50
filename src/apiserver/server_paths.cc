#include "apiserver/server_paths.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kVersion = "v1.36.0-slipway";

json::object versionDocument() {
  return {{"major", "1"},
          {"minor", "36"},
          {"emulationMajor", "1"},
          {"emulationMinor", "36"},
          {"minCompatibilityMajor", "1"},
          {"minCompatibilityMinor", "35"},
          {"gitVersion", kVersion},
          {"gitCommit", ""},
          {"gitTreeState", "clean"},
          {"buildDate", "1970-01-01T00:00:00Z"},
          {"goVersion", ""},
          {"compiler", "clang"},
          {"platform", "linux/amd64"}};
}

constexpr std::string_view kChecks[] = {"ping", "log", "etcd", "poststarthook/rbac/bootstrap-roles",
                                        "poststarthook/start-apiextensions-controllers"};

/// The checks as kube-apiserver lists them with ?verbose; all of them hold once requests are answered.
Reply health(const Call& call, std::string_view path) {
  if (call.info.path.size() > path.size() + 1) {
    const std::string_view check = std::string_view(call.info.path).substr(path.size() + 1);
    const bool known = std::find(std::begin(kChecks), std::end(kChecks), check) != std::end(kChecks);
    return known ? Reply::text("ok") : Reply::text("404 page not found\n", 404);
  }
  if (!call.query.has("verbose")) return Reply::text("ok");
  std::string text;
  for (const std::string_view check : kChecks) text += fmt::format("[+]{} ok\n", check);
  return Reply::text(text + fmt::format("{} check passed\n", path.substr(1)));
}

Task<Answer<Reply>> healthTask(const Call* call, std::string path) {
  co_return health(*call, path);
}

Task<Answer<Reply>> documentTask(json::object document) {
  co_return Reply::json(document);
}

Task<Answer<Reply>> keySetTask(ServiceAccountTokens* tokens) {
  CO_TRY(const json::object keys, tokens->keySet());
  Reply reply = Reply::json(keys);
  reply.type = "application/jwk-set+json";
  co_return reply;
}

json::object openIdConfiguration(const std::string& issuer) {
  return {{"issuer", issuer},
          {"jwks_uri", issuer + "/openid/v1/jwks"},
          {"response_types_supported", json::array{"id_token"}},
          {"subject_types_supported", json::array{"public"}},
          {"id_token_signing_alg_values_supported", json::array{"ES256"}}};
}

}  // namespace

void addServerPaths(Api& api, Store&, ServiceAccountTokens& tokens) {
  for (const std::string path : {"/healthz", "/livez", "/readyz"}) {
    Api::Handler handler = [path](Call& call) { return healthTask(&call, path); };
    api.onPath(path, handler, true);
    api.onPath(path + "/", handler, true);
  }
  api.onPath("/version", [](Call&) { return documentTask(versionDocument()); }, true);
  api.onPath("/.well-known/openid-configuration",
             [issuer = tokens.issuer()](Call&) { return documentTask(openIdConfiguration(issuer)); });
  api.onPath("/openid/v1/jwks", [raw = &tokens](Call&) { return keySetTask(raw); });
}

}  // namespace slipway::apiserver
