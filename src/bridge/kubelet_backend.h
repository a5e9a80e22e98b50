#pragma once

#include <map>

#include "bridge/bridge.h"
#include "kubelet/backend.h"

namespace slipway::bridge {

/// Answers the kubelet API out of the bridge: pods from its copy, logs, exec, ports and usage through the agent's
/// tunnel. The log of a Pod that shows a job is the job's output file, where the agent may read it; it has no exec.
/// Borrows the bridge. Runs on its loop.
class KubeletBackend final : public kubelet::Backend {
 public:
  KubeletBackend(const Bridge& bridge, const Clock& clock) : bridge_(bridge), clock_(clock) {}

  std::vector<kube::Object> podsOf(const std::string& node) const override;
  std::optional<kube::Object> findPod(const std::string& ns, const std::string& name) const override;
  Task<Result<std::unique_ptr<kubelet::LogStream>>> logs(kubelet::ContainerRef container,
                                                         kubelet::LogOptions options) override;
  Task<Result<std::unique_ptr<kubelet::ExecSession>>> exec(kubelet::ContainerRef container,
                                                           kubelet::ExecOptions options) override;
  Task<Result<std::unique_ptr<kubelet::PortSession>>> portForward(kubelet::ContainerRef pod, uint16_t port) override;
  Task<Result<kubelet::NodeStats>> nodeStats(std::string node) override;
  Task<Result<std::vector<kubelet::PodStats>>> podStats(std::string node) override;

 private:
  struct Integral {
    double cpu_seconds = 0;
    SteadyTime at{};
  };
  Result<const SiteSession*> siteOf(const std::string& node) const;
  Task<Result<std::unique_ptr<tunnel::ClientCall>>> open(std::string node, std::string method, std::string first) const;
  Task<void> statsOf(kube::ObjectPtr pod, const SiteSession& site, std::vector<kubelet::PodStats>& out) const;

  const Bridge& bridge_;
  const Clock& clock_;
  std::map<std::string, Integral> cpu_;
};

/// kubelet's words when a container has no log yet, or none of an earlier start, from the pod's status; nothing when it
/// has.
std::optional<std::string> noLog(const kube::Object& pod, const std::string& container, bool previous);

}  // namespace slipway::bridge
