#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "schema/field_set.h"

namespace slipway::schema {

/// One entry of metadata.managedFields.
struct ManagedEntry {
  std::string manager, operation, api_version, subresource, time;
  FieldSet fields;

  bool applied() const { return operation == "Apply"; }
  /// The same owner: an applier whatever version it speaks, an updater of one version.
  bool sameOwner(const ManagedEntry& other) const;
  /// As a conflict names it.
  std::string shown() const;
};

using ManagedFields = std::vector<ManagedEntry>;

/// BadRequest for an entry that is none.
Result<ManagedFields> readManagedFields(const json::array& entries);
/// Sorted as the server sorts them: appliers first, then by time and name. Entries without fields are left out.
json::array writeManagedFields(ManagedFields entries);

/// The entry of an owner, or null.
ManagedEntry* findOwner(ManagedFields& entries, const ManagedEntry& owner);

}  // namespace slipway::schema
