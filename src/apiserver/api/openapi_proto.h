#pragma once

#include <string>

#include "json/json.h"

namespace slipway::apiserver {

/// An OpenAPI v2 document in the protobuf form of gnostic's openapi.v2.Document, as clients before kubectl 1.28 ask for
/// it and know no other. Only what our own documents hold is written.
std::string swaggerAsProtobuf(const json::object& document);

}  // namespace slipway::apiserver
