#include "apiserver/flow_defaults.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kGroup = "flowcontrol.apiserver.k8s.io/v1";

struct Level {
  std::string_view name;
  int shares;
  int lendable;
  int queues;  ///< 0: what is too much is refused
  int hand;
};

// As a real 1.36 makes them.
constexpr Level kLevels[] = {
    {"leader-election", 10, 0, 16, 4}, {"node-high", 40, 25, 64, 6},      {"system", 30, 33, 64, 6},
    {"workload-high", 40, 50, 128, 6}, {"workload-low", 100, 90, 128, 6}, {"global-default", 20, 50, 128, 6},
    {"catch-all", 5, 0, 0, 0},
};

struct Flow {
  std::string_view name;
  int precedence;
  std::string_view level;
  std::string_view distinguisher;
  std::string_view subjects;  ///< G=group U=user S=namespace/account
  std::string_view rules;  ///< "verbs groups resources", several by ';', a leading '*' also for what has no namespace;
                           ///< "paths" first: verbs and paths; "all": everything
};

constexpr Flow kFlows[] = {
    {"exempt", 1, "exempt", "", "G=system:masters", "all"},
    {"probes", 2, "exempt", "", "G=system:unauthenticated G=system:authenticated", "paths get /healthz,/readyz,/livez"},
    {"system-leader-election", 100, "leader-election", "ByUser",
     "U=system:kube-controller-manager U=system:kube-scheduler S=kube-system/*",
     "get,create,update coordination.k8s.io leases"},
    {"system-node-high", 400, "node-high", "ByUser", "G=system:nodes",
     "cluster * - nodes,nodes/status;* coordination.k8s.io leases"},
    {"system-nodes", 500, "system", "ByUser", "G=system:nodes", "all"},
    {"kube-controller-manager", 800, "workload-high", "ByNamespace", "U=system:kube-controller-manager", "all"},
    {"kube-scheduler", 800, "workload-high", "ByNamespace", "U=system:kube-scheduler", "all"},
    {"kube-system-service-accounts", 900, "workload-high", "ByNamespace", "S=kube-system/*", "all"},
    {"service-accounts", 9000, "workload-low", "ByUser", "G=system:serviceaccounts", "all"},
    {"global-default", 9900, "global-default", "ByUser", "G=system:unauthenticated G=system:authenticated", "all"},
    {"catch-all", 10000, "catch-all", "ByUser", "G=system:unauthenticated G=system:authenticated", "all"},
};

json::array words(std::string_view list) {
  json::array out;
  for (const std::string_view word : split(list, ',')) out.emplace_back(word == "-" ? "" : word);
  return out;
}

json::object subject(std::string_view word) {
  const std::string_view name = word.substr(2);
  if (word.starts_with("G=")) return {{"kind", "Group"}, {"group", json::object{{"name", name}}}};
  if (word.starts_with("U=")) return {{"kind", "User"}, {"user", json::object{{"name", name}}}};
  const auto [ns, account] = splitOnce(name, '/');
  return {{"kind", "ServiceAccount"}, {"serviceAccount", json::object{{"namespace", ns}, {"name", account}}}};
}

json::object resourceRule(std::string_view text) {
  json::object rule{{"namespaces", json::array{"*"}}};
  if (text.starts_with("cluster ")) {
    rule["clusterScope"] = true;
    text.remove_prefix(8);
  }
  const std::vector<std::string_view> parts = split(text, ' ');
  rule["verbs"] = words(parts[0]);
  rule["apiGroups"] = words(parts[1]);
  rule["resources"] = words(parts[2]);
  return rule;
}

json::object pathRule(std::string_view verbs, std::string_view paths) {
  return {{"verbs", words(verbs)}, {"nonResourceURLs", words(paths)}};
}

json::object rulesOf(const Flow& flow) {
  json::object out;
  json::array subjects;
  for (const std::string_view word : split(flow.subjects, ' ')) subjects.push_back(subject(word));
  out["subjects"] = std::move(subjects);
  if (flow.rules == "all") {
    out["resourceRules"] = json::array{resourceRule("cluster * * *")};
    out["nonResourceRules"] = json::array{pathRule("*", "*")};
  } else if (flow.rules.starts_with("paths ")) {
    const std::vector<std::string_view> parts = split(flow.rules, ' ');
    out["nonResourceRules"] = json::array{pathRule(parts[1], parts[2])};
  } else {
    json::array rules;
    for (const std::string_view rule : split(flow.rules, ';')) rules.push_back(resourceRule(rule));
    out["resourceRules"] = std::move(rules);
  }
  return out;
}

json::object named(std::string_view kind, std::string_view name) {
  json::object metadata{{"name", name}, {"annotations", json::object{{"apf.kubernetes.io/autoupdate-spec", "true"}}}};
  return {{"apiVersion", kGroup}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

json::object levelObject(const Level& level) {
  json::object response{{"type", level.queues == 0 ? "Reject" : "Queue"}};
  if (level.queues != 0) {
    response["queuing"] = json::object{{"queues", level.queues}, {"handSize", level.hand}, {"queueLengthLimit", 50}};
  }
  json::object limited{{"nominalConcurrencyShares", level.shares},
                       {"lendablePercent", level.lendable},
                       {"limitResponse", std::move(response)}};
  json::object out = named("PriorityLevelConfiguration", level.name);
  out["spec"] = json::object{{"type", "Limited"}, {"limited", std::move(limited)}};
  return out;
}

json::object exemptLevel() {
  json::object out = named("PriorityLevelConfiguration", "exempt");
  out["spec"] = json::object{{"type", "Exempt"},
                             {"exempt", json::object{{"nominalConcurrencyShares", 0}, {"lendablePercent", 0}}}};
  return out;
}

json::object flowObject(const Flow& flow) {
  json::object spec{{"matchingPrecedence", flow.precedence},
                    {"priorityLevelConfiguration", json::object{{"name", flow.level}}},
                    {"rules", json::array{rulesOf(flow)}}};
  if (!flow.distinguisher.empty()) spec["distinguisherMethod"] = json::object{{"type", flow.distinguisher}};
  json::object out = named("FlowSchema", flow.name);
  out["spec"] = std::move(spec);
  return out;
}

}  // namespace

std::vector<json::object> flowDefaults() {
  std::vector<json::object> out{exemptLevel()};
  for (const Level& level : kLevels) out.push_back(levelObject(level));
  for (const Flow& flow : kFlows) out.push_back(flowObject(flow));
  return out;
}

}  // namespace slipway::apiserver
