#include "schema/quota_scope.h"

#include <algorithm>

#include "json/document.h"

namespace slipway::schema {
namespace {

const json::array& listAt(const json::object& from, std::initializer_list<std::string_view> path) {
  static const json::array none;
  const json::array* found = json::findArray(from, path);
  return found == nullptr ? none : *found;
}

/// Only what counts for the quality of service: cpu and memory.
bool asksNothing(const json::object& pod) {
  for (const std::string_view list : {"containers", "initContainers"}) {
    for (const json::value& container : listAt(pod, {"spec", list})) {
      for (const std::string_view kind : {"requests", "limits"}) {
        const json::object* fields = container.if_object();
        const json::object* amounts = fields == nullptr ? nullptr : json::findObject(*fields, {"resources", kind});
        if (amounts != nullptr && (amounts->contains("cpu") || amounts->contains("memory"))) return false;
      }
    }
  }
  return true;
}

bool inQuotaScope(std::string_view scope, const json::object& pod) {
  const bool terminating = json::find(pod, {"spec", "activeDeadlineSeconds"}) != nullptr;
  if (scope == "Terminating") return terminating;
  if (scope == "NotTerminating") return !terminating;
  if (scope == "BestEffort") return asksNothing(pod);
  if (scope == "NotBestEffort") return !asksNothing(pod);
  return scope == "PriorityClass" && !json::text(pod, {"spec", "priorityClassName"}).empty();
}

bool fitsScopeExpression(const json::object& expression, const json::object& pod) {
  const std::string_view scope = json::text(expression, {"scopeName"}), op = json::text(expression, {"operator"});
  if (op == "Exists") return inQuotaScope(scope, pod);
  if (op == "DoesNotExist") return !inQuotaScope(scope, pod);
  if (scope != "PriorityClass") return false;
  const std::string_view mine = json::text(pod, {"spec", "priorityClassName"});
  const bool listed = std::ranges::any_of(listAt(expression, {"values"}), [&](const json::value& value) {
    return value.is_string() && std::string_view(value.get_string()) == mine;
  });
  return op == "In" ? !mine.empty() && listed : op == "NotIn" && !listed;
}

}  // namespace

bool hasPlainQuotaName(std::string_view group, std::string_view plural) {
  constexpr std::string_view kPlain[] = {"configmaps",
                                         "secrets",
                                         "services",
                                         "persistentvolumeclaims",
                                         "pods",
                                         "resourcequotas",
                                         "replicationcontrollers"};
  return group.empty() && std::ranges::find(kPlain, plural) != std::end(kPlain);
}

bool hasOldQuotaName(std::string_view resource) {
  return resource == "cpu" || resource == "memory" || resource == "ephemeral-storage" ||
         resource.starts_with("hugepages-");
}

bool hasQuotaScopes(const json::object& quota) {
  return !listAt(quota, {"spec", "scopes"}).empty() ||
         !listAt(quota, {"spec", "scopeSelector", "matchExpressions"}).empty();
}

bool quotaCovers(const json::object& quota, const json::object& pod) {
  for (const json::value& scope : listAt(quota, {"spec", "scopes"})) {
    if (!scope.is_string() || !inQuotaScope(scope.get_string(), pod)) return false;
  }
  return std::ranges::all_of(listAt(quota, {"spec", "scopeSelector", "matchExpressions"}), [&](const json::value& one) {
    return one.is_object() && fitsScopeExpression(one.get_object(), pod);
  });
}

}  // namespace slipway::schema
