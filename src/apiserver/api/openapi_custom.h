#pragma once

#include <string>

#include "apiserver/api/kinds.h"
#include "json/json.h"

namespace slipway::apiserver {

/// Its name among the schemas, as upstream builds it: the group's labels turned round. "com.example.v1.Widget".
std::string openApiNameOfCustom(const Kind& kind);

/// The schema of a custom resource as OpenAPI has it, metadata included. For version 2 without what that does not know,
/// and what kubectl cannot cope with there; nothing at all about fields where any are allowed.
json::object openApiOfCustom(const Kind& kind, bool v2);

/// Our words for the fields that every object has; "" for others. `type` is a type's last word: "ObjectMeta".
std::string_view describeMetaField(std::string_view type, std::string_view field);

}  // namespace slipway::apiserver
