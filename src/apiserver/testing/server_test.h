#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "apiserver/api_server.h"
#include "apiserver/testing/api_client.h"
#include "async/loop.h"
#include "async/task_group.h"
#include "base/files.h"
#include "json/document.h"

namespace slipway::apiserver::testing {

/// A fixture with an API server of its own on a free port while a body runs.
class ServerTest : public ::testing::Test {
 protected:
  using Body = std::function<Task<void>(ApiServer&, ApiClient&)>;

  void with(const Body& body) {
    async::Loop loop;
    options_.data_dir = directory_.path() / "data";
    options_.port = 0;
    ApiServer server(loop.executor(), options_);
    loop.run(run(server, body), false);
  }

  TemporaryDirectory directory_;
  ApiServerOptions options_;

 private:
  static Task<void> run(ApiServer& server, const Body& body) {
    const Status started = co_await server.start();
    EXPECT_TRUE(started) << started.error().message;
    if (!started) co_return;
    {
      const Executor executor = co_await async::thisExecutor();
      ApiClient client(executor, server.kubeconfig());
      // Who makes them is a controller; a pod that comes before its account is refused.
      EXPECT_TRUE(co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200));
      co_await body(server, client);
    }
    co_await server.stop();
  }
};

}  // namespace slipway::apiserver::testing
