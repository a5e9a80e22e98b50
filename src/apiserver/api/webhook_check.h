#pragma once

#include <vector>

#include "apiserver/api/status_error.h"
#include "json/json.h"

namespace slipway::apiserver {

/// What is wrong with a MutatingWebhookConfiguration or ValidatingWebhookConfiguration, in the words of kube-apiserver.
/// Match conditions, which are CEL, are refused: nothing evaluates them yet.
std::vector<Cause> checkWebhooks(const json::object& configuration);

}  // namespace slipway::apiserver
