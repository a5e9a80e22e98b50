#include "kubelet/answers.h"

namespace slipway::kubelet {

Task<void> answerText(http::Exchange& exchange, int status, std::string text, std::string type) {
  http::Response response{.status = status};
  response.headers.set("Content-Type", std::move(type));
  response.body = std::move(text);
  const Status sent = co_await exchange.respond(std::move(response));
}

Task<void> answerError(http::Exchange& exchange, Error error) {
  if (!error.message.ends_with('\n')) error.message += '\n';
  return answerText(exchange, httpStatus(error.code), std::move(error.message));
}

Task<void> answerJson(http::Exchange& exchange, std::string document) {
  return answerText(exchange, 200, std::move(document), "application/json");
}

}  // namespace slipway::kubelet
