#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/api/status_error.h"
#include "base/clock.h"
#include "json/json.h"
#include "json/strategic_merge.h"

namespace slipway::apiserver {

/// Who writes fields, for managedFields.
struct FieldOwner {
  std::string manager;
  std::string api_version;
  std::string subresource;
  WallTime now;
};

/// What is right for objects of one kind: their fields, defaults, values, and who owns what. Port: built-in kinds get
/// theirs from the schema module, custom ones from their CustomResourceDefinition.
class ObjectRules {
 public:
  virtual ~ObjectRules() = default;

  /// Brings a decoded body into the form that is stored: nulls go, unknown fields go (their paths are returned for
  /// fieldValidation). BadRequest when a value has the wrong type.
  virtual Answer<std::vector<std::string>> normalise(json::object& object) const = 0;
  virtual void setDefaults(json::object& object) const = 0;
  /// All that is wrong with it; `old` is null for a create.
  virtual std::vector<Cause> validate(const json::object& object, const json::object* old,
                                      std::string_view subresource) const = 0;
  /// What is taken but told to its author; `old` is null for a create.
  virtual std::vector<std::string> warnings(const json::object&, const json::object*) const { return {}; }
  /// Sets what only the server may set: a fresh status, generation, finalizers.
  virtual void prepareForCreate(json::object& object, WallTime now) const = 0;
  /// Keeps an update to what its endpoint is for, and raises the generation when the wanted state differs.
  virtual void prepareForUpdate(std::string_view subresource, json::object& object, const json::object& old,
                                WallTime now) const = 0;
  /// The generation once more, after admission: what that put back is no change.
  virtual void countGeneration(json::object&, const json::object&) const {}
  virtual const json::MergeSchema* mergeSchema() const = 0;

  /// Notes in `after` that `owner` changed what differs from `before` (null: all).
  virtual void noteOwner(const json::object* before, json::object& after, const FieldOwner& owner) const = 0;
  /// Server-side apply: `live` (null: nothing is there) with what `config` wants.
  virtual Answer<json::object> apply(const json::object* live, const json::object& config, const FieldOwner& owner,
                                     bool force) const = 0;

  /// metav1.Table columns (as JSON) and the cells of one object.
  virtual json::array columns() const = 0;
  virtual json::array cells(const json::object& object, WallTime now) const = 0;
  /// A row's conditions; mostly none.
  virtual json::array rowConditions(const json::object&) const { return {}; }
};

}  // namespace slipway::apiserver
