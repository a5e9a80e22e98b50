#include "apiserver/auth/policy_rule.h"

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

std::vector<std::string> strings(const json::object& from, std::string_view key) {
  std::vector<std::string> out;
  const json::value* list = from.if_contains(key);
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& entry : list->get_array()) {
    if (entry.is_string()) out.emplace_back(entry.get_string());
  }
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool hasOrAll(const std::vector<std::string>& list, std::string_view wanted) {
  return contains(list, "*") || contains(list, wanted);
}

bool resourceMatches(const std::vector<std::string>& resources, std::string_view resource, std::string_view sub) {
  if (contains(resources, "*")) return true;
  if (sub.empty()) return contains(resources, resource);
  return contains(resources, fmt::format("{}/{}", resource, sub)) || contains(resources, fmt::format("*/{}", sub));
}

bool pathMatches(const std::vector<std::string>& paths, std::string_view path) {
  for (const std::string& mine : paths) {
    if (mine == "*" || mine == path) return true;
    if (mine.ends_with('*') && path.starts_with(std::string_view(mine).substr(0, mine.size() - 1))) return true;
  }
  return false;
}

/// One rule for each single combination, as upstream's validation breaks rules down.
std::vector<PolicyRule> breakDown(const PolicyRule& rule) {
  std::vector<PolicyRule> out;
  for (const std::string& verb : rule.verbs) {
    for (const std::string& path : rule.paths) out.push_back({{verb}, {}, {}, {}, {path}});
    for (const std::string& group : rule.groups) {
      for (const std::string& resource : rule.resources) {
        if (rule.names.empty()) out.push_back({{verb}, {group}, {resource}, {}, {}});
        for (const std::string& name : rule.names) out.push_back({{verb}, {group}, {resource}, {name}, {}});
      }
    }
  }
  return out;
}

bool covers(const PolicyRule& owner, const PolicyRule& single) {
  if (!hasOrAll(owner.verbs, single.verbs[0])) return false;
  if (!single.paths.empty()) return pathMatches(owner.paths, single.paths[0]);
  if (!hasOrAll(owner.groups, single.groups[0])) return false;
  const auto [resource, sub] = splitOnce(single.resources[0], '/');
  if (!resourceMatches(owner.resources, resource, sub)) return false;
  return owner.names.empty() || (!single.names.empty() && contains(owner.names, single.names[0]));
}

std::string quotedList(const std::vector<std::string>& list) {
  std::vector<std::string> quoted;
  for (const std::string& entry : list) quoted.push_back("\"" + entry + "\"");
  return "[" + join(quoted, " ") + "]";
}

}  // namespace

std::vector<PolicyRule> readRules(const json::object& role) {
  std::vector<PolicyRule> rules;
  const json::value* list = role.if_contains("rules");
  if (list == nullptr || !list->is_array()) return rules;
  for (const json::value& entry : list->get_array()) {
    if (!entry.is_object()) continue;
    const json::object& from = entry.get_object();
    rules.push_back({strings(from, "verbs"), strings(from, "apiGroups"), strings(from, "resources"),
                     strings(from, "resourceNames"), strings(from, "nonResourceURLs")});
  }
  return rules;
}

json::array writeRules(const std::vector<PolicyRule>& rules) {
  json::array out;
  const auto put = [](json::object& into, std::string_view key, const std::vector<std::string>& list) {
    if (!list.empty()) into[key] = json::array(list.begin(), list.end());
  };
  for (const PolicyRule& rule : rules) {
    json::object one;
    put(one, "verbs", rule.verbs);
    put(one, "apiGroups", rule.groups);
    put(one, "resources", rule.resources);
    put(one, "resourceNames", rule.names);
    put(one, "nonResourceURLs", rule.paths);
    out.push_back(std::move(one));
  }
  return out;
}

bool allows(const PolicyRule& rule, const Attributes& what) {
  if (!hasOrAll(rule.verbs, what.verb)) return false;
  if (!what.is_resource) return pathMatches(rule.paths, what.path);
  if (!hasOrAll(rule.groups, what.group)) return false;
  if (!resourceMatches(rule.resources, what.resource, what.subresource)) return false;
  return rule.names.empty() || contains(rule.names, what.name);
}

std::vector<PolicyRule> notCovered(const std::vector<PolicyRule>& owned, const std::vector<PolicyRule>& wanted) {
  std::vector<PolicyRule> missing;
  for (const PolicyRule& rule : wanted) {
    for (PolicyRule& single : breakDown(rule)) {
      const bool covered =
          std::any_of(owned.begin(), owned.end(), [&](const PolicyRule& o) { return covers(o, single); });
      if (!covered) missing.push_back(std::move(single));
    }
  }
  return missing;
}

std::string describe(const PolicyRule& rule) {
  std::vector<std::string> parts;
  if (!rule.paths.empty()) parts.push_back("NonResourceURLs:" + quotedList(rule.paths));
  if (!rule.groups.empty()) parts.push_back("APIGroups:" + quotedList(rule.groups));
  if (!rule.resources.empty()) parts.push_back("Resources:" + quotedList(rule.resources));
  if (!rule.names.empty()) parts.push_back("ResourceNames:" + quotedList(rule.names));
  if (!rule.verbs.empty()) parts.push_back("Verbs:" + quotedList(rule.verbs));
  return "{" + join(parts, ", ") + "}";
}

}  // namespace slipway::apiserver
