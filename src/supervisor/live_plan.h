#pragma once

#include <functional>

#include "async/event.h"
#include "pod/layout.h"
#include "supervisor/report_board.h"

namespace slipway::supervisor {

struct Timing;

/// The pod's plan as it is now: what lay in its directory, the secrets that come by the hub (or, where a site's network
/// forces it, as a file), and what has changed in its volumes since.
///
/// Life cycle: arrived() once, before anything of the plan is used that may be secret; give() and update() at any time.
/// Others hold references into the plan: its containers and volumes stay where they are. On the supervisor's loop.
class LivePlan {
 public:
  LivePlan(site::v1::PodPlan plan, pod::PodDirectory directory, ReportBoard& board, const Timing& timing);

  const site::v1::PodPlan& plan() const { return plan_; }
  bool whole() const { return !plan_.secrets_apart(); }

  /// What the agent brings. Those that came before count; Forbidden: they are another pod's.
  Status give(const site::v1::PodSecrets& secrets);
  /// Completes when the plan is whole, or `stopped` says that nobody needs it any more. What it waits for stands in the
  /// report. ServiceUnavailable: it took too long.
  Task<Status> arrived(std::function<bool()> stopped);
  /// `stopped` is to be asked again.
  void wake() { changed_.pulse(); }
  /// Whether the hub is connected; `never` when there is none to connect to.
  void hubIs(bool connected, bool never = false);

  /// New contents of volumes, for those who start later.
  void update(const google::protobuf::RepeatedPtrField<site::v1::Volume>& volumes);
  /// What a rank of the container must know beside what lies in the directory.
  site::v1::PodSecrets forRank(const std::string& container) const;

 private:
  void takeFile();
  void tell(const std::string& message);
  void showWaiting(const std::string& reason, const std::string& message);

  site::v1::PodPlan plan_;
  pod::PodDirectory directory_;
  ReportBoard& board_;
  const Timing& timing_;
  site::v1::PodSecrets secrets_;  ///< as they came
  std::vector<std::string> changed_volumes_;
  std::string told_;
  bool connected_ = false;
  bool no_hub_ = false;
  async::Event changed_;
};

}  // namespace slipway::supervisor
