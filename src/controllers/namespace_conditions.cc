#include "controllers/namespace_conditions.h"

#include "base/strings.h"

namespace slipway::controllers {
namespace {

using kube::Object;

struct Condition {
  const char* type;
  bool holds;
  const char* reason;
  std::string message;
};

std::string counted(const std::map<std::string, int64_t>& counts, std::string_view verb, std::string_view noun) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) parts.push_back(fmt::format("{} {} {} {}", name, verb, count, noun));
  return join(parts, ", ");
}

std::vector<Condition> conditionsOf(const NamespaceContent& content) {
  const bool discovered = content.discovery_errors.empty();
  const bool deleted = content.delete_errors.empty();
  const bool gone = content.resources.empty();
  const bool no_finalizers = content.finalizers.empty();
  return {
      {"NamespaceDeletionDiscoveryFailure", !discovered, discovered ? "ResourcesDiscovered" : "DiscoveryFailed",
       discovered ? "All resources successfully discovered"
                  : fmt::format("Discovery failed for some groups, {} failing: {}", content.discovery_errors.size(),
                                join(content.discovery_errors, ", "))},
      {"NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
       "All legacy kube types successfully parsed"},
      {"NamespaceDeletionContentFailure", !deleted, deleted ? "ContentDeleted" : "ContentDeletionFailed",
       deleted ? "All content successfully deleted, may be waiting on finalization"
               : fmt::format("Failed to delete all resource types, {} remaining: {}", content.delete_errors.size(),
                             join(content.delete_errors, ", "))},
      {"NamespaceContentRemaining", !gone, gone ? "ContentRemoved" : "SomeResourcesRemain",
       gone ? "All content successfully removed"
            : "Some resources are remaining: " + counted(content.resources, "has", "resource instances")},
      {"NamespaceFinalizersRemaining", !no_finalizers,
       no_finalizers ? "ContentHasNoFinalizers" : "SomeFinalizersRemain",
       no_finalizers ? "All content-preserving finalizers finished"
                     : "Some content in the namespace has finalizers remaining: " +
                           counted(content.finalizers, "in", "resource instances")},
  };
}

bool setCondition(kube::json::array& conditions, const Condition& wanted, WallTime now) {
  Object* entry = nullptr;
  for (auto& candidate : conditions) {
    Object* fields = candidate.if_object();
    if (fields != nullptr && kube::text(*fields, {"type"}) == wanted.type) entry = fields;
  }
  const std::string_view status = wanted.holds ? "True" : "False";
  if (entry != nullptr && kube::text(*entry, {"status"}) == status && kube::text(*entry, {"reason"}) == wanted.reason &&
      kube::text(*entry, {"message"}) == wanted.message) {
    return false;
  }
  if (entry == nullptr) entry = &conditions.emplace_back(Object{{"type", wanted.type}}).get_object();
  (*entry)["status"] = status;
  (*entry)["reason"] = wanted.reason;
  (*entry)["message"] = wanted.message;
  (*entry)["lastTransitionTime"] = formatTime(now);
  return true;
}

}  // namespace

bool setNamespaceConditions(Object& object, const NamespaceContent& content, WallTime now) {
  kube::json::value& list = kube::ensure(object, {"status"})["conditions"];
  if (!list.is_array()) list = kube::json::array();
  bool changed = false;
  for (const Condition& condition : conditionsOf(content)) {
    if (setCondition(list.get_array(), condition, now)) changed = true;
  }
  return changed;
}

}  // namespace slipway::controllers
