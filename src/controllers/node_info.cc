#include "controllers/node_info.h"

namespace slipway::controllers {
namespace {

bool ended(const kube::Object& pod) {
  const std::string_view phase = kube::text(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

Amounts amountsOf(const kube::json::value& container, std::string_view which) {
  const auto* object = container.if_object();
  return object == nullptr ? Amounts() : Amounts::of(kube::child(*object, {"resources", which}));
}

bool isSidecar(const kube::json::value& container) {
  const auto* object = container.if_object();
  return object != nullptr && kube::text(*object, {"restartPolicy"}) == "Always";
}

}  // namespace

Amounts Amounts::of(const kube::Object& quantities) {
  Amounts out;
  for (const auto& [name, value] : quantities) {
    const auto quantity = kube::Quantity::parse(value.is_string() ? std::string_view(value.get_string()) : "");
    if (!quantity) continue;
    out.amounts_[std::string(name)] = name == "cpu" ? quantity->millis() : quantity->value();
  }
  return out;
}

Amounts Amounts::ofContainers(const kube::Object& pod, std::string_view which) {
  Amounts running;
  for (const auto& container : kube::items(pod, {"spec", "containers"})) running.add(amountsOf(container, which));
  Amounts sidecars;
  Amounts largest_init;
  for (const auto& container : kube::items(pod, {"spec", "initContainers"})) {
    Amounts needed = amountsOf(container, which);
    if (isSidecar(container)) {
      sidecars.add(needed);
      running.add(needed);
      needed = sidecars;
    } else {
      needed.add(sidecars);
    }
    largest_init.raiseTo(needed);
  }
  running.raiseTo(largest_init);
  running.add(of(kube::child(pod, {"spec", "overhead"})));
  return running;
}

Amounts Amounts::ofPod(const kube::Object& pod) {
  Amounts amounts = ofContainers(pod, "requests");
  amounts.amounts_["pods"] = 1;
  return amounts;
}

Amounts Amounts::limitsOfPod(const kube::Object& pod) {
  return ofContainers(pod, "limits");
}

void Amounts::add(const Amounts& other, int64_t times) {
  for (const auto& [name, amount] : other.amounts_) amounts_[name] += times * amount;
}

void Amounts::raiseTo(const Amounts& other) {
  for (const auto& [name, amount] : other.amounts_) {
    int64_t& mine = amounts_[name];
    mine = std::max(mine, amount);
  }
}

int64_t Amounts::get(const std::string& resource) const {
  const auto it = amounts_.find(resource);
  return it == amounts_.end() ? 0 : it->second;
}

void NodeTable::setNode(const kube::ObjectPtr& node) {
  NodeInfo& info = nodes_[std::string(kube::name(*node))];
  const bool is_new = info.node == nullptr;
  info.node = node;
  info.allocatable = Amounts::of(kube::child(*node, {"status", "allocatable"}));
  if (!is_new) return;
  const auto early = homeless_.find(std::string(kube::name(*node)));
  if (early == homeless_.end()) return;
  info.requested = std::move(early->second);
  homeless_.erase(early);
}

void NodeTable::removeNode(const std::string& name) {
  const auto node = nodes_.find(name);
  if (node == nodes_.end()) return;
  homeless_[name] = std::move(node->second.requested);
  nodes_.erase(node);
}

Amounts& NodeTable::requestedOn(const std::string& node) {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? homeless_[node] : found->second.requested;
}

void NodeTable::setPod(const kube::Object& pod) {
  const std::string node(kube::text(pod, {"spec", "nodeName"}));
  if (ended(pod)) return removePod(pod);
  // An older copy without a node says nothing about a pod that was bound since.
  if (node.empty()) return;
  place(std::string(kube::uid(pod)), {node, Amounts::ofPod(pod)});
}

void NodeTable::removePod(const kube::Object& pod) {
  take(std::string(kube::uid(pod)));
}

void NodeTable::assume(const kube::Object& pod, const std::string& node) {
  place(std::string(kube::uid(pod)), {node, Amounts::ofPod(pod)});
}

void NodeTable::place(const std::string& uid, Placed placed) {
  take(uid);
  requestedOn(placed.node).add(placed.amounts);
  placed_[uid] = std::move(placed);
}

void NodeTable::take(const std::string& uid) {
  const auto it = placed_.find(uid);
  if (it == placed_.end()) return;
  requestedOn(it->second.node).add(it->second.amounts, -1);
  placed_.erase(it);
}

}  // namespace slipway::controllers
