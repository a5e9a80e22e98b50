#pragma once

#include "apiserver/api/api.h"
#include "apiserver/streams/node_dialer.h"

namespace slipway::apiserver {

/// pods/log, exec, attach, portforward and proxy, nodes/proxy: answered by the kubelet of the node, through us.
void addPodStreams(Api& api, Registry& registry, NodeDialer& dialer);

}  // namespace slipway::apiserver
