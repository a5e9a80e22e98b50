#pragma once

#include <string>
#include <vector>

#include "kube/resource.h"
#include "proto/site.pb.h"

/// The rules of a kubelet for phase and conditions, on what the supervisor or the agent reported. Part of status.h.
namespace slipway::pod {

/// The message of a report whose pod was told by Slurm to end: what its containers come to is told when Slurm has said
/// whether the job is over or runs again.
inline constexpr std::string_view kToldToEnd = "Slurm told the job to end";

struct ContainerView {
  const kube::Object* spec = nullptr;  ///< of the pod that viewOf() was given
  site::v1::ContainerReport report;    ///< made up where the report has none
};

/// Each container of the spec with its report.
struct PodView {
  std::vector<ContainerView> init;
  std::vector<ContainerView> main;
  std::vector<ContainerView> ephemeral;
};
PodView viewOf(const kube::Object& pod, const site::v1::PodReport& report);

/// "Pending", "Running", "Succeeded" or "Failed". The last two only when the report says that the job ended.
std::string phaseOf(const kube::Object& pod, const PodView& view, const site::v1::PodReport& report);

struct ConditionValue {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
};
std::vector<ConditionValue> conditionsOf(const kube::Object& pod, const PodView& view,
                                         const site::v1::PodReport& report, const std::string& phase);

}  // namespace slipway::pod
