#include "controllers/resource_discovery.h"

#include <set>

namespace slipway::controllers {
namespace {

using kube::Object;

constexpr const char* kAggregated =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

const Object& objectOf(const kube::json::value& value) {
  static const Object none;
  return value.is_object() ? value.get_object() : none;
}

std::vector<std::string> verbsOf(const Object& resource) {
  std::vector<std::string> verbs;
  for (const auto& verb : kube::items(resource, {"verbs"})) {
    if (verb.is_string()) verbs.emplace_back(verb.get_string());
  }
  return verbs;
}

void readVersion(const std::string& group, const Object& served, Discovered& out) {
  const std::string version(kube::text(served, {"version"}));
  if (kube::text(served, {"freshness"}) == "Stale") {
    out.gaps.push_back({group, version, "stale GroupVersion discovery"});
    return;
  }
  for (const auto& entry : kube::items(served, {"resources"})) {
    const Object& resource = objectOf(entry);
    out.resources.push_back(
        {{group, version, std::string(kube::text(resource, {"resource"})),
          std::string(kube::text(resource, {"responseKind", "kind"})), kube::text(resource, {"scope"}) == "Namespaced"},
         verbsOf(resource)});
  }
}

/// Versions of a group of the older form, the preferred one first.
std::vector<std::string> versionsOf(const Object& group) {
  const std::string preferred(kube::text(group, {"preferredVersion", "version"}));
  std::vector<std::string> versions;
  if (!preferred.empty()) versions.push_back(preferred);
  for (const auto& entry : kube::items(group, {"versions"})) {
    const std::string version(kube::text(objectOf(entry), {"version"}));
    if (version != preferred) versions.push_back(version);
  }
  return versions;
}

Task<void> readGroupVersion(FetchPath fetch, std::string group, std::string version, Discovered& out) {
  const std::string path = group.empty() ? "/api/" + version : fmt::format("/apis/{}/{}", group, version);
  Task<Result<Object>> request = fetch(path, "application/json");
  const Result<Object> list = co_await std::move(request);
  if (list) {
    readResourceList(*list, group, version, out);
  } else {
    out.gaps.push_back({group, version, list.error().message});
  }
}

Task<Status> readRoot(FetchPath fetch, std::string path, Discovered& out) {
  Task<Result<Object>> request = fetch(path, kAggregated);
  const Result<Object> root = co_await std::move(request);
  if (!root) co_return failure(root.error());
  if (kube::text(*root, {"kind"}) == "APIGroupDiscoveryList") {
    readAggregated(*root, out);
    co_return Status();
  }
  for (const auto& version : kube::items(*root, {"versions"})) {
    if (version.is_string()) co_await readGroupVersion(fetch, "", std::string(version.get_string()), out);
  }
  for (const auto& entry : kube::items(*root, {"groups"})) {
    const Object& group = objectOf(entry);
    for (const std::string& version : versionsOf(group)) {
      co_await readGroupVersion(fetch, std::string(kube::text(group, {"name"})), version, out);
    }
  }
  co_return Status();
}

Task<Result<Discovered>> discover(FetchPath fetch) {
  Discovered out;
  CO_TRY_STATUS(co_await readRoot(fetch, "/api", out));
  CO_TRY_STATUS(co_await readRoot(fetch, "/apis", out));
  co_return out;
}

}  // namespace

bool ApiResource::can(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::vector<ApiResource> Discovered::preferred(std::initializer_list<std::string_view> verbs) const {
  std::vector<ApiResource> chosen;
  std::set<std::pair<std::string, std::string>> seen;
  for (const ApiResource& candidate : resources) {
    if (!seen.emplace(candidate.resource.group, candidate.resource.plural).second) continue;
    if (std::all_of(verbs.begin(), verbs.end(), [&](auto verb) { return candidate.can(verb); })) {
      chosen.push_back(candidate);
    }
  }
  return chosen;
}

const ApiResource* Discovered::findKind(std::string_view api_version, std::string_view kind) const {
  // Only what can be read by itself: "scale" or a review is of that kind as well.
  for (const ApiResource& candidate : resources) {
    if (candidate.resource.kind == kind && candidate.resource.apiVersion() == api_version && candidate.can("get")) {
      return &candidate;
    }
  }
  return nullptr;
}

void readAggregated(const Object& list, Discovered& out) {
  for (const auto& entry : kube::items(list, {"items"})) {
    const Object& group = objectOf(entry);
    for (const auto& version : kube::items(group, {"versions"})) {
      readVersion(std::string(kube::name(group)), objectOf(version), out);
    }
  }
}

void readResourceList(const Object& list, const std::string& group, const std::string& version, Discovered& out) {
  for (const auto& entry : kube::items(list, {"resources"})) {
    const Object& resource = objectOf(entry);
    const std::string plural(kube::text(resource, {"name"}));
    if (plural.empty() || plural.find('/') != std::string::npos) continue;
    out.resources.push_back(
        {{group, version, plural, std::string(kube::text(resource, {"kind"})), kube::boolean(resource, {"namespaced"})},
         verbsOf(resource)});
  }
}

ResourceDiscovery discoverBy(FetchPath fetch) {
  return [fetch = std::move(fetch)] { return discover(fetch); };
}

}  // namespace slipway::controllers
