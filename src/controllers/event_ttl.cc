#include "controllers/event_ttl.h"

#include "base/log.h"

namespace slipway::controllers {
namespace {

struct Old {
  std::string ns;
  std::string name;
  std::string uid;
  std::string version;
};

WallTime lastWritten(const kube::Object& event) {
  WallTime last{};
  const auto consider = [&](std::string_view text) {
    if (text.empty()) return;
    if (const auto time = parseTime(text)) last = std::max(last, *time);
  };
  consider(kube::text(event, {"lastTimestamp"}));
  consider(kube::text(event, {"series", "lastObservedTime"}));
  consider(kube::text(event, {"eventTime"}));
  consider(kube::text(event, {"metadata", "creationTimestamp"}));
  return last;
}

}  // namespace

EventTtl::EventTtl(kube::Client& client, const Clock& clock, EventTtlOptions options)
    : client_(client), clock_(clock), options_(options) {}

Task<void> EventTtl::run() {
  while (true) {
    co_await async::sleepFor(options_.interval);
    const Result<size_t> swept = co_await sweep();
    if (!swept) log::warn("old events: {}", swept.error().message);
  }
}

Task<Result<size_t>> EventTtl::sweep() {
  std::vector<Old> old;
  const WallTime limit = clock_.now() - options_.ttl;
  kube::ListOptions all;
  all.sink = [&](const kube::Object& event) {
    const WallTime last = lastWritten(event);
    if (last == WallTime{} || last > limit) return;
    old.push_back({std::string(kube::nameSpace(event)), std::string(kube::name(event)), std::string(kube::uid(event)),
                   std::string(kube::resourceVersion(event))});
  };
  CO_TRY_STATUS(co_await client_.list(kube::kEvents, "", std::move(all)));
  size_t deleted = 0;
  for (const Old& event : old) {
    kube::DeleteOptions options;
    options.uid = event.uid;
    options.resource_version = event.version;  // counted up meanwhile: it is not old any more
    const auto removed = co_await client_.remove(kube::kEvents, event.ns, event.name, std::move(options));
    if (removed) ++deleted;
    if (removed || removed.error().is(Code::NotFound) || removed.error().is(Code::Conflict)) continue;
    co_return failure(removed.error());
  }
  co_return deleted;
}

}  // namespace slipway::controllers
