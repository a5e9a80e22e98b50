#pragma once

#include <optional>

#include "base/clock.h"
#include "bridge/node_catalog.h"
#include "bridge/site_health.h"
#include "kube/resource.h"

namespace slipway::bridge {

/// What a Node's looks depend on beside its Slurm node.
struct NodeContext {
  std::string cluster;
  std::string version;           ///< kubeletVersion
  std::optional<uint16_t> port;  ///< of the kubelet API
  SiteState site;
  WallTime now;
};

/// A whole new Node.
kube::Object newNode(const NodeView& view, const NodeOptions& options, const NodeContext& context);

/// What must change on an existing Node, as merge patches; empty where nothing differs. Labels, taints and conditions
/// of others stay. A cordon is lifted only where the bridge made it.
struct NodeChanges {
  kube::Object object;  ///< metadata and spec
  kube::Object status;
};
NodeChanges changesOf(const kube::Object& node, const NodeView& view, const NodeOptions& options,
                      const NodeContext& context);

/// The status patch for a Node of which nothing is known but the site's state (the inventory has not come yet); empty
/// if it says so already.
kube::Object sitePatch(const kube::Object& node, const SiteState& site, WallTime now);
/// The same for a Node whose Slurm node is gone.
kube::Object gonePatch(const kube::Object& node, const SiteState& site, WallTime now);

}  // namespace slipway::bridge
