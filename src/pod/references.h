#pragma once

#include <map>
#include <string>

#include "pod/plan.h"

namespace slipway::pod {

/// The ConfigMaps and Secrets of one pod while its plan is built: each is fetched once, so all parts of the plan see
/// the same version. Lives as long as buildPlan().
class References {
 public:
  References(PlanSource& source, std::string ns) : source_(source), namespace_(std::move(ns)) {}

  Task<Result<kube::Object>> configMap(std::string name);
  Task<Result<kube::Object>> secret(std::string name);
  PlanSource& source() { return source_; }
  const std::string& ns() const { return namespace_; }

 private:
  PlanSource& source_;
  std::string namespace_;
  std::map<std::string, Result<kube::Object>> config_maps_;
  std::map<std::string, Result<kube::Object>> secrets_;
};

/// Keys and contents: data and binaryData of a ConfigMap, data of a Secret, decoded. `only_text` leaves binaryData out.
Result<std::map<std::string, std::string>> dataOf(const kube::Object& object, bool only_text = false);

}  // namespace slipway::pod
