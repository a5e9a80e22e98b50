#include "bridge/api_source.h"

namespace slipway::bridge {
namespace {

constexpr auto kFresh = std::chrono::seconds(5);
constexpr size_t kMaxKept = 256;

}  // namespace

void ApiSource::forgetOld() {
  const SteadyTime now = clock_.steady();
  std::erase_if(objects_, [&](const auto& entry) { return now - entry.second.at > kFresh; });
  std::erase_if(services_, [&](const auto& entry) { return now - entry.second.at > kFresh; });
  if (objects_.size() > kMaxKept) objects_.clear();
}

Task<Result<kube::Object>> ApiSource::fetch(kube::Resource resource, std::string ns, std::string name) {
  forgetOld();
  const std::string id = fmt::format("{}/{}/{}", resource.plural, ns, name);
  if (const auto kept = objects_.find(id); kept != objects_.end()) co_return kept->second.value;
  Result<kube::Object> found = co_await client_.get(resource, ns, name);
  if (found) objects_[id] = {clock_.steady(), *found};
  co_return found;
}

Task<Result<kube::Object>> ApiSource::configMap(std::string ns, std::string name) {
  return fetch(kube::kConfigMaps, std::move(ns), std::move(name));
}
Task<Result<kube::Object>> ApiSource::secret(std::string ns, std::string name) {
  return fetch(kube::kSecrets, std::move(ns), std::move(name));
}
Task<Result<kube::Object>> ApiSource::persistentVolumeClaim(std::string ns, std::string name) {
  return fetch(kube::kPersistentVolumeClaims, std::move(ns), std::move(name));
}
Task<Result<kube::Object>> ApiSource::persistentVolume(std::string name) {
  return fetch(kube::kPersistentVolumes, "", std::move(name));
}

Task<Result<std::string>> ApiSource::serviceAccountToken(std::string ns, std::string service_account,
                                                         std::string pod_name, std::string pod_uid,
                                                         std::string audience, int64_t expiration_seconds) {
  kube::Object spec{{"expirationSeconds", expiration_seconds},
                    {"boundObjectRef", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", pod_name}, {"uid", pod_uid}}}};
  spec["audiences"] = audience.empty() ? kube::json::array() : kube::json::array{kube::json::value(audience)};
  kube::Object request{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", std::move(spec)}};
  const Result<kube::Object> answer =
      co_await client_.create(kube::kServiceAccounts, ns, std::move(request), service_account, "token");
  if (!answer) co_return failure(answer.error());
  std::string token(kube::text(*answer, {"status", "token"}));
  if (token.empty())
    co_return failure(Code::InternalError, "service account {}/{}: the API gave no token", ns, service_account);
  co_return token;
}

Task<Result<std::vector<kube::Object>>> ApiSource::services(std::string ns) {
  forgetOld();
  if (const auto kept = services_.find(ns); kept != services_.end()) co_return kept->second.value;
  Result<kube::List> own = co_await client_.list(kube::kServices, ns);
  if (!own) co_return failure(own.error());
  std::vector<kube::Object> found = std::move(own->items);
  if (ns != "default") {
    Result<kube::Object> master = co_await client_.get(kube::kServices, "default", "kubernetes");
    if (master) found.push_back(std::move(*master));
  }
  services_[ns] = {clock_.steady(), found};
  co_return found;
}

}  // namespace slipway::bridge
