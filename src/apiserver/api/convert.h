#pragma once

#include "apiserver/api/kinds.h"

namespace slipway::apiserver {

/// Whether the kind's version is the one that is stored.
bool isStorageVersion(const Kind& kind);
/// Whether the bytes can be sent as they are: of a custom kind once they are known to have its definition's form.
bool storedAsServed(const Kind& kind, const Stored& stored);
/// Notes that the bytes have the form that the kind serves.
void noteServedForm(const Kind& kind, const Stored& stored);

/// From the version that is stored to the one that is served, and back: events (core and events.k8s.io) and horizontal
/// pod autoscalers (v1 and v2) change their fields, custom resources only their apiVersion.
void toServed(const Kind& kind, json::object& object);
void toStored(const Kind& kind, json::object& object);

/// The bytes in the version that is served.
std::string servedBytes(const Kind& kind, const Stored& stored);

}  // namespace slipway::apiserver
