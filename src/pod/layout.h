#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/site.pb.h"

/// The directory of one attempt of a pod, `<state>/pods/<uid>/<attempt>/`, mode 0700, usually on a shared file system.
///
///   plan.pb     serialised site::v1::PodPlan without what is secret (secrets.h); the agent writes it before sbatch
///   hub.json    HubFile: how the supervisor reaches the agent; mode 0600
///   secrets.pb  site::v1::PodSecrets, mode 0600, only where supervisors cannot reach the agent: the agent writes it,
///               the supervisor removes it as soon as it has read it
///   report.pb   serialised site::v1::PodReport; the supervisor replaces it whole at each change
///   logs/<container>/<n>.log  CRI log of the container's n-th start in this attempt, 0 for the first
///   job.sh, job.out           the agent's: the job script and what it printed
namespace slipway::pod {

class PodDirectory {
 public:
  explicit PodDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  PodDirectory(const std::filesystem::path& state, std::string_view uid, uint32_t attempt);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path plan() const { return path_ / "plan.pb"; }
  std::filesystem::path hub() const { return path_ / "hub.json"; }
  std::filesystem::path secrets() const { return path_ / "secrets.pb"; }
  std::filesystem::path report() const { return path_ / "report.pb"; }
  /// Names the supervisor's socket on its node, for a job step that connects it to the hub.
  std::filesystem::path relay() const { return path_ / "relay"; }
  std::filesystem::path logs() const { return path_ / "logs"; }
  std::filesystem::path log(std::string_view container, uint32_t restart) const;
  std::filesystem::path script() const { return path_ / "job.sh"; }
  std::filesystem::path output() const { return path_ / "job.out"; }

  /// The newest start of the container that has a log, or the one before it (`previous`). NotFound names the container.
  Result<std::filesystem::path> newestLog(std::string_view container, bool previous) const;

 private:
  std::filesystem::path path_;
};

/// A uid or container name that can be a file name: letters, digits, '-', '.', '_', not empty, no leading dot.
bool isSafeFileName(std::string_view name);

/// Contents of hub.json.
struct HubFile {
  std::vector<std::string> endpoints;  ///< "host:port", tried in turn
  std::string ca;                      ///< PEM; whom the supervisor believes
  std::string certificate;             ///< PEM; who the supervisor is, common name "<uid>/<attempt>"
  std::string key;                     ///< PEM
  std::string server_name;             ///< name in the hub's certificate
};
Result<HubFile> parseHubFile(std::string_view json);
std::string formatHubFile(const HubFile& hub);

/// Each error names the file.
Result<site::v1::PodPlan> readPlan(const PodDirectory& directory);
Status writePlan(const PodDirectory& directory, const site::v1::PodPlan& plan);
Result<HubFile> readHubFile(const PodDirectory& directory);
Status writeHubFile(const PodDirectory& directory, const HubFile& hub);
Status writeSecrets(const PodDirectory& directory, const site::v1::PodSecrets& secrets);
/// Reads and removes them. NotFound: they are not there.
Result<site::v1::PodSecrets> takeSecretsFile(const PodDirectory& directory);
/// NotFound until the supervisor has written the first.
Result<site::v1::PodReport> readReport(const PodDirectory& directory);
Status writeReport(const PodDirectory& directory, const site::v1::PodReport& report);

}  // namespace slipway::pod
