#pragma once

#include <string_view>

#include "json/json.h"

namespace slipway::schema {

// What a ResourceQuota is about: the same for the admission that charges it and for the controller that counts.

/// Whether objects of the kind are counted by their plain plural too ("pods"), beside "count/pods".
bool hasPlainQuotaName(std::string_view group, std::string_view plural);

/// Whether "cpu" stands for "requests.cpu": resources that Kubernetes had before prefixes.
bool hasOldQuotaName(std::string_view resource);

/// Whether a quota has scopes at all: such a one counts pods only.
bool hasQuotaScopes(const json::object& quota);
/// Whether spec.scopes and spec.scopeSelector take the pod in.
bool quotaCovers(const json::object& quota, const json::object& pod);

}  // namespace slipway::schema
