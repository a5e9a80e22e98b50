#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/task_group.h"
#include "http/server.h"
#include "json/json.h"

namespace slipway::apiserver::testing {

/// An admission webhook on the loopback with a certificate of its own. The answer gets the request's uid. stop()
/// before it goes.
class WebhookServer {
 public:
  /// The `response` of an AdmissionReview for its `request`.
  using Answer = std::function<json::object(const json::object& request)>;
  WebhookServer(Executor executor, Answer answer);

  std::string url() const;
  /// For clientConfig.caBundle.
  const std::string& bundle() const { return bundle_; }
  Task<void> stop();

 private:
  Task<void> handle(http::Exchange& exchange);

  Answer answer_;
  std::string bundle_;
  uint16_t port_ = 0;
  std::unique_ptr<http::Server> server_;
  async::TaskGroup group_;
};

}  // namespace slipway::apiserver::testing
