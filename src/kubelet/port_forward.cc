#include "kubelet/port_forward.h"

#include "base/log.h"
#include "base/strings.h"
#include "kubelet/answers.h"
#include "kubelet/spdy_connection.h"
#include "kubelet/web_socket_connection.h"

namespace slipway::kubelet {
namespace {

using http::SpdyFrame;
constexpr std::string_view kProtocol = "portforward.k8s.io";
constexpr std::string_view kTunnelled = "SPDY/3.1+portforward.k8s.io";
constexpr size_t kQueued = 64;
constexpr size_t kMaxPairs = 1024;

/// One forwarded connection: the client's two streams and what came on the data stream.
struct Pair {
  uint32_t error_stream = 0;
  uint32_t data_stream = 0;
  uint16_t port = 0;
  std::string failure;  ///< what the pod's side said, for the error stream
  async::Channel<std::string> input{kQueued};
  bool complete() const { return error_stream != 0 && data_stream != 0; }
};

/// All connections of one client. Its tasks share the ownership, so that they may outlive a handler that was cancelled.
class PortForward : public std::enable_shared_from_this<PortForward> {
 public:
  PortForward(Executor executor, net::StreamPtr stream, Backend& backend, ContainerRef pod)
      : connection_(std::move(stream)), backend_(backend), pod_(std::move(pod)), group_(std::move(executor)) {}

  Task<void> run();
  void cancel() { group_.cancel(); }

 private:
  Task<Status> handle(SpdyFrame frame);
  Task<Status> openStream(SpdyFrame frame);
  static Task<void> forward(std::shared_ptr<PortForward> self, std::shared_ptr<Pair> pair);
  static Task<void> pumpUp(std::shared_ptr<PortForward> self, std::shared_ptr<Pair> pair,
                           std::shared_ptr<PortSession> session);
  static Task<void> pumpDown(std::shared_ptr<PortForward> self, std::shared_ptr<Pair> pair,
                             std::shared_ptr<PortSession> session);
  Task<void> endPair(std::shared_ptr<Pair> pair, std::string error);
  std::string blame(const Pair& pair, const std::string& why) const;

  SpdyConnection connection_;
  Backend& backend_;
  ContainerRef pod_;
  std::map<std::string, std::shared_ptr<Pair>> by_request_;
  std::map<uint32_t, std::shared_ptr<Pair>> by_stream_;
  async::TaskGroup group_;
};

Task<void> PortForward::run() {
  const std::shared_ptr<PortForward> self = shared_from_this();
  while (true) {
    auto frame = co_await connection_.next();
    if (!frame || !*frame) break;
    const Status handled = co_await handle(std::move(**frame));
    if (!handled) break;
  }
  for (const auto& [stream, pair] : by_stream_) pair->input.close();
  co_await group_.stop();
}

Task<Status> PortForward::handle(SpdyFrame frame) {
  if (frame.kind == SpdyFrame::Kind::SynStream) {
    const Status opened = co_await openStream(std::move(frame));
    co_return opened;
  }
  const auto found = by_stream_.find(frame.stream);
  if (found == by_stream_.end() || found->second->data_stream != frame.stream) co_return Status();
  const std::shared_ptr<Pair> pair = found->second;
  if (!frame.data.empty()) (void)co_await pair->input.send(std::move(frame.data));
  if (frame.fin || frame.kind == SpdyFrame::Kind::RstStream) pair->input.close();
  co_return Status();
}

Task<Status> PortForward::openStream(SpdyFrame frame) {
  const std::string_view type = http::spdyHeader(frame.headers, "streamtype");
  const std::optional<int64_t> port = parseInt(http::spdyHeader(frame.headers, "port"));
  std::string request(http::spdyHeader(frame.headers, "requestid"));
  // Clients from before request ids opened the error stream and then the data stream.
  if (request.empty()) request = std::to_string(type == "error" ? frame.stream : frame.stream - 2);
  const bool known = type == "error" || type == "data";
  if (!known || !port || *port < 1 || *port > 65535 || by_stream_.size() >= 2 * kMaxPairs) {
    const Status reset = co_await connection_.reset(frame.stream);
    co_return reset;
  }
  std::shared_ptr<Pair>& slot = by_request_[request];
  if (!slot) slot = std::make_shared<Pair>();
  const std::shared_ptr<Pair> pair = slot;
  pair->port = static_cast<uint16_t>(*port);
  (type == "error" ? pair->error_stream : pair->data_stream) = frame.stream;
  by_stream_[frame.stream] = pair;
  CO_TRY_STATUS(co_await connection_.reply(frame.stream));
  if (!pair->complete()) co_return Status();
  by_request_.erase(request);
  group_.spawn("port-forward", forward(shared_from_this(), pair));
  co_return Status();
}

Task<void> PortForward::forward(std::shared_ptr<PortForward> self, std::shared_ptr<Pair> pair) {
  const Executor executor = co_await async::thisExecutor();
  auto opened = co_await self->backend_.portForward(self->pod_, pair->port);
  if (!opened) {
    co_await self->endPair(pair, self->blame(*pair, opened.error().message));
    co_return;
  }
  const std::shared_ptr<PortSession> session = std::move(*opened);
  async::TaskGroup group(executor);
  group.spawn("port-forward up", pumpUp(self, pair, session));
  group.spawn("port-forward down", pumpDown(self, pair, session));
  co_await group.join();
  co_await self->endPair(pair, pair->failure.empty() ? "" : self->blame(*pair, pair->failure));
}

std::string PortForward::blame(const Pair& pair, const std::string& why) const {
  return fmt::format("error forwarding port {} to pod {}/{}: {}", pair.port, pod_.ns, pod_.pod, why);
}

Task<void> PortForward::pumpUp(std::shared_ptr<PortForward> /*self*/, std::shared_ptr<Pair> pair,
                               std::shared_ptr<PortSession> session) {
  while (true) {
    auto piece = co_await pair->input.receive();
    if (!piece) break;
    const Status sent = co_await session->send(std::move(*piece));
    if (!sent) break;
  }
  pair->input.close();
  const Status closed = co_await session->closeWrite();
}

Task<void> PortForward::pumpDown(std::shared_ptr<PortForward> self, std::shared_ptr<Pair> pair,
                                 std::shared_ptr<PortSession> session) {
  while (true) {
    auto piece = co_await session->receive();
    if (!piece) {
      // Its end goes out with the reason.
      pair->failure = piece.error().message;
      pair->input.close();
      co_return;
    }
    if (!*piece) break;
    const Status sent = co_await self->connection_.send(pair->data_stream, std::move(**piece));
    if (!sent) break;
  }
  // The pod's side is done: whatever the client still says goes nowhere.
  pair->input.close();
  const Status ended = co_await self->connection_.send(pair->data_stream, "", true);
}

Task<void> PortForward::endPair(std::shared_ptr<Pair> pair, std::string error) {
  pair->input.close();
  const bool failed = !error.empty();
  const Status told = co_await connection_.send(pair->error_stream, std::move(error), true);
  if (failed) {
    const Status ended = co_await connection_.send(pair->data_stream, "", true);
  }
  by_stream_.erase(pair->error_stream);
  by_stream_.erase(pair->data_stream);
}

Task<Result<net::StreamPtr>> accept(http::Exchange& exchange) {
  if (isSpdyRequest(exchange.request())) {
    auto stream = co_await acceptSpdy(exchange, std::string(kProtocol));
    co_return std::move(stream);
  }
  static constexpr std::array kProtocols = {kTunnelled};
  auto accepted = http::acceptWebSocket(exchange.request(), kProtocols);
  if (accepted && accepted->protocol.empty()) {
    accepted = failure(Code::BadRequest, "unable to upgrade: a subprotocol is needed: {}", kTunnelled);
  }
  if (!accepted) {
    co_await answerError(exchange, accepted.error());
    co_return failure(accepted.error());
  }
  CO_TRY(net::StreamPtr stream, co_await exchange.upgrade(std::move(accepted->head)));
  co_return streamOverWebSocket(std::move(stream));
}

}  // namespace

Task<void> servePortForward(http::Exchange& exchange, Backend& backend, ContainerRef pod) {
  const Executor executor = co_await async::thisExecutor();
  auto stream = co_await accept(exchange);
  if (!stream) {
    log::debug("port-forward to {}/{}: {}", pod.ns, pod.pod, stream.error().message);
    co_return;
  }
  const auto forward = std::make_shared<PortForward>(executor, std::move(*stream), backend, std::move(pod));
  struct Cancel {
    PortForward& all;
    ~Cancel() { all.cancel(); }
  } const cancel{*forward};
  co_await forward->run();
}

}  // namespace slipway::kubelet
