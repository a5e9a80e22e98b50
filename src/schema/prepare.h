#pragma once

#include <string_view>

#include "base/clock.h"
#include "json/json.h"
#include "schema/schema.h"

namespace slipway::schema {

/// What the server itself sets before an object is validated and stored, by kind: a new object gets no status of the
/// client's making, generation 1 where the kind has one, finalizers, a pod's QoS class, a job's selector (of
/// metadata.uid, which must be set by then).
void prepareForCreate(const ResourceInfo& resource, json::object& object, WallTime now);

/// Keeps a client to what the endpoint is for: the main resource cannot change the status, `status` nothing but the
/// status, `finalize` only a namespace's finalizers, `approval` only a signing request's approval. Raises generation
/// when the wanted state differs. `subresource` "" is the main resource.
/// The generation of an update that admission may have changed since.
void countGeneration(const ResourceInfo& resource, json::object& document, const json::object& old);
void prepareForUpdate(const ResourceInfo& resource, std::string_view subresource, json::object& object,
                      const json::object& old, WallTime now);

/// Guaranteed, Burstable or BestEffort.
std::string_view podQosClass(const json::object& pod_spec);

}  // namespace slipway::schema
