#include "apiserver/auth/rbac.h"

#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

const std::string kClusterRoles = "rbac.authorization.k8s.io/clusterroles";
const std::string kClusterRoleBindings = "rbac.authorization.k8s.io/clusterrolebindings";
const std::string kRoles = "rbac.authorization.k8s.io/roles";
const std::string kRoleBindings = "rbac.authorization.k8s.io/rolebindings";

}  // namespace

void Rbac::refresh() {
  uint64_t version = 1;
  for (const std::string* name : {&kClusterRoles, &kClusterRoleBindings, &kRoles, &kRoleBindings}) {
    version += store_.table(*name).version();
  }
  if (version == seen_) return;
  seen_ = version;
  roles_.clear();
  users_.clear();
  groups_.clear();
  addBindings(kClusterRoleBindings, true);
  addBindings(kRoleBindings, false);
}

std::shared_ptr<const std::vector<PolicyRule>> Rbac::findRole(const std::string& kind, const std::string& name,
                                                              const std::string& ns) {
  const bool cluster = kind == "ClusterRole";
  const std::string key = cluster ? name : ns + "/" + name;
  const std::string id = kind + " " + key;
  const auto known = roles_.find(id);
  if (known != roles_.end()) return known->second;
  const StoredPtr stored = store_.table(cluster ? kClusterRoles : kRoles).find(key);
  std::shared_ptr<const std::vector<PolicyRule>> rules;
  if (stored) {
    const json::value document = json::parse(stored->bytes);
    rules = std::make_shared<const std::vector<PolicyRule>>(readRules(document.as_object()));
  }
  roles_.emplace(id, rules);
  return rules;
}

void Rbac::addBindings(const std::string& table, bool cluster) {
  for (const auto& [key, stored] : store_.table(table).objects()) {
    const json::value document = json::parse(stored->bytes);
    const json::object& binding = document.as_object();
    const std::string ns = cluster ? "" : std::string(json::text(binding, {"metadata", "namespace"}));
    const std::string name(json::text(binding, {"metadata", "name"}));
    const std::string role_kind(json::text(binding, {"roleRef", "kind"}));
    const std::string role_name(json::text(binding, {"roleRef", "name"}));
    const auto rules = findRole(role_kind, role_name, ns);
    const json::array* subjects = json::findArray(binding, {"subjects"});
    if (!rules || subjects == nullptr) continue;
    for (const json::value& entry : *subjects) {
      const json::object& subject = entry.as_object();
      const std::string subject_kind(json::text(subject, {"kind"}));
      const std::string subject_name(json::text(subject, {"name"}));
      std::string subject_ns(json::text(subject, {"namespace"}));
      if (subject_ns.empty()) subject_ns = ns;
      Grant grant{ns, rules,
                  fmt::format("RBAC: allowed by {} \"{}\" of {} \"{}\" to {} \"{}\"",
                              cluster ? "ClusterRoleBinding" : "RoleBinding", cluster ? name : name + "/" + ns,
                              role_kind, role_name, subject_kind,
                              subject_kind == "ServiceAccount" ? subject_name + "/" + subject_ns : subject_name)};
      if (subject_kind == "Group") {
        groups_[subject_name].push_back(std::move(grant));
      } else if (subject_kind == "ServiceAccount") {
        users_[serviceAccountUser(subject_ns, subject_name)].push_back(std::move(grant));
      } else {
        users_[subject_name].push_back(std::move(grant));
      }
    }
  }
}

void Rbac::visit(const User& user, const std::string& ns, const std::function<bool(const Grant&)>& visitor) {
  refresh();
  const auto go = [&](const std::unordered_map<std::string, Grants>& index, const std::string& subject) {
    const auto it = index.find(subject);
    if (it == index.end()) return true;
    for (const Grant& grant : it->second) {
      if ((grant.ns.empty() || grant.ns == ns) && !visitor(grant)) return false;
    }
    return true;
  };
  if (!go(users_, user.name)) return;
  for (const std::string& group : user.groups) {
    if (!go(groups_, group)) return;
  }
}

Decision Rbac::authorize(const User& user, const Attributes& what) {
  Decision decision;
  visit(user, what.ns, [&](const Grant& grant) {
    if (!what.is_resource && !grant.ns.empty()) return true;
    for (const PolicyRule& rule : *grant.rules) {
      if (!allows(rule, what)) continue;
      decision = {true, grant.why};
      return false;
    }
    return true;
  });
  return decision;
}

std::vector<PolicyRule> Rbac::rulesFor(const User& user, const std::string& ns) {
  std::vector<PolicyRule> all;
  visit(user, ns, [&](const Grant& grant) {
    all.insert(all.end(), grant.rules->begin(), grant.rules->end());
    return true;
  });
  return all;
}

std::optional<std::vector<PolicyRule>> Rbac::rulesOf(const std::string& kind, const std::string& name,
                                                     const std::string& ns) {
  refresh();
  const auto rules = findRole(kind, name, ns);
  if (!rules) return std::nullopt;
  return *rules;
}

}  // namespace slipway::apiserver
