// The embedded API server alone, for trying it by hand: apiserver_dev DIR PORT. Writes DIR/admin.kubeconfig.
#include <cstdlib>

#include "apiserver/api_server.h"
#include "async/loop.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway {
namespace {

Task<void> serve(apiserver::ApiServer& server, bool& failed) {
  const Status started = co_await server.start();
  if (!started) {
    log::error("{}", started.error().message);
    failed = true;
    co_return;
  }
  log::info("listening on port {}; kubeconfig: {}", server.port(), server.kubeconfig().string());
  std::exception_ptr stopped;
  try {
    co_await async::sleepFor(std::chrono::hours(24 * 365));
  } catch (const boost::system::system_error&) {
    stopped = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await server.stop();
  if (stopped) std::rethrow_exception(stopped);
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  using namespace slipway;
  if (argc != 3) {
    fmt::print(stderr, "usage: apiserver_dev DIR PORT\n");
    return 2;
  }
  log::configure(log::Level::Info, log::Format::Text);
  apiserver::ApiServerOptions options;
  options.data_dir = argv[1];
  options.port = static_cast<uint16_t>(parseInt(argv[2]).value_or(0));
  async::Loop loop;
  bool failed = false;
  apiserver::ApiServer server(loop.executor(), options);
  loop.run(serve(server, failed));
  return failed ? 1 : 0;
}
