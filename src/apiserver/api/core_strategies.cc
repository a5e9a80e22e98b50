#include "apiserver/api/object_meta.h"
#include "apiserver/api/strategies.h"

namespace slipway::apiserver {
namespace {

Done labelNamespace(json::object& ns) {
  json::ensureObject(meta::of(ns), "labels")["kubernetes.io/metadata.name"] = meta::name(ns);
  return {};
}

/// What pods get beside what all kinds get: a negative grace period is the shortest one, gates are shown as a
/// condition.
Done preparePod(json::object& pod, StrategyContext& context) {
  json::object& spec = json::ensureObject(pod, "spec");
  if (json::findInt(spec, {"terminationGracePeriodSeconds"}).value_or(0) < 0) spec["terminationGracePeriodSeconds"] = 1;
  const json::array* gates = json::findArray(spec, {"schedulingGates"});
  if (gates == nullptr || gates->empty()) return {};
  json::ensureObject(pod, "status")["conditions"] =
      json::array{json::object{{"type", "PodScheduled"},
                               {"status", "False"},
                               {"lastProbeTime", nullptr},
                               {"lastTransitionTime", formatTime(context.clock.now())},
                               {"reason", "SchedulingGated"},
                               {"message", "Scheduling is blocked due to non-empty scheduling gates"}}};
  return {};
}

/// A signing request is made in the name of whoever makes it.
Done signRequester(json::object& request, const User& user) {
  json::object& spec = json::ensureObject(request, "spec");
  for (const char* field : {"username", "uid", "groups", "extra"}) json::removeKey(spec, field);
  spec["username"] = user.name;
  if (!user.uid.empty()) spec["uid"] = user.uid;
  if (!user.groups.empty()) spec["groups"] = json::array(user.groups.begin(), user.groups.end());
  if (user.extra.empty()) return {};
  json::object extra;
  for (const auto& [key, values] : user.extra) extra[key] = json::array(values.begin(), values.end());
  spec["extra"] = std::move(extra);
  return {};
}

/// What the server serves itself is there at once.
Done setAvailable(json::object& service, const Clock& clock) {
  if (json::findObject(service, {"spec", "service"}) != nullptr) return {};
  const json::object available{{"type", "Available"},
                               {"status", "True"},
                               {"lastTransitionTime", formatTime(clock.now())},
                               {"reason", "Local"},
                               {"message", "Local APIServices are always available"}};
  service["status"] = json::object{{"conditions", json::array{available}}};
  return {};
}

}  // namespace

void addCoreStrategies(Strategies& strategies) {
  Strategy& pods = strategies.at("core/pods");
  pods.graceful_delete = true;
  pods.prepare_create = preparePod;

  Strategy& namespaces = strategies.at("core/namespaces");
  namespaces.prepare_create = [](json::object& ns, StrategyContext&) { return labelNamespace(ns); };
  namespaces.prepare_update = [](json::object& ns, const json::object&, std::string_view, StrategyContext&) {
    return labelNamespace(ns);
  };

  strategies.at("apiregistration.k8s.io/apiservices").prepare_create =
      [](json::object& service, StrategyContext& context) { return setAvailable(service, context.clock); };

  strategies.at("certificates.k8s.io/certificatesigningrequests").prepare_create =
      [](json::object& request, StrategyContext& context) { return signRequester(request, context.user); };
}

}  // namespace slipway::apiserver
