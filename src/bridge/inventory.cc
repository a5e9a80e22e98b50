#include "bridge/inventory.h"

#include "base/log.h"

namespace slipway::bridge {

void Inventory::subscribe(OnNode on_node, OnJob on_job) {
  on_node_ = std::move(on_node);
  on_job_ = std::move(on_job);
}

void Inventory::apply(site::v1::SiteUpdate update) {
  if (update.snapshot_begin()) {
    in_snapshot_ = true;
    seen_nodes_.clear();
    seen_jobs_.clear();
  }
  if (update.has_health()) health_ = update.health();
  for (site::v1::Node& node : *update.mutable_nodes()) put(std::move(node));
  for (site::v1::Job& job : *update.mutable_jobs()) put(std::move(job));
  for (const std::string& name : update.removed_nodes()) {
    if (nodes_.erase(name) > 0 && on_node_) on_node_(name);
  }
  for (const uint32_t id : update.removed_jobs()) {
    if (jobs_.erase(id) > 0 && on_job_) on_job_(id);
  }
  if (update.snapshot_complete()) finishSnapshot();
}

void Inventory::put(site::v1::Node node) {
  if (node.name().empty()) return;
  if (in_snapshot_) seen_nodes_.insert(node.name());
  const std::string name = node.name();
  const auto found = nodes_.find(name);
  // An agent that comes back repeats everything; only what differs is passed on.
  if (found != nodes_.end() && found->second.SerializeAsString() == node.SerializeAsString()) return;
  nodes_[name] = std::move(node);
  if (on_node_) on_node_(name);
}

void Inventory::put(site::v1::Job job) {
  const uint32_t id = job.id();
  if (in_snapshot_) seen_jobs_.insert(id);
  const auto found = jobs_.find(id);
  if (found != jobs_.end() && found->second.SerializeAsString() == job.SerializeAsString()) return;
  jobs_[id] = std::move(job);
  if (on_job_) on_job_(id);
}

void Inventory::finishSnapshot() {
  if (!in_snapshot_) return;
  in_snapshot_ = false;
  if (seen_nodes_.empty()) {
    log::warn("the site sent a snapshot without any node: nothing is taken away");
    return;
  }
  const bool first = !complete_;
  complete_ = true;
  std::vector<std::string> gone_nodes;
  std::vector<uint32_t> gone_jobs;
  for (const auto& [name, node] : nodes_) {
    if (!seen_nodes_.contains(name)) gone_nodes.push_back(name);
  }
  for (const auto& [id, job] : jobs_) {
    if (!seen_jobs_.contains(id)) gone_jobs.push_back(id);
  }
  for (const std::string& name : gone_nodes) {
    nodes_.erase(name);
    if (on_node_) on_node_(name);
  }
  for (const uint32_t id : gone_jobs) {
    jobs_.erase(id);
    if (on_job_) on_job_(id);
  }
  seen_nodes_.clear();
  seen_jobs_.clear();
  if (first) log::debug("snapshot complete: {} nodes, {} jobs", nodes_.size(), jobs_.size());
}

const site::v1::Node* Inventory::node(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

const site::v1::Job* Inventory::job(uint32_t id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

}  // namespace slipway::bridge
