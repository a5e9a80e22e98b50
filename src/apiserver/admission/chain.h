#pragma once

#include <memory>
#include <vector>

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// Admission plugins one after another; the first refusal ends it. Loop thread only.
class AdmissionChain final : public Admission {
 public:
  void add(std::unique_ptr<Admission> plugin) { plugins_.push_back(std::move(plugin)); }

  Task<Done> mutate(AdmissionRequest& request) override;
  Task<Done> validate(const AdmissionRequest& request) override;

 private:
  std::vector<std::unique_ptr<Admission>> plugins_;
};

/// A plugin that waits for nothing: most of them.
class PlainAdmission : public Admission {
 public:
  Task<Done> mutate(AdmissionRequest& request) override { co_return change(request); }
  Task<Done> validate(const AdmissionRequest& request) override { co_return check(request); }

 protected:
  virtual Done change(AdmissionRequest&) { return {}; }
  virtual Done check(const AdmissionRequest&) { return {}; }
};

}  // namespace slipway::apiserver
