#pragma once

#include <string>

#include "http/server.h"

namespace slipway::kubelet {

/// Errors of a kubelet are plain text with the status of the code.
Task<void> answerError(http::Exchange& exchange, Error error);
Task<void> answerText(http::Exchange& exchange, int status, std::string text,
                      std::string type = "text/plain; charset=utf-8");
Task<void> answerJson(http::Exchange& exchange, std::string document);

}  // namespace slipway::kubelet
