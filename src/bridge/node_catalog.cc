#include "bridge/node_catalog.h"

#include <set>

#include "base/strings.h"

namespace slipway::bridge {
namespace {

bool hasAny(const site::v1::Node& node, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (node.state() == word) return true;
    if (std::find(node.flags().begin(), node.flags().end(), word) != node.flags().end()) return true;
  }
  return false;
}

/// "POWERED_DOWN" → "PoweredDown".
std::string camelCase(std::string_view word) {
  std::string out;
  bool upper = true;
  for (const char c : word) {
    if (c == '_' || c == '-' || c == ' ') {
      upper = true;
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += static_cast<char>(upper ? std::toupper(static_cast<unsigned char>(c))
                                     : std::tolower(static_cast<unsigned char>(c)));
      upper = false;
    }
  }
  return out.empty() ? "Unknown" : out;
}

constexpr std::array<std::string_view, 9> kNotReady = {
    "DOWN", "NOT_RESPONDING", "POWERED_DOWN", "POWERING_DOWN", "FAIL", "ERROR", "FUTURE", "UNKNOWN", "INVALID_REG"};
constexpr std::array<std::string_view, 9> kNotable = {"MAINTENANCE", "MAINT",         "RESERVED",
                                                      "POWERING_UP", "REBOOT_ISSUED", "REBOOT_REQUESTED",
                                                      "PLANNED",     "COMPLETING",    "BLOCKED"};
constexpr std::array<std::string_view, 6> kKnownUp = {"IDLE",       "MIXED",    "ALLOCATED",
                                                      "COMPLETING", "INACTIVE", "PLANNED"};

}  // namespace

NodeHealth healthOf(const site::v1::Node& node) {
  NodeHealth health;
  health.drained = hasAny(node, {"DRAIN", "DRAINED", "DRAINING"});
  health.message = node.reason();
  for (const std::string_view word : kNotReady) {
    if (!hasAny(node, {word})) continue;
    health.reason = "Slurm" + camelCase(word);
    if (health.message.empty()) health.message = fmt::format("Slurm says {}", word);
    return health;
  }
  const bool known = std::find(kKnownUp.begin(), kKnownUp.end(), node.state()) != kKnownUp.end() || health.drained ||
                     hasAny(node, {"RESERVED", "MAINT", "MAINTENANCE"});
  if (!known) {
    health.reason = "SlurmUnknownState";
    health.message = fmt::format("Slurm's state \"{}\" is not known to Slipway", toValidUtf8(node.state()));
    return health;
  }
  health.ready = true;
  health.reason = "SlurmUp";
  for (const std::string_view word : kNotable) {
    // States that come and go with every job would be a write each time, and say nothing.
    if (word == "COMPLETING" || word == "PLANNED" || !hasAny(node, {word})) continue;
    health.reason = "Slurm" + camelCase(word);
    break;
  }
  return health;
}

void NodeCatalog::remember(const std::string& kube_name, const std::string& slurm_node) {
  if (slurm_node.empty()) return;
  slurm_by_kube_[kube_name] = slurm_node;
  kube_by_slurm_[slurm_node] = kube_name;
}

void NodeCatalog::forget(const std::string& kube_name) {
  const auto found = slurm_by_kube_.find(kube_name);
  if (found == slurm_by_kube_.end()) return;
  kube_by_slurm_.erase(found->second);
  slurm_by_kube_.erase(found);
}

std::string NodeCatalog::nameOf(const std::string& slurm_node) {
  if (const auto known = kube_by_slurm_.find(slurm_node); known != kube_by_slurm_.end()) return known->second;
  const std::string hash = sha256Hex(slurm_node).substr(0, 6);
  std::string name = toDnsLabel(slurm_node);
  if (name.empty()) name = "node-" + hash;
  const auto taken = slurm_by_kube_.find(name);
  if (taken != slurm_by_kube_.end() && taken->second != slurm_node) name = name.substr(0, 56) + "-" + hash;
  remember(name, slurm_node);
  return name;
}

std::vector<std::string> NodeCatalog::affected(const std::string& slurm_node, const Inventory& inventory) {
  if (mode_ == NodeMode::OneToOne) return {nameOf(slurm_node)};
  if (mode_ == NodeMode::Cluster) return {kubeName("", "")};
  std::set<std::string> names;
  for (const auto& [kube_name, partition] : slurm_by_kube_) names.insert(kube_name);
  if (const site::v1::Node* node = inventory.node(slurm_node)) {
    for (const std::string& partition : node->partitions()) names.insert(nameOf(partition));
  }
  return {names.begin(), names.end()};
}

std::string NodeCatalog::kubeName(const std::string& slurm_node, const std::string& partition) {
  if (mode_ == NodeMode::OneToOne) return nameOf(slurm_node);
  if (mode_ == NodeMode::PerPartition) return nameOf(partition);
  return nameOf(cluster_);
}

std::optional<NodeView> NodeCatalog::view(const std::string& kube_name, const Inventory& inventory) const {
  const auto slurm = slurm_by_kube_.find(kube_name);
  if (slurm == slurm_by_kube_.end()) return std::nullopt;
  if (mode_ == NodeMode::OneToOne) {
    const site::v1::Node* node = inventory.node(slurm->second);
    if (node == nullptr) return std::nullopt;
    return NodeView{kube_name, slurm->second, "", *node};
  }
  std::vector<const site::v1::Node*> parts;
  for (const auto& [name, node] : inventory.nodes()) {
    const bool member = mode_ == NodeMode::Cluster || std::find(node.partitions().begin(), node.partitions().end(),
                                                                slurm->second) != node.partitions().end();
    if (member) parts.push_back(&node);
  }
  if (parts.empty()) return std::nullopt;
  NodeView view = sum(kube_name, parts);
  if (mode_ == NodeMode::PerPartition) view.partition = slurm->second;
  return view;
}

NodeView NodeCatalog::sum(const std::string& kube_name, const std::vector<const site::v1::Node*>& parts) const {
  NodeView view;
  view.name = kube_name;
  site::v1::Node& total = view.node;
  total.set_name(kube_name);
  total.set_arch(parts.front()->arch());
  total.set_slurm_version(parts.front()->slurm_version());
  std::map<std::pair<std::string, std::string>, int64_t> gres;
  std::set<std::string> partitions;
  std::set<std::string> features;
  bool any_ready = false;
  bool any_open = false;
  for (const site::v1::Node* part : parts) {
    partitions.insert(part->partitions().begin(), part->partitions().end());
    features.insert(part->features().begin(), part->features().end());
    const NodeHealth health = healthOf(*part);
    any_ready = any_ready || health.ready;
    any_open = any_open || (health.ready && !health.drained);
    // What is down has nothing to offer.
    if (!health.ready) continue;
    total.set_cpus(total.cpus() + part->cpus());
    total.set_cpus_reserved(total.cpus_reserved() + part->cpus_reserved());
    total.set_memory_mib(total.memory_mib() + part->memory_mib());
    total.set_memory_reserved_mib(total.memory_reserved_mib() + part->memory_reserved_mib());
    for (const site::v1::Gres& item : part->gres()) gres[{item.name(), item.type()}] += item.count();
  }
  for (const auto& [key, count] : gres) {
    site::v1::Gres* item = total.add_gres();
    item->set_name(key.first);
    item->set_type(key.second);
    item->set_count(count);
  }
  for (const std::string& partition : partitions) total.add_partitions(partition);
  for (const std::string& feature : features) total.add_features(feature);
  total.set_state(any_ready ? "IDLE" : "DOWN");
  if (!any_ready) total.set_reason("no node of it is up");
  if (any_ready && !any_open) total.add_flags("DRAIN");
  return view;
}

}  // namespace slipway::bridge
