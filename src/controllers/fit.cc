#include "controllers/fit.h"

#include "base/strings.h"

namespace slipway::controllers {
namespace {

constexpr int64_t kWholeNode = 100'000;
// What a pod that asks for nothing is taken to use, so that such pods do not all meet on one node (kube-scheduler's
// figures).
constexpr std::pair<const char*, int64_t> kUnasked[] = {{"cpu", 100}, {"memory", 200LL << 20}};

using kube::Object;
namespace json = kube::json;

std::string_view textOf(const json::value& value) {
  return value.is_string() ? std::string_view(value.get_string()) : std::string_view();
}

/// One requirement of matchExpressions or matchFields against the value that the node has, if any.
bool matchesRequirement(const Object& requirement, const std::optional<std::string>& actual) {
  const std::string_view op = kube::text(requirement, {"operator"});
  const json::array& values = kube::items(requirement, {"values"});
  const auto listed = [&] {
    return actual && std::any_of(values.begin(), values.end(), [&](const auto& v) { return textOf(v) == *actual; });
  };
  if (op == "In") return listed();
  if (op == "NotIn") return !listed();
  if (op == "Exists") return actual.has_value();
  if (op == "DoesNotExist") return !actual.has_value();
  if (op != "Gt" && op != "Lt") return false;
  const auto mine = actual ? parseInt(*actual) : std::nullopt;
  const auto bound = values.empty() ? std::nullopt : parseInt(textOf(values.front()));
  if (!mine || !bound) return false;
  return op == "Gt" ? *mine > *bound : *mine < *bound;
}

std::optional<std::string> labelOf(const Object& node, std::string_view key) {
  const Object& labels = kube::child(node, {"metadata", "labels"});
  const auto* value = labels.if_contains(key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

bool matchesSelector(const Object& pod, const Object& node) {
  for (const auto& [key, value] : kube::child(pod, {"spec", "nodeSelector"})) {
    if (labelOf(node, key) != std::string(textOf(value))) return false;
  }
  const auto* required = kube::find(
      pod, {"spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"});
  if (required == nullptr || !required->is_array()) return true;
  const json::array& terms = required->get_array();
  return std::any_of(terms.begin(), terms.end(),
                     [&](const json::value& term) { return term.is_object() && matchesTerm(term.get_object(), node); });
}

Object madeTaint(std::string_view key) {
  return {{"key", key}, {"effect", "NoSchedule"}};
}

/// What a node lifecycle controller or a kubelet would have tainted the node with. Without one of them (the embedded
/// control plane) the conditions count themselves.
std::optional<Object> impliedTaint(const Object& node) {
  if (kube::boolean(node, {"spec", "unschedulable"})) return madeTaint("node.kubernetes.io/unschedulable");
  for (const auto& condition : kube::items(node, {"status", "conditions"})) {
    const auto* fields = condition.if_object();
    if (fields == nullptr || kube::text(*fields, {"type"}) != "Ready") continue;
    const std::string_view status = kube::text(*fields, {"status"});
    if (status == "True") return std::nullopt;
    return madeTaint(status == "False" ? "node.kubernetes.io/not-ready" : "node.kubernetes.io/unreachable");
  }
  return madeTaint("node.kubernetes.io/not-ready");
}

std::optional<std::string> untolerated(const Object& pod, const Object& node) {
  const json::array& tolerations = kube::items(pod, {"spec", "tolerations"});
  if (const auto implied = impliedTaint(node); implied && !tolerates(tolerations, *implied)) {
    if (kube::text(*implied, {"key"}) == "node.kubernetes.io/unschedulable") return "node(s) were unschedulable";
    return fmt::format("node(s) had untolerated taint {{{}: }}", kube::text(*implied, {"key"}));
  }
  for (const auto& entry : kube::items(node, {"spec", "taints"})) {
    const auto* taint = entry.if_object();
    if (taint == nullptr || kube::text(*taint, {"effect"}) == "PreferNoSchedule") continue;
    if (tolerates(tolerations, *taint)) continue;
    return fmt::format("node(s) had untolerated taint {{{}: {}}}", kube::text(*taint, {"key"}),
                       kube::text(*taint, {"value"}));
  }
  return std::nullopt;
}

}  // namespace

bool tolerates(const json::array& tolerations, const Object& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(), [&](const json::value& entry) {
    const auto* toleration = entry.if_object();
    if (toleration == nullptr) return false;
    const std::string_view effect = kube::text(*toleration, {"effect"});
    if (!effect.empty() && effect != kube::text(taint, {"effect"})) return false;
    const std::string_view key = kube::text(*toleration, {"key"});
    if (!key.empty() && key != kube::text(taint, {"key"})) return false;
    const std::string_view op = kube::text(*toleration, {"operator"});
    if (op == "Exists") return true;
    return !key.empty() && kube::text(*toleration, {"value"}) == kube::text(taint, {"value"});
  });
}

bool matchesTerm(const Object& term, const Object& node) {
  const json::array& expressions = kube::items(term, {"matchExpressions"});
  const json::array& fields = kube::items(term, {"matchFields"});
  if (expressions.empty() && fields.empty()) return false;
  for (const auto& entry : expressions) {
    const auto* requirement = entry.if_object();
    if (requirement == nullptr) return false;
    if (!matchesRequirement(*requirement, labelOf(node, kube::text(*requirement, {"key"})))) return false;
  }
  for (const auto& entry : fields) {
    const auto* requirement = entry.if_object();
    // metadata.name is the only field that Kubernetes knows here.
    if (requirement == nullptr || kube::text(*requirement, {"key"}) != "metadata.name") return false;
    if (!matchesRequirement(*requirement, std::string(kube::name(node)))) return false;
  }
  return true;
}

std::optional<std::string> whyNot(const Object& pod, const Amounts& asked, const NodeInfo& info) {
  if (auto taint = untolerated(pod, *info.node)) return taint;
  if (!matchesSelector(pod, *info.node)) return "node(s) didn't match Pod's node affinity/selector";
  for (const auto& [name, amount] : asked.all()) {
    if (amount == 0) continue;
    if (info.requested.get(name) + amount <= info.allocatable.get(name)) continue;
    return name == "pods" ? "Too many pods" : "Insufficient " + name;
  }
  return std::nullopt;
}

int64_t score(const Object& pod, const Amounts& asked, const NodeInfo& info) {
  int64_t total = 0;
  for (const auto& entry :
       kube::items(pod, {"spec", "affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution"})) {
    const auto* preference = entry.if_object();
    if (preference == nullptr || !matchesTerm(kube::child(*preference, {"preference"}), *info.node)) continue;
    total += 10 * kWholeNode * kube::integer(*preference, {"weight"});
  }
  const int64_t pods = info.requested.get("pods") + 1;
  for (const auto& [name, unasked] : kUnasked) {
    const int64_t room = info.allocatable.get(name);
    const int64_t used = std::max(info.requested.get(name) + asked.get(name), pods * unasked);
    if (room > 0) total += kWholeNode * std::max<int64_t>(room - used, 0) / room;
  }
  return total;
}

}  // namespace slipway::controllers
