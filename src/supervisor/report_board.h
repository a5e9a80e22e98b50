#pragma once

#include <functional>

#include "async/event.h"
#include "base/clock.h"
#include "pod/layout.h"

namespace slipway::supervisor {

/// The state of the pod as it is told upwards: one PodReport, changed by whoever knows something new, written to
/// report.pb and sent on Watch streams. Changes made in one turn of the loop go out together.
///
/// Life cycle: run() writes until cancelled; flush() once at the end. Owned by the supervisor, on its loop.
class ReportBoard {
 public:
  ReportBoard(const site::v1::PodPlan& plan, pod::PodDirectory directory, const Clock& clock);

  /// Changes the report; the sequence goes up.
  void update(const std::function<void(site::v1::PodReport&)>& change);
  /// The report of one container, which the plan has.
  void updateContainer(const std::string& name, const std::function<void(site::v1::ContainerReport&)>& change);
  /// A container that came later: an ephemeral one.
  void addContainer(const site::v1::Container& container, site::v1::ContainerReport::Kind kind);
  /// An event for the pod, the newest 20 stay in report.pb, so a reader of the file must tell what it has seen.
  void event(std::string type, std::string reason, std::string message, std::string container = "");

  const site::v1::PodReport& report() const { return report_; }
  /// Events so far; the report keeps the newest of them.
  int eventCount() const { return event_count_; }
  int64_t nowNs() const;
  /// Completes when the report is newer than `sequence`.
  Task<void> newerThan(uint64_t sequence);
  Task<void> run();
  /// Writes now if something is not written yet.
  void flush();

 private:
  pod::PodDirectory directory_;
  const Clock& clock_;
  site::v1::PodReport report_;
  uint64_t written_ = 0;
  int event_count_ = 0;
  async::Event changed_;
};

/// The report of a container by name; null if the plan has none.
const site::v1::ContainerReport* findReport(const site::v1::PodReport& report, std::string_view name);

}  // namespace slipway::supervisor
