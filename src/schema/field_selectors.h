#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "schema/schema.h"

namespace slipway::schema {

/// The fields of an object that a fieldSelector of its kind may name, with their values: metadata.name and
/// metadata.namespace for all, spec.nodeName, status.phase and others for some. "" stands for what is not set.
std::map<std::string, std::string, std::less<>> selectableFields(const ResourceInfo& resource,
                                                                 const json::object& object);

/// One part of a field selector.
struct FieldRequirement {
  std::string field, value;
  bool equal = true;

  bool matches(const std::map<std::string, std::string, std::less<>>& fields) const;
};

/// "spec.nodeName=n1,status.phase!=Running": = and == are one; a backslash escapes `,`, `=` and itself. BadRequest for
/// what is none, and for a field that the kind does not have: `field label not supported: foo`.
Result<std::vector<FieldRequirement>> parseFieldSelector(const ResourceInfo& resource, std::string_view selector);

}  // namespace slipway::schema
