#pragma once

#include "base/result.h"
#include "json/json.h"
#include "schema/field_set.h"
#include "schema/types.h"

namespace slipway::schema {

/// The fields that an applied configuration claims. Errors (InternalError, as the real server answers): a field that
/// the type does not have, a list element without its key, an element given twice.
Result<FieldSet> fieldsOf(const json::object& document, const Type& type);

/// How one document became another. Of a list that is owned as a whole only the list itself is named.
struct FieldChanges {
  FieldSet added, removed, modified;
};
FieldChanges compareFields(const json::object& before, const json::object& after, const Type& type);

/// What a create adds, and changes of an empty object, as FieldsV1. The same as `added` and `modified` of
/// compareFields(), without a set between: every object that is made comes through here.
json::object newFields(const json::object& nothing, const json::object& made, const Type& type);

/// The live object with an applied configuration laid over it.
json::object mergeApplied(const json::object& live, const json::object& applied, const Type& type);

/// The object without the fields of a set.
json::object removeFields(const json::object& document, const FieldSet& fields, const Type& type);

/// The set with every struct field on the way to a member as a member itself.
FieldSet withNamedFields(const FieldSet& set, const Type& type);

/// What a client that sent nothing would have: Go's zero object, in which the lists that are always written are null.
json::object emptyObject(const Type& type);

}  // namespace slipway::schema
