#include "bridge/api_source.h"

#include "base/log.h"

namespace slipway::bridge {
namespace {

constexpr size_t kMaxKept = 256;

}  // namespace

void ApiSource::forgetOld() {
  const SteadyTime now = clock_.steady();
  std::erase_if(objects_, [&](const auto& entry) { return now - entry.second.at > fresh_; });
  std::erase_if(services_, [&](const auto& entry) { return now - entry.second.at > fresh_; });
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
  const std::string id = fmt::format("{}/{}/{}/{}", pod_uid, service_account, audience, expiration_seconds);
  const auto kept = tokens_.find(id);
  if (kept != tokens_.end() && clock_.steady() < kept->second.refresh_at) co_return kept->second.text;
  kube::Object spec{{"expirationSeconds", expiration_seconds},
                    {"boundObjectRef", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", pod_name}, {"uid", pod_uid}}}};
  spec["audiences"] = audience.empty() ? kube::json::array() : kube::json::array{kube::json::value(audience)};
  kube::Object request{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", std::move(spec)}};
  const Result<kube::Object> answer =
      co_await client_.create(kube::kServiceAccounts, ns, std::move(request), service_account, "token");
  if (!answer) {
    const auto old = tokens_.find(id);
    if (old == tokens_.end() || clock_.steady() >= old->second.ends_at) co_return failure(answer.error());
    log::warn("service account {}/{}: a new token for pod {} was refused ({}); the old one serves until its end", ns,
              service_account, pod_name, answer.error().message);
    co_return old->second.text;
  }
  std::string token(kube::text(*answer, {"status", "token"}));
  if (token.empty())
    co_return failure(Code::InternalError, "service account {}/{}: the API gave no token", ns, service_account);
  // The server may give less than was asked for.
  const Result<WallTime> ends = parseTime(kube::text(*answer, {"status", "expirationTimestamp"}));
  const std::chrono::nanoseconds life = ends ? *ends - clock_.now() : std::chrono::seconds(expiration_seconds);
  const SteadyTime now = clock_.steady();
  tokens_[id] = {now + std::chrono::duration_cast<SteadyTime::duration>(life * 8 / 10),
                 now + std::chrono::duration_cast<SteadyTime::duration>(life), token};
  co_return token;
}

void ApiSource::forgetTokens(const std::string& pod_uid) {
  const std::string prefix = pod_uid + "/";
  auto token = tokens_.lower_bound(prefix);
  while (token != tokens_.end() && token->first.starts_with(prefix)) token = tokens_.erase(token);
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
