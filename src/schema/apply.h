#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "json/json.h"
#include "schema/field_set.h"
#include "schema/types.h"

namespace slipway::schema {

/// Who changes an object, and through which endpoint.
struct FieldManager {
  std::string name;         ///< ?fieldManager=, or the user agent's first part
  std::string api_version;  ///< of the request: "apps/v1"
  std::string subresource;  ///< "" or "status", "scale", ...
};

/// One field that another manager owns.
struct ApplyConflict {
  std::string manager;  ///< as shown: "\"kubectl\" with subresource \"status\" using apps/v1 at ..."
  std::string path;     ///< ".spec.replicas"
};

/// What came of an apply. With conflicts nothing was applied; they become one Conflict Status with these causes
/// (type FieldManagerConflict, message "conflict with <manager>", field path).
struct ApplyOutcome {
  json::object object;  ///< with new managedFields; not yet defaulted or conformed
  std::vector<ApplyConflict> conflicts;

  /// `Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas`.
  std::string message() const;
};

/// Server-side apply as a pure function.
///
/// `live` is the stored object, or emptyObject(type) with apiVersion, kind and name for one that is not there yet.
/// `applied` is what the client sent, not defaulted. Fields that this manager applied before and not now are removed,
/// unless another owns them. `ignored` are the paths that this endpoint resets ("status" on the main resource, "spec"
/// on status). Errors: BadRequest for managedFields in `applied`, InternalError for what does not fit the type.
Result<ApplyOutcome> applyConfiguration(const json::object& live, const json::object& applied, const Type& type,
                                        const FieldManager& manager, bool force, WallTime now,
                                        const std::vector<std::string>& ignored = {});

/// Tracks an update or patch: whoever changed a field owns it. Gives the managedFields of `updated`, which must be
/// conformed and defaulted. managedFields that the client sent count where it may set them; [{}] resets them.
void trackUpdate(const json::object& live, json::object& updated, const Type& type, const FieldManager& manager,
                 WallTime now, const std::vector<std::string>& ignored = {});

/// The same for a create, of which nobody owned anything before: `nothing` is emptyObject(type).
void trackCreate(const json::object& nothing, json::object& created, const Type& type, const FieldManager& manager,
                 WallTime now, const std::vector<std::string>& ignored = {});

/// The user agent as a manager's name: "kubectl/v1.32.4 (linux/amd64)" is "kubectl".
std::string managerOfUserAgent(std::string_view user_agent);

/// True if two objects differ in nothing but the times in managedFields: such an update need not be stored.
bool sameButForTimes(const json::object& a, const json::object& b);

}  // namespace slipway::schema
