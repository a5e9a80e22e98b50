#include "apiserver/api/discovery.h"

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

template <typename Strings>
json::array list(const Strings& strings) {
  return json::array(strings.begin(), strings.end());
}

json::object resourceEntry(const Kind& kind) {
  json::object entry{{"name", kind.plural},
                     {"singularName", kind.singular},
                     {"namespaced", kind.namespaced},
                     {"kind", kind.kind},
                     {"verbs", list(kind.verbs)}};
  if (!kind.short_names.empty()) entry["shortNames"] = list(kind.short_names);
  if (!kind.categories.empty()) entry["categories"] = list(kind.categories);
  if (!kind.storage_hash.empty()) entry["storageVersionHash"] = kind.storage_hash;
  return entry;
}

json::object subresourceEntry(const Kind& kind, const Subresource& sub) {
  json::object entry{{"name", kind.plural + "/" + sub.name}, {"singularName", ""}, {"namespaced", kind.namespaced}};
  if (!sub.version.empty()) {
    if (!sub.group.empty()) entry["group"] = sub.group;
    entry["version"] = sub.version;
  }
  entry["kind"] = sub.kind;
  entry["verbs"] = list(sub.verbs);
  return entry;
}

json::object resourceList(const Kinds& kinds, const std::string& group, const std::string& version) {
  json::array resources;
  for (const KindPtr& kind : kinds.of(group, version)) {
    resources.push_back(resourceEntry(*kind));
    for (const Subresource& sub : kind->subresources) resources.push_back(subresourceEntry(*kind, sub));
  }
  const std::string name = group.empty() ? version : group + "/" + version;
  json::object out{{"kind", "APIResourceList"}};
  if (!group.empty()) out["apiVersion"] = "v1";
  out["groupVersion"] = name;
  out["resources"] = std::move(resources);
  return out;
}

json::object versionEntry(const std::string& group, const std::string& version) {
  return {{"groupVersion", group + "/" + version}, {"version", version}};
}

json::object groupEntry(const Kinds::Group& group) {
  json::array versions;
  for (const std::string& version : group.versions) versions.push_back(versionEntry(group.name, version));
  return {{"name", group.name},
          {"versions", std::move(versions)},
          {"preferredVersion", versionEntry(group.name, group.versions.front())}};
}

json::object kindReference(std::string_view group, std::string_view version, std::string_view kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

json::object aggregatedResource(const Kind& kind) {
  json::object entry{{"resource", kind.plural},
                     {"responseKind", kindReference(kind.group, kind.version, kind.kind)},
                     {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                     {"singularResource", kind.singular},
                     {"verbs", list(kind.verbs)}};
  if (!kind.short_names.empty()) entry["shortNames"] = list(kind.short_names);
  if (!kind.categories.empty()) entry["categories"] = list(kind.categories);
  json::array subs;
  for (const Subresource& sub : kind.subresources) {
    const bool own = sub.version.empty();
    subs.push_back(json::object{
        {"subresource", sub.name},
        {"responseKind", kindReference(own ? kind.group : sub.group, own ? kind.version : sub.version, sub.kind)},
        {"verbs", list(sub.verbs)}});
  }
  if (!subs.empty()) entry["subresources"] = std::move(subs);
  return entry;
}

json::object aggregated(const Kinds& kinds, bool core) {
  json::array items;
  for (const Kinds::Group& group : kinds.groups()) {
    if (group.name.empty() != core) continue;
    json::array versions;
    for (const std::string& version : group.versions) {
      json::array resources;
      for (const KindPtr& kind : kinds.of(group.name, version)) resources.push_back(aggregatedResource(*kind));
      versions.push_back(
          json::object{{"version", version}, {"resources", std::move(resources)}, {"freshness", "Current"}});
    }
    json::object metadata{{"creationTimestamp", nullptr}};
    if (!core) metadata["name"] = group.name;
    items.push_back(json::object{{"metadata", std::move(metadata)}, {"versions", std::move(versions)}});
  }
  return {{"kind", "APIGroupDiscoveryList"},
          {"apiVersion", "apidiscovery.k8s.io/v2"},
          {"metadata", json::object()},
          {"items", std::move(items)}};
}

/// The first media type of Accept that we have: aggregated v2, or plain JSON.
bool wantsAggregated(const Call& call) {
  for (const std::string_view entry : split(call.request.headers.get("Accept"), ',')) {
    const bool v2 = entry.find("as=APIGroupDiscoveryList") != std::string_view::npos &&
                    entry.find("g=apidiscovery.k8s.io") != std::string_view::npos &&
                    trim(entry).starts_with("application/json");
    if (v2 && (entry.ends_with("v=v2") || entry.find("v=v2;") != std::string_view::npos)) return true;
    if (trim(entry) == "application/json") return false;
  }
  return false;
}

Reply aggregatedReply(const Kinds& kinds, bool core) {
  Reply reply = Reply::json(aggregated(kinds, core));
  reply.type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  reply.headers.set("Vary", "Accept");
  reply.headers.set("ETag", fmt::format("\"{}\"", sha256Hex(reply.body).substr(0, 64)));
  return reply;
}

json::object coreVersions(const std::string& server_address) {
  return {{"kind", "APIVersions"},
          {"versions", json::array{"v1"}},
          {"serverAddressByClientCIDRs",
           json::array{json::object{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", server_address}}}}};
}

json::object groupList(const Kinds& kinds) {
  json::array groups;
  for (const Kinds::Group& group : kinds.groups()) {
    if (!group.name.empty()) groups.push_back(groupEntry(group));
  }
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

Answer<Reply> oneGroup(const Kinds& kinds, std::string_view name) {
  for (const Kinds::Group& group : kinds.groups()) {
    if (name.empty() || group.name != name) continue;
    json::object out{{"kind", "APIGroup"}, {"apiVersion", "v1"}};
    for (auto& [key, value] : groupEntry(group)) out[key] = value;
    return Reply::json(out);
  }
  return failure(refuse::noSuchPath());
}

}  // namespace

std::optional<Answer<Reply>> discover(const Call& call, const Kinds& kinds, const std::string& server_address) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(call.info.path, '/')) {
    if (!part.empty()) parts.emplace_back(part);
  }
  if (parts.empty() || (parts[0] != "api" && parts[0] != "apis")) return std::nullopt;
  const bool core = parts[0] == "api";
  const size_t depth = core ? parts.size() + 1 : parts.size();
  if (depth > 3) return std::nullopt;
  if (call.request.method != "GET" && call.request.method != "HEAD")
    return Answer<Reply>(failure(refuse::methodNotAllowed()));
  if (parts.size() == 1) {
    if (wantsAggregated(call)) return aggregatedReply(kinds, core);
    return Reply::json(core ? coreVersions(server_address) : groupList(kinds));
  }
  if (depth == 2) return oneGroup(kinds, parts[1]);
  const std::string group = core ? "" : parts[1];
  if (!kinds.hasVersion(group, parts.back())) {
    const bool known = core || kinds.hasGroup(group);
    return Answer<Reply>(failure(known ? refuse::noSuchResource() : refuse::noSuchPath()));
  }
  return Reply::json(resourceList(kinds, group, parts.back()));
}

}  // namespace slipway::apiserver
