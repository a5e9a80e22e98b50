#include "apiserver/api_service_keeper.h"

#include <algorithm>

#include "apiserver/api/object_meta.h"
#include "base/log.h"
#include "json/compare.h"

namespace slipway::apiserver {
namespace {

constexpr const char* kDefinitions = "apiextensions.k8s.io/customresourcedefinitions";
constexpr const char* kApiServices = "apiregistration.k8s.io/apiservices";
constexpr std::string_view kManaged = "kube-aggregator.kubernetes.io/automanaged";
constexpr auto kRest = std::chrono::seconds(60);

/// Where a version stands among all, as a real 1.36 says it of itself; higher comes first.
struct Priority {
  std::string_view group;
  int of_group;
  int of_version = 15;
};

constexpr Priority kPriorities[] = {
    {"", 18000, 1},
    {"apps", 17800},
    {"events.k8s.io", 17750},
    {"authentication.k8s.io", 17700},
    {"authorization.k8s.io", 17600},
    {"autoscaling", 17500},
    {"batch", 17400},
    {"certificates.k8s.io", 17300},
    {"networking.k8s.io", 17200},
    {"policy", 17100},
    {"rbac.authorization.k8s.io", 17000},
    {"storage.k8s.io", 16800},
    {"apiextensions.k8s.io", 16700},
    {"admissionregistration.k8s.io", 16700},
    {"scheduling.k8s.io", 16600},
    {"coordination.k8s.io", 16500},
    {"node.k8s.io", 16300},
    {"discovery.k8s.io", 16200},
    {"resource.k8s.io", 16200, 21},
    {"flowcontrol.apiserver.k8s.io", 16100, 21},
};

json::object apiService(std::string_view group, std::string_view version, int of_group, int of_version,
                        std::string_view managed) {
  json::object spec{{"version", version}, {"groupPriorityMinimum", of_group}, {"versionPriority", of_version}};
  if (!group.empty()) spec["group"] = group;
  json::object metadata{{"name", fmt::format("{}.{}", version, group)}, {"labels", json::object{{kManaged, managed}}}};
  return {{"apiVersion", "apiregistration.k8s.io/v1"},
          {"kind", "APIService"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

bool isOurs(const json::object& service) {
  return json::text(service, {"metadata", "labels", kManaged}) == "true";
}

}  // namespace

std::vector<json::object> builtinApiServices(const Kinds& kinds) {
  std::vector<json::object> out;
  for (const Kinds::Group& group : kinds.groups()) {
    const auto* found = std::ranges::find(kPriorities, group.name, &Priority::group);
    if (found == std::end(kPriorities)) continue;
    for (const std::string& version : group.versions) {
      const int of_version = version == "v2" ? 30 : found->of_version;
      out.push_back(apiService(group.name, version, found->of_group, of_version, "onstart"));
    }
  }
  return out;
}

Task<void> ApiServiceKeeper::run() {
  async::Event wake;
  const Table::Subscription definitions(registry_.store().table(kDefinitions), wake);
  const Table::Subscription services(registry_.store().table(kApiServices), wake);
  while (true) {
    wake.reset();
    co_await reconcile();
    co_await wake.waitFor(kRest);
  }
}

std::map<std::string, json::object> ApiServiceKeeper::wanted() const {
  std::map<std::string, json::object> out;
  for (const auto& [name, stored] : registry_.store().table(kDefinitions).objects()) {
    const json::value document = json::parse(stored->bytes);
    const std::string_view group = json::text(document.as_object(), {"spec", "group"});
    const json::array* versions = json::findArray(document.as_object(), {"spec", "versions"});
    for (size_t i = 0; versions != nullptr && i < versions->size(); ++i) {
      const json::object& version = (*versions)[i].as_object();
      if (!json::isTrue(version, {"served"})) continue;
      const std::string_view served = json::text(version, {"name"});
      out.try_emplace(fmt::format("{}.{}", served, group), apiService(group, served, 1000, 100, "true"));
    }
  }
  return out;
}

Task<void> ApiServiceKeeper::reconcile() {
  std::map<std::string, json::object> missing = wanted();
  std::vector<std::string> gone;
  for (const auto& [name, stored] : registry_.store().table(kApiServices).objects()) {
    const json::value document = json::parse(stored->bytes);
    const auto found = missing.find(name);
    if (found == missing.end()) {
      if (isOurs(document.as_object())) gone.push_back(name);
    } else if (!isOurs(document.as_object()) ||
               json::equal(document.as_object().at("spec"), found->second.at("spec"))) {
      missing.erase(found);
    }
  }
  for (const std::string& name : gone) co_await remove(name);
  for (auto& [name, service] : missing) co_await keep(name, std::move(service));
}

Task<void> ApiServiceKeeper::keep(std::string name, json::object service) {
  const KindPtr kind = registry_.kinds().findKind("apiregistration.k8s.io/v1", "APIService");
  Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
    json::object out = live;
    out["spec"] = service.at("spec");
    return out;
  };
  WriteContext writing = ownContext();
  const bool is_there = registry_.store().table(kApiServices).find(name) != nullptr;
  std::optional<StatusError> failed;
  if (is_there) {
    Answer<Written> updated = co_await registry_.update(kind, "", name, change, writing);
    if (!updated) failed = updated.error();
  } else {
    Answer<Written> created = co_await registry_.create(kind, "", service, writing);
    if (!created) failed = created.error();
  }
  if (failed) log::warn("APIService {}: {}", name, failed->message);
}

Task<void> ApiServiceKeeper::remove(std::string name) {
  const KindPtr kind = registry_.kinds().findKind("apiregistration.k8s.io/v1", "APIService");
  WriteContext writing = ownContext();
  Answer<Written> done = co_await registry_.remove(kind, "", name, {}, writing);
  if (!done && done.error().code != 404) log::warn("APIService {}: delete: {}", name, done.error().message);
}

}  // namespace slipway::apiserver
