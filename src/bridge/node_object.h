#pragma once

#include <optional>

#include "base/clock.h"
#include "bridge/node_catalog.h"
#include "kube/resource.h"

namespace slipway::bridge {

/// What a Node's looks depend on beside its Slurm node.
struct NodeContext {
  std::string cluster;
  std::string version;           ///< kubeletVersion
  std::optional<uint16_t> port;  ///< of the kubelet API
  bool agent_connected = true;
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

/// The status patch for a Node whose agent or whose Slurm node is gone; empty if it is that way already.
kube::Object conditionPatch(const kube::Object& node, std::string_view status, std::string_view reason,
                            std::string_view message, WallTime now);

}  // namespace slipway::bridge
