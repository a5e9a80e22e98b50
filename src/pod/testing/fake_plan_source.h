#pragma once

#include <map>
#include <string>

#include "pod/plan.h"

namespace slipway::pod {

/// Objects by "namespace/name" (or "name"); what is not there is NotFound. Tokens are "token:<account>:<audience>".
class FakePlanSource final : public PlanSource {
 public:
  std::map<std::string, kube::Object> config_maps;
  std::map<std::string, kube::Object> secrets;
  std::map<std::string, kube::Object> claims;
  std::map<std::string, kube::Object> volumes;
  std::vector<kube::Object> service_list;
  int requests = 0;  ///< of ConfigMaps and Secrets

  Task<Result<kube::Object>> configMap(std::string ns, std::string name) override {
    ++requests;
    co_return findIn(config_maps, ns + "/" + name);
  }
  Task<Result<kube::Object>> secret(std::string ns, std::string name) override {
    ++requests;
    co_return findIn(secrets, ns + "/" + name);
  }
  Task<Result<kube::Object>> persistentVolumeClaim(std::string ns, std::string name) override {
    co_return findIn(claims, ns + "/" + name);
  }
  Task<Result<kube::Object>> persistentVolume(std::string name) override { co_return findIn(volumes, name); }
  Task<Result<std::string>> serviceAccountToken(std::string, std::string service_account, std::string, std::string,
                                                std::string audience, int64_t) override {
    co_return fmt::format("token:{}:{}", service_account, audience);
  }
  Task<Result<std::vector<kube::Object>>> services(std::string) override { co_return service_list; }

 private:
  static Result<kube::Object> findIn(const std::map<std::string, kube::Object>& objects, const std::string& key) {
    const auto found = objects.find(key);
    if (found == objects.end()) return failure(Code::NotFound, "{} not found", key);
    return found->second;
  }
};

}  // namespace slipway::pod
