#pragma once

#include <map>
#include <string>

#include "json/json.h"
#include "schema/quantity.h"

namespace slipway::apiserver {

/// Amounts by resource: "cpu", "memory".
using ResourceAmounts = std::map<std::string, schema::Quantity, std::less<>>;

/// The amounts of a document's object, such as a container's resources.limits. What is no quantity is left out.
ResourceAmounts readAmounts(const json::object* from);
/// What a pod as a whole has: the sum of its containers, or its greediest init container if that is more, and its
/// overhead. `kind` is "requests" or "limits".
ResourceAmounts amountsOfPod(const json::object& pod, std::string_view kind);

}  // namespace slipway::apiserver
