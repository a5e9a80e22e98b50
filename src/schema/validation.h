#pragma once

#include "json/json.h"
#include "schema/field_error.h"
#include "schema/schema.h"

namespace slipway::schema {

/// What is wrong with a new object, which must be conformed, defaulted and prepared: its metadata, and its fields by
/// kind in the words of Kubernetes. A kind without rules of its own gets its metadata and enums checked.
FieldErrors validateCreate(const ResourceInfo& resource, const json::object& object);

/// What is wrong with an update: everything that validateCreate() sees, and changes of what cannot be changed.
/// `subresource` "" is the main resource; "status" checks the metadata only; "ephemeralcontainers", "resize".
FieldErrors validateUpdate(const ResourceInfo& resource, std::string_view subresource, const json::object& object,
                           const json::object& old);

/// Metadata alone, as custom resources need it. `rule` checks the name.
void validateMetadata(const Check& root, bool namespaced, std::vector<std::string> (*rule)(std::string_view),
                      bool standard_finalizers);
/// The same for an update: what of the metadata cannot change.
void validateMetadataUpdate(const Check& root, const json::object& old);

/// How a kind's name must be formed.
using NameRule = std::vector<std::string> (*)(std::string_view);
NameRule nameRuleOf(std::string_view kind);

}  // namespace slipway::schema
