#pragma once

#include "base/result.h"
#include "json/json.h"

namespace slipway::json {

class MergeSchema;

/// How one field takes part in a strategic merge patch.
struct MergeField {
  const MergeSchema* schema = nullptr;  ///< of the field's object, or of its list's elements; null: nothing is known
  std::string_view merge_key;           ///< of a list of objects: the field that tells elements apart
  bool merge_list = false;              ///< a list is merged, not replaced
  bool replace = false;                 ///< an object is replaced, not merged
};

/// What a strategic merge patch must know of a type. Port: schema/ answers it from the Kubernetes types.
class MergeSchema {
 public:
  virtual ~MergeSchema() = default;
  /// A field that is not known is an object that is merged or a list that is replaced.
  virtual MergeField mergeField(std::string_view name) const = 0;
};

/// Applies a strategic merge patch as the API server does: merge keys, and the directives `$patch`, `$retainKeys`,
/// `$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`. A patch that contradicts itself is BadRequest.
Result<value> applyStrategicMerge(value document, value patch, const MergeSchema* schema);

}  // namespace slipway::json
