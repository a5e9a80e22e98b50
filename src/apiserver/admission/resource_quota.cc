#include "apiserver/admission/plugins.h"
#include "apiserver/admission/pod_resources.h"
#include "apiserver/api/object_meta.h"
#include "base/strings.h"
#include "json/document.h"
#include "schema/quota_scope.h"

namespace slipway::apiserver {
namespace {

using schema::Quantity;

constexpr std::string_view kClassPart = ".storageclass.storage.k8s.io/";

/// What a new object uses up, by the names of quotas.
ResourceAmounts usageOf(const Kind& kind, const json::object& object) {
  ResourceAmounts usage;
  usage.emplace("count/" + kind.resource().str(), Quantity(1));
  if (schema::hasPlainQuotaName(kind.group, kind.plural)) usage.emplace(kind.plural, Quantity(1));
  if (kind.table == "core/pods") {
    for (const auto& [name, amount] : amountsOfPod(object, "requests")) {
      usage.emplace("requests." + name, amount);
      if (schema::hasOldQuotaName(name)) usage.emplace(name, amount);
    }
    for (const auto& [name, amount] : amountsOfPod(object, "limits")) usage.emplace("limits." + name, amount);
  } else if (kind.table == "core/services") {
    const std::string_view type = json::text(object, {"spec", "type"});
    const json::array* ports = json::findArray(object, {"spec", "ports"});
    const auto count = static_cast<int64_t>(ports == nullptr ? 0 : ports->size());
    if (type == "LoadBalancer") usage.emplace("services.loadbalancers", Quantity(1));
    if (type == "NodePort" || type == "LoadBalancer") usage.emplace("services.nodeports", Quantity(count));
  } else if (kind.table == "core/persistentvolumeclaims") {
    const std::string prefix = std::string(json::text(object, {"spec", "storageClassName"})) + std::string(kClassPart);
    for (const auto& [name, amount] : readAmounts(json::findObject(object, {"spec", "resources", "requests"}))) {
      usage.emplace("requests." + name, amount);
      usage.emplace(prefix + "requests." + name, amount);
    }
    usage.emplace(prefix + "persistentvolumeclaims", Quantity(1));
  }
  return usage;
}

/// Whether a quota counts the object; scopes are about pods only.
bool covers(const json::object& quota, const Kind& kind, const json::object& object) {
  if (!schema::hasQuotaScopes(quota)) return true;
  return kind.table == "core/pods" && schema::quotaCovers(quota, object);
}

bool isTerminating(const json::object& pod) {
  return json::find(pod, {"spec", "activeDeadlineSeconds"}) != nullptr;
}

/// Which writes use something up: creates, and those updates that may use more than before.
bool mayCharge(const AdmissionRequest& request) {
  if (!request.kind->namespaced || request.object == nullptr) return false;
  const std::string& table = request.kind->table;
  if (request.operation == "CREATE") return request.subresource.empty();
  if (request.operation != "UPDATE" || request.old == nullptr) return false;
  if (table == "core/pods") {
    const bool other_scope = isTerminating(*request.old) != isTerminating(*request.object);
    return request.subresource == "resize" || (request.subresource.empty() && other_scope);
  }
  return request.subresource.empty() && (table == "core/services" || table == "core/persistentvolumeclaims");
}

/// What the object uses more than before, when the quota counted it before.
ResourceAmounts chargeFor(const json::object& quota, const AdmissionRequest& request) {
  ResourceAmounts usage = usageOf(*request.kind, *request.object);
  if (request.operation != "UPDATE" || !covers(quota, *request.kind, *request.old)) return usage;
  for (const auto& [name, before] : usageOf(*request.kind, *request.old)) {
    const auto now = usage.find(name);
    if (now == usage.end()) continue;
    now->second = now->second - before;
    if (now->second.sign() <= 0) usage.erase(now);
  }
  return usage;
}

std::string listing(const ResourceAmounts& amounts) {
  std::vector<std::string> parts;
  for (const auto& [name, amount] : amounts) parts.push_back(fmt::format("{}={}", name, amount.canonical()));
  return join(parts, ",");
}

/// "limits.memory for: c; requests.cpu for: c": what every container of a pod must say under the quota.
std::string missingIn(const json::object& pod, const ResourceAmounts& hard) {
  std::map<std::string, std::vector<std::string>> missing;
  for (const char* list : {"containers", "initContainers"}) {
    const json::array* containers = json::findArray(pod, {"spec", list});
    for (size_t i = 0; containers != nullptr && i < containers->size(); ++i) {
      const json::object& container = (*containers)[i].as_object();
      for (const auto& [name, limit] : hard) {
        const bool limits = name.starts_with("limits.");
        const std::string plain = name.substr(limits ? 7 : name.starts_with("requests.") ? 9 : 0);
        if (plain != "cpu" && plain != "memory") continue;
        if (json::find(container, {"resources", limits ? "limits" : "requests", plain}) == nullptr)
          missing[name].emplace_back(json::text(container, {"name"}));
      }
    }
  }
  std::vector<std::string> parts;
  for (const auto& [name, containers] : missing)
    parts.push_back(fmt::format("{} for: {}", name, join(containers, ",")));
  return join(parts, "; ");
}

/// Refuses what would use more than a ResourceQuota allows, and notes in the quota's status what is used, in the same
/// write as the check: of two requests for the last of something one is refused. The quota controller counts again
/// later, which makes good what was noted for objects that were refused further on.
class ResourceQuotaAdmission final : public Admission {
 public:
  explicit ResourceQuotaAdmission(Registry& registry) : registry_(registry) {}

  Task<Done> mutate(AdmissionRequest&) override { co_return Done(); }
  Task<Done> validate(const AdmissionRequest& request) override {
    if (!mayCharge(request)) co_return Done();
    const std::string prefix = request.ns + "/";
    const std::vector<StoredPtr> quotas = registry_.store().table("core/resourcequotas").list(prefix, "", 0).objects;
    if (quotas.empty()) co_return Done();
    for (const StoredPtr& stored : quotas) {
      Done done = co_await charge(stored->key.substr(prefix.size()), request);
      if (!done) co_return done;
    }
    co_return Done();
  }

 private:
  Task<Done> charge(std::string name, const AdmissionRequest& request) {
    const KindPtr kind = registry_.kinds().find("", "v1", "resourcequotas");
    Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
      Answer<std::optional<json::object>> charged = chargeTo(live, name, request);
      if (!charged) return failure(std::move(charged.error()));
      return charged->has_value() ? std::move(**charged) : live;
    };
    WriteContext context = ownContext("status");
    context.options.dry_run = request.dry_run;
    Answer<Written> written = co_await registry_.update(kind, request.ns, name, std::move(change), context);
    if (!written && written.error().code != 404) co_return failure(std::move(written.error()));
    co_return Done();
  }

  /// The quota with the usage added; nothing when it does not limit such an object.
  static Answer<std::optional<json::object>> chargeTo(const json::object& quota, const std::string& name,
                                                      const AdmissionRequest& request) {
    if (!covers(quota, *request.kind, *request.object)) return std::optional<json::object>();
    const ResourceAmounts usage = chargeFor(quota, request);
    const auto refused = [&](std::string why) {
      return failure(refuse::forbidden(request.kind->resource(), request.name, why));
    };
    const ResourceAmounts spec_hard = readAmounts(json::findObject(quota, {"spec", "hard"}));
    const ResourceAmounts hard = readAmounts(json::findObject(quota, {"status", "hard"}));
    ResourceAmounts used = readAmounts(json::findObject(quota, {"status", "used"}));
    if (request.kind->table == "core/pods") {
      const std::string missing = missingIn(*request.object, spec_hard);
      if (!missing.empty()) return refused(fmt::format("failed quota: {}: must specify {}", name, missing));
    }
    ResourceAmounts requested, before, limited;
    std::vector<std::string> unknown;
    for (const auto& [resource, amount] : usage) {
      if (!spec_hard.contains(resource)) continue;
      const auto limit = hard.find(resource);
      if (limit == hard.end() || !used.contains(resource)) {
        unknown.push_back(resource);
        continue;
      }
      const Quantity now = used.find(resource)->second;
      const Quantity after = now + amount;
      if (after > limit->second && amount.sign() > 0) {
        requested.emplace(resource, amount);
        before.emplace(resource, now);
        limited.emplace(resource, limit->second);
      }
      used.insert_or_assign(resource, after);
    }
    if (!unknown.empty())
      return refused(fmt::format("status unknown for quota: {}, resources: {}", name, join(unknown, ",")));
    if (!requested.empty()) {
      return refused(fmt::format("exceeded quota: {}, requested: {}, used: {}, limited: {}", name, listing(requested),
                                 listing(before), listing(limited)));
    }
    json::object out = quota;
    json::object& status_used = json::ensureObject(json::ensureObject(out, "status"), "used");
    for (const auto& [resource, amount] : used) status_used[resource] = amount.canonical();
    return std::optional<json::object>(std::move(out));
  }

  Registry& registry_;
};

}  // namespace

std::unique_ptr<Admission> resourceQuota(Registry& registry) {
  return std::make_unique<ResourceQuotaAdmission>(registry);
}

}  // namespace slipway::apiserver
