#include "agent/event_trail.h"

#include <algorithm>

namespace slipway::agent {
namespace {

constexpr size_t kKeptEvents = 20;  // as many as a supervisor's report has
constexpr int64_t kRecent = 60;

}  // namespace

void EventTrail::add(site::v1::PodEvent event) {
  std::string bytes = event.SerializeAsString();
  trail_.push_back({std::move(event), std::move(bytes)});
  if (trail_.size() > kKeptEvents) trail_.pop_front();
}

void EventTrail::addNew(site::v1::PodReport& report) {
  for (site::v1::PodEvent& event : *report.mutable_events()) add(std::move(event));
  report.clear_events();
}

bool EventTrail::endsWith(const site::v1::PodReport& report, int count) const {
  const int compared = std::min(count, static_cast<int>(trail_.size()));
  for (int i = 1; i <= compared; ++i) {
    const Kept& kept = trail_[trail_.size() - static_cast<size_t>(i)];
    if (kept.bytes != report.events(count - i).SerializeAsString()) return false;
  }
  return compared > 0;
}

void EventTrail::addNewest(site::v1::PodReport& report) {
  int known = report.events_size();
  while (known > 0 && !endsWith(report, known)) --known;
  report.mutable_events()->DeleteSubrange(0, known);
  addNew(report);
}

void EventTrail::stamp(uint64_t version, int64_t now) {
  for (auto it = trail_.rbegin(); it != trail_.rend() && it->version == 0; ++it) {
    it->version = version;
    it->at = now;
  }
}

void EventTrail::tell(site::v1::PodReport& report, uint64_t version, int64_t now) const {
  for (const Kept& each : trail_) {
    if (each.version <= version || (version == 0 && each.at < now - kRecent)) continue;
    *report.add_events() = each.event;
  }
}

}  // namespace slipway::agent
