#include "apiserver/request_metrics.h"

#include "apiserver/server_paths.h"

namespace slipway::apiserver {

void RequestMetrics::note(const Call& call, int status, std::chrono::nanoseconds took) {
  const RequestInfo& info = call.info;
  // Unknown resources must not make new series without end.
  const bool known = call.kind != nullptr;
  ++requests_[fmt::format("code=\"{}\",group=\"{}\",resource=\"{}\",subresource=\"{}\",verb=\"{}\",version=\"{}\"",
                          status, known ? info.group : "", known ? info.resource : "", known ? info.subresource : "",
                          known ? info.verb : "other", known ? info.version : "")];
  if (info.verb == "watch") return;
  Durations& durations = durations_[known ? info.verb : "other"];
  const double seconds = std::chrono::duration<double>(took).count();
  size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  ++durations.buckets[bucket];
  ++durations.count;
  durations.seconds += seconds;
}

std::string RequestMetrics::text(const Store& store, const ResourceHandlers& handlers) const {
  std::string out = "# TYPE apiserver_request_total counter\n";
  for (const auto& [labels, count] : requests_) out += fmt::format("apiserver_request_total{{{}}} {}\n", labels, count);
  out += "# TYPE apiserver_request_duration_seconds histogram\n";
  for (const auto& [verb, durations] : durations_) {
    uint64_t below = 0;
    for (size_t i = 0; i <= kBounds.size(); ++i) {
      below += durations.buckets[i];
      const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
      out += fmt::format("apiserver_request_duration_seconds_bucket{{verb=\"{}\",le=\"{}\"}} {}\n", verb, bound, below);
    }
    out += fmt::format("apiserver_request_duration_seconds_sum{{verb=\"{}\"}} {}\n", verb, durations.seconds);
    out += fmt::format("apiserver_request_duration_seconds_count{{verb=\"{}\"}} {}\n", verb, durations.count);
  }
  const Store::Figures figures = store.figures();
  out += fmt::format("# TYPE apiserver_watches gauge\napiserver_watches {}\n", handlers.figures().watches);
  out +=
      fmt::format("# TYPE apiserver_longrunning_requests gauge\napiserver_longrunning_requests{{verb=\"WATCH\"}} {}\n",
                  handlers.figures().watches);
  out += fmt::format("# TYPE kubernetes_build_info gauge\nkubernetes_build_info{{git_version=\"{}\"}} 1\n",
                     kServedVersion);
  out += fmt::format("# TYPE slipway_store_objects gauge\nslipway_store_objects {}\n", figures.objects);
  out +=
      fmt::format("# TYPE slipway_store_history_bytes gauge\nslipway_store_history_bytes {}\n", figures.history_bytes);
  out += fmt::format("# TYPE slipway_store_writes_total counter\nslipway_store_writes_total {}\n", figures.writes);
  out += fmt::format("# TYPE slipway_store_failed_writes_total counter\nslipway_store_failed_writes_total {}\n",
                     figures.failed_writes);
  out += fmt::format("# TYPE slipway_store_revision gauge\nslipway_store_revision {}\n", store.revision());
  return out;
}

}  // namespace slipway::apiserver
