#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "pki/certificate.h"

namespace slipway::apiserver {

struct ApiServerOptions {
  std::filesystem::path data_dir;     ///< database, keys, kubeconfig; made if it is missing
  std::string address = "127.0.0.1";  ///< to listen on
  uint16_t port = 6443;               ///< 0: any free one
  std::vector<std::string> names;     ///< more DNS names and addresses for the server's certificate
  std::filesystem::path audit_log;    ///< JSON lines; empty: none
  std::filesystem::path encryption;   ///< an EncryptionConfiguration: what is encrypted in the database; empty: nothing
  size_t max_requests_per_user = 400;  ///< under way at once, watches and streams not counted
  std::filesystem::path kubelet_ca;    ///< whom to believe when calling kubelets; empty: anyone
  std::string issuer = "https://kubernetes.default.svc.cluster.local";
  std::chrono::nanoseconds events_live = std::chrono::hours(1);
  const Clock* clock = nullptr;  ///< whose time the objects bear; the machine's when null; outlives the server
};

/// The embedded Kubernetes API server: one process, one file of data, no etcd.
///
/// Life cycle: start() opens the data, makes what is missing and listens; it returns when requests are answered. stop()
/// ends watches cleanly, then the rest. Everything runs on the executor's loop but the database's writer thread.
/// Errors of start() name the file or address and what is wrong with it.
class ApiServer {
 public:
  ApiServer(Executor executor, ApiServerOptions options);
  ~ApiServer();

  Task<Status> start();
  Task<void> stop();

  uint16_t port() const;
  /// "https://127.0.0.1:6443".
  std::string url() const;
  /// The admin's, in the data directory.
  std::filesystem::path kubeconfig() const;
  /// A kubeconfig for another user, with a certificate made now: for components in this process or their own.
  Result<std::string> kubeconfigFor(const std::string& user, const std::vector<std::string>& groups) const;
  /// The CA that signs client and kubelet certificates, for the CSR controller. After start().
  const pki::Identity& signingCa() const;
  /// Copies the database while it is in use; `target` must not exist.
  Task<Status> backup(std::filesystem::path target);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::apiserver
