#pragma once

#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "schema/schema.h"

namespace slipway::apiserver {

inline constexpr std::string_view kProtobufType = "application/vnd.kubernetes.protobuf";

/// Reads an object in Kubernetes' protobuf form, as Go clients since 1.33 send it: the envelope ("k8s", then
/// runtime.Unknown) and the object inside it. Gives the JSON that the same object has. The schema tells which structs
/// are written into their parent.
/// Errors: BadRequest for damaged bytes; NotImplemented for a kind without field numbers.
Result<json::object> decodeProtobuf(std::string_view bytes, const schema::Schema& schema);

}  // namespace slipway::apiserver
