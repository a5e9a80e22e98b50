#pragma once

#include <memory>
#include <string>

#include "proto/site.pb.h"
#include "tunnel/rpc.h"

namespace slipway::bridge {

inline constexpr const char* kHello = "/slipway.site.v1.Site/Hello";
inline constexpr const char* kWatch = "/slipway.site.v1.Site/Watch";
inline constexpr const char* kSubmit = "/slipway.site.v1.Site/Submit";
inline constexpr const char* kCancel = "/slipway.site.v1.Site/Cancel";
inline constexpr const char* kWatchPods = "/slipway.site.v1.Site/WatchPods";
inline constexpr const char* kLogs = "/slipway.site.v1.Site/Logs";
inline constexpr const char* kExec = "/slipway.site.v1.Site/Exec";
inline constexpr const char* kPortForward = "/slipway.site.v1.Site/PortForward";
inline constexpr const char* kUpdateVolumes = "/slipway.site.v1.Site/UpdateVolumes";
inline constexpr const char* kAddContainers = "/slipway.site.v1.Site/AddContainers";
inline constexpr const char* kStats = "/slipway.site.v1.Site/Stats";

/// The way to a site that may be away: calls fail with ServiceUnavailable meanwhile. Outlives every tunnel.
class SiteLink {
 public:
  explicit SiteLink(std::string cluster) : cluster_(std::move(cluster)) {}

  void connect(std::shared_ptr<tunnel::Channel> channel) { channel_ = std::move(channel); }
  void disconnect() { channel_.reset(); }
  bool connected() const { return channel_ != nullptr; }
  const std::string& cluster() const { return cluster_; }

  Result<std::shared_ptr<tunnel::Channel>> channel() const {
    if (channel_ != nullptr) return channel_;
    return failure(Code::ServiceUnavailable, "the agent of cluster {} is not connected", cluster_);
  }
  template <typename Response, typename Request>
  Task<Result<Response>> call(const char* method, Request request, std::chrono::nanoseconds deadline) const {
    CO_TRY(const std::shared_ptr<tunnel::Channel> open, channel());
    Task<Result<Response>> task = tunnel::callUnary<Response>(open, std::string(method), std::move(request), deadline);
    co_return co_await std::move(task);
  }

 private:
  std::string cluster_;
  std::shared_ptr<tunnel::Channel> channel_;
};

}  // namespace slipway::bridge
