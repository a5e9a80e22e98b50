#include "apiserver/auth/default_policy.h"

#include "apiserver/auth/policy_rule.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

// One line each, words between blanks, lists with commas, "-" for an empty word:
//   R name [l=label ...] [a=label ...]     ClusterRole with aggregation labels, or aggregating the roles so labelled
//   P verbs groups resources [names]       a rule of the role above
//   U verbs paths                          the same for paths
//   B name role [U=user G=group S=ns/sa]   ClusterRoleBinding
//   N namespace name [binding]             Role in a namespace, with a RoleBinding of the same name, or that, by the
//                                          next line
//   V [U=... G=... S=...]                  the subjects of that RoleBinding
constexpr std::string_view kPolicy =
#include "apiserver/auth/default_policy.inc"
    "N kube-system extension-apiserver-authentication-reader system::extension-apiserver-authentication-reader\n"
    "V U=system:kube-controller-manager U=system:kube-scheduler\n"
    "P get,list,watch - configmaps extension-apiserver-authentication\n"
    "N kube-system system::leader-locking-kube-controller-manager\n"
    "V U=system:kube-controller-manager S=kube-system/kube-controller-manager "
    "S=kube-system/leader-election-controller\n"
    "P watch - configmaps\n"
    "P get,update - configmaps kube-controller-manager\n"
    "N kube-system system::leader-locking-kube-scheduler\n"
    "V U=system:kube-scheduler S=kube-system/kube-scheduler\n"
    "P watch - configmaps\n"
    "P get,update - configmaps kube-scheduler\n"
    "N kube-system system:controller:bootstrap-signer\n"
    "V S=kube-system/bootstrap-signer\n"
    "P get,list,watch - secrets\n"
    "N kube-system system:controller:token-cleaner\n"
    "V S=kube-system/token-cleaner\n"
    "P delete,get,list,watch - secrets\n"
    "P create,patch,update -,events.k8s.io events\n"
    "N kube-system system:controller:cloud-provider\n"
    "V S=kube-system/cloud-provider\n"
    "P create,get,list,update,watch - configmaps\n"
    "N kube-public system:controller:bootstrap-signer\n"
    "V S=kube-system/bootstrap-signer\n"
    "P get,list,watch - configmaps\n"
    "P update - configmaps cluster-info\n"
    "P create,patch,update -,events.k8s.io events\n";

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> out;
  for (const std::string_view word : split(list, ',')) out.emplace_back(word == "-" ? "" : word);
  return out;
}

json::object makeObject(std::string_view kind, std::string_view name, std::string_view ns = {}) {
  json::object metadata{{"name", name}};
  if (!ns.empty()) metadata["namespace"] = ns;
  metadata["labels"] = json::object{{"kubernetes.io/bootstrapping", "rbac-defaults"}};
  metadata["annotations"] = json::object{{"rbac.authorization.kubernetes.io/autoupdate", "true"}};
  return {{"apiVersion", "rbac.authorization.k8s.io/v1"}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

json::object subject(std::string_view word) {
  const std::string_view name = word.substr(2);
  if (word.starts_with("S=")) {
    const auto [ns, account] = splitOnce(name, '/');
    return {{"kind", "ServiceAccount"}, {"name", account}, {"namespace", ns}};
  }
  return {{"apiGroup", kGroup}, {"kind", word.starts_with("U=") ? "User" : "Group"}, {"name", name}};
}

json::object roleRef(std::string_view kind, std::string_view name) {
  return {{"apiGroup", kGroup}, {"kind", kind}, {"name", name}};
}

json::object readRole(const std::vector<std::string_view>& line) {
  json::object role = makeObject("ClusterRole", line[1]);
  json::array selectors;
  for (size_t i = 2; i < line.size(); ++i) {
    const std::string_view label = line[i].substr(2);
    if (line[i].starts_with("l=")) {
      role["metadata"].as_object()["labels"].as_object()[label] = "true";
    } else {
      selectors.push_back(json::object{{"matchLabels", json::object{{label, "true"}}}});
    }
  }
  if (!selectors.empty()) role["aggregationRule"] = json::object{{"clusterRoleSelectors", std::move(selectors)}};
  role["rules"] = json::array();
  return role;
}

json::object readBinding(const std::vector<std::string_view>& line) {
  json::object binding = makeObject("ClusterRoleBinding", line[1]);
  binding["roleRef"] = roleRef("ClusterRole", line[2]);
  json::array subjects;
  for (size_t i = 3; i < line.size(); ++i) subjects.push_back(subject(line[i]));
  if (!subjects.empty()) binding["subjects"] = std::move(subjects);
  return binding;
}

PolicyRule readRule(const std::vector<std::string_view>& line) {
  if (line[0] == "U") return {words(line[1]), {}, {}, {}, words(line[2])};
  return {words(line[1]),
          words(line[2]),
          words(line[3]),
          line.size() > 4 ? words(line[4]) : std::vector<std::string>(),
          {}};
}

bool labelled(const json::object& role, const json::object& selector) {
  const json::object& labels = role.at("metadata").as_object().at("labels").as_object();
  return labels.contains(selector.at("matchLabels").as_object().begin()->key());
}

/// view before edit before admin, each of which takes in the ones before.
void aggregate(std::vector<json::object>& objects) {
  for (const std::string_view name : {"view", "edit", "admin"}) {
    for (json::object& role : objects) {
      if (!role.contains("aggregationRule") || role.at("metadata").at("name").as_string() != name) continue;
      json::array rules;
      for (const json::value& selector : role.at("aggregationRule").at("clusterRoleSelectors").as_array()) {
        for (const json::object& other : objects) {
          if (!labelled(other, selector.as_object())) continue;
          for (const json::value& rule : other.at("rules").as_array()) rules.push_back(rule);
        }
      }
      role["rules"] = std::move(rules);
    }
  }
}

}  // namespace

std::vector<json::object> defaultPolicy() {
  std::vector<json::object> objects;
  json::object* role = nullptr;
  std::vector<json::object> bindings;
  objects.reserve(200);
  for (const std::string_view text : split(kPolicy, '\n')) {
    if (text.empty()) continue;
    const std::vector<std::string_view> line = split(text, ' ');
    if (line[0] == "R") {
      role = &objects.emplace_back(readRole(line));
    } else if (line[0] == "N") {
      role = &objects.emplace_back(makeObject("Role", line[2], line[1]));
      (*role)["rules"] = json::array();
      json::object& binding =
          bindings.emplace_back(makeObject("RoleBinding", line.size() > 3 ? line[3] : line[2], line[1]));
      binding["roleRef"] = roleRef("Role", line[2]);
    } else if (line[0] == "V") {
      json::array subjects;
      for (size_t i = 1; i < line.size(); ++i) subjects.push_back(subject(line[i]));
      bindings.back()["subjects"] = std::move(subjects);
    } else if (line[0] == "B") {
      bindings.push_back(readBinding(line));
    } else {
      (*role)["rules"].as_array().push_back(writeRules({readRule(line)})[0]);
    }
  }
  aggregate(objects);
  std::move(bindings.begin(), bindings.end(), std::back_inserter(objects));
  return objects;
}

}  // namespace slipway::apiserver
