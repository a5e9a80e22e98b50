#pragma once

#include <map>

#include "base/clock.h"
#include "kube/client.h"
#include "pod/plan.h"

namespace slipway::bridge {

/// What pods refer to, fetched one by one from the API when a plan needs it: no watch and no cache of every Secret of
/// the cluster. Answers are kept for a few seconds, so that a Deployment of a hundred pods asks once. A pod's token is
/// kept until 80 % of its life are over, as a kubelet does; while a new one cannot be had, the old one serves until its
/// end. Runs on one loop.
class ApiSource final : public pod::PlanSource {
 public:
  ApiSource(kube::Client& client, const Clock& clock, std::chrono::nanoseconds fresh = std::chrono::seconds(5))
      : client_(client), clock_(clock), fresh_(fresh) {}

  Task<Result<kube::Object>> configMap(std::string ns, std::string name) override;
  Task<Result<kube::Object>> secret(std::string ns, std::string name) override;
  Task<Result<kube::Object>> persistentVolumeClaim(std::string ns, std::string name) override;
  Task<Result<kube::Object>> persistentVolume(std::string name) override;
  Task<Result<std::string>> serviceAccountToken(std::string ns, std::string service_account, std::string pod_name,
                                                std::string pod_uid, std::string audience,
                                                int64_t expiration_seconds) override;
  Task<Result<std::vector<kube::Object>>> services(std::string ns) override;
  void forgetTokens(const std::string& pod_uid);

 private:
  template <typename T>
  struct Kept {
    SteadyTime at;
    T value;
  };
  struct Token {
    SteadyTime refresh_at;
    SteadyTime ends_at;
    std::string text;
  };
  Task<Result<kube::Object>> fetch(kube::Resource resource, std::string ns, std::string name);
  void forgetOld();

  kube::Client& client_;
  const Clock& clock_;
  std::chrono::nanoseconds fresh_;
  std::map<std::string, Token> tokens_;  ///< by "<pod uid>/<service account>/<audience>/<seconds>"
  std::map<std::string, Kept<kube::Object>> objects_;
  std::map<std::string, Kept<std::vector<kube::Object>>> services_;
};

}  // namespace slipway::bridge
