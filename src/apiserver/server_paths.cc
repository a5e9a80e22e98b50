#include "apiserver/server_paths.h"

#include <algorithm>
#include <span>

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

json::object versionDocument() {
  return {{"major", "1"},
          {"minor", "36"},
          {"emulationMajor", "1"},
          {"emulationMinor", "36"},
          {"minCompatibilityMajor", "1"},
          {"minCompatibilityMinor", "35"},
          {"gitVersion", kServedVersion},
          {"gitCommit", ""},
          {"gitTreeState", "clean"},
          {"buildDate", "1970-01-01T00:00:00Z"},
          {"goVersion", ""},
          {"compiler", "clang"},
          {"platform", "linux/amd64"}};
}

/// What each of the three paths looks at, as kube-apiserver lists it with ?verbose. All of it holds once requests are
/// answered: the data is in memory, and a writer that fails says so to whoever writes.
constexpr std::string_view kHealthz[] = {"ping", "log", "etcd", "poststarthook/rbac/bootstrap-roles",
                                         "poststarthook/start-apiextensions-controllers"};
constexpr std::string_view kReadyz[] = {"ping",
                                        "log",
                                        "etcd",
                                        "informer-sync",
                                        "poststarthook/rbac/bootstrap-roles",
                                        "poststarthook/start-apiextensions-controllers",
                                        "shutdown"};

std::span<const std::string_view> checksOf(std::string_view path) {
  if (path == "/readyz") return kReadyz;
  return kHealthz;
}

bool contains(std::span<const std::string_view> list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

Reply health(const Call& call, std::string_view path) {
  const std::span<const std::string_view> checks = checksOf(path);
  if (call.info.path.size() > path.size()) {
    const std::string_view check = std::string_view(call.info.path).substr(path.size() + 1);
    return contains(checks, check) ? Reply::text("ok") : Reply::text("404 page not found\n", 404);
  }
  if (!call.query.has("verbose")) return Reply::text("ok");
  const std::vector<std::string> excluded = call.query.all("exclude");
  const auto is_excluded = [&](std::string_view check) { return std::ranges::find(excluded, check) != excluded.end(); };
  std::string text;
  for (const std::string_view check : checks)
    text += fmt::format("[+]{}{} ok\n", check, is_excluded(check) ? " excluded:" : "");
  std::vector<std::string> unknown;
  for (const std::string& check : excluded) {
    if (!contains(checks, check)) unknown.push_back(fmt::format("\"{}\"", check));
  }
  if (!unknown.empty()) {
    text += fmt::format("warn: some health checks cannot be excluded: no matches for {}\n", join(unknown, ","));
  }
  return Reply::text(text + fmt::format("{} check passed\n", path.substr(1)));
}

/// The same as a metric, for those who watch the service level.
Reply healthMetric() {
  std::string text =
      "# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.\n"
      "# TYPE kubernetes_healthcheck gauge\n";
  for (const std::string_view type : {"healthz", "livez", "readyz"}) {
    for (const std::string_view check : checksOf(fmt::format("/{}", type)))
      text += fmt::format("kubernetes_healthcheck{{name=\"{}\",type=\"{}\"}} 1\n", check, type);
  }
  Reply reply = Reply::text(text);
  reply.type = "text/plain; version=0.0.4; charset=utf-8";
  return reply;
}

Task<Answer<Reply>> metricTask() {
  co_return healthMetric();
}

Task<Answer<Reply>> healthTask(const Call* call, std::string path) {
  co_return health(*call, path);
}

Task<Answer<Reply>> documentTask(json::object document) {
  co_return Reply::json(document);
}

json::object openIdConfiguration(const std::string& issuer, const std::string& url) {
  return {{"issuer", issuer},
          {"jwks_uri", url + "/openid/v1/jwks"},
          {"response_types_supported", json::array{"id_token"}},
          {"subject_types_supported", json::array{"public"}},
          {"id_token_signing_alg_values_supported", json::array{"ES256"}}};
}

/// Who checks tokens may keep the keys for an hour.
constexpr const char* kPublic = "public, max-age=3600";

Task<Answer<Reply>> configurationTask(std::string issuer, std::string url) {
  Reply reply = Reply::json(openIdConfiguration(issuer, url));
  reply.headers.set("Cache-Control", kPublic);
  co_return reply;
}

Task<Answer<Reply>> keySetTask(ServiceAccountTokens* tokens) {
  CO_TRY(const json::object keys, tokens->keySet());
  Reply reply = Reply::json(keys);
  reply.type = "application/jwk-set+json";
  reply.headers.set("Cache-Control", kPublic);
  co_return reply;
}

}  // namespace

void addServerPaths(Api& api, ServiceAccountTokens& tokens, std::string url) {
  for (const std::string path : {"/healthz", "/livez", "/readyz"}) {
    Api::Handler handler = [path](Call& call) { return healthTask(&call, path); };
    api.onPath(path, handler, true);
    api.onPath(path + "/", handler, true);
  }
  api.onPath("/version", [](Call&) { return documentTask(versionDocument()); }, true);
  api.onPath("/.well-known/openid-configuration",
             [issuer = tokens.issuer(), url](Call&) { return configurationTask(issuer, url); });
  api.onPath("/metrics/slis", [](Call&) { return metricTask(); });
  api.onPath("/openid/v1/jwks", [raw = &tokens](Call&) { return keySetTask(raw); });
}

}  // namespace slipway::apiserver
