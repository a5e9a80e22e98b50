#pragma once

#include "apiserver/api/kinds.h"

namespace slipway::apiserver {

/// Whether stored bytes can be sent as they are.
bool storedAsServed(const Kind& kind);

/// From the version that is stored to the one that is served, and back: events (core and events.k8s.io) and horizontal
/// pod autoscalers (v1 and v2) change their fields, custom resources only their apiVersion.
void toServed(const Kind& kind, json::object& object);
void toStored(const Kind& kind, json::object& object);

/// The bytes in the version that is served.
std::string servedBytes(const Kind& kind, const Stored& stored);

}  // namespace slipway::apiserver
