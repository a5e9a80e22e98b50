// Logs for clients that take them over a WebSocket.
#include "apiserver/streams/relay.h"
#include "async/task_group.h"
#include "base/strings.h"
#include "http/websocket.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kPlain = "binary.k8s.io";
constexpr std::string_view kBase64 = "base64.binary.k8s.io";
constexpr std::string_view kProtocols[] = {kPlain, kBase64};

Task<void> send(http::ResponseStream* body, net::ByteStream* client, bool base64, async::Event* ended) {
  using Opcode = http::WebSocketOpcode;
  std::vector<char> buffer(16 * 1024);
  // An empty message comes first, as from Kubernetes: it tells that the stream is open.
  Status written = co_await client->write(http::webSocketFrame(Opcode::Binary, ""));
  while (written) {
    const Result<size_t> got = co_await body->readSome(buffer);
    if (!got || *got == 0) break;
    const std::string_view bytes(buffer.data(), *got);
    written = co_await client->write(base64 ? http::webSocketFrame(Opcode::Text, base64Encode(bytes))
                                            : http::webSocketFrame(Opcode::Binary, bytes));
  }
  if (written) written = co_await client->write(http::webSocketFrame(Opcode::Close, http::webSocketClose(1000, "")));
  ended->set();
}

/// The client has nothing to say; its end is ours.
Task<void> awaitEnd(net::ByteStream* client, async::Event* ended) {
  std::vector<char> buffer(1024);
  Result<size_t> got = size_t{1};
  while (got && *got > 0) got = co_await client->readSome(buffer);
  ended->set();
}

Task<Answer<Reply>> refusalOf(http::ResponseStream* answer) {
  Reply reply{answer->head().status, ""};
  if (const std::string_view type = answer->head().headers.get("Content-Type"); !type.empty()) reply.type = type;
  std::vector<char> buffer(16 * 1024);
  while (true) {
    const Result<size_t> got = co_await answer->readSome(buffer);
    if (!got || *got == 0) co_return reply;
    reply.body.append(buffer.data(), *got);
  }
}

}  // namespace

Task<Answer<Reply>> relayToWebSocket(Call* call, std::unique_ptr<http::Client> client, std::string target,
                                     std::string where) {
  Result<http::WebSocketAccept> accept = http::acceptWebSocket(call->request, kProtocols);
  if (!accept) co_return failure(refuse::badRequest(accept.error().message));
  http::Request request;
  request.method = "GET";
  request.target = std::move(target);
  Result<std::unique_ptr<http::ResponseStream>> opened = co_await client->open(std::move(request), kAnswerWithin);
  if (!opened) co_return failure(unreachable(where, opened.error()));
  if ((*opened)->head().status != 200) co_return co_await refusalOf(opened->get());
  Result<net::StreamPtr> mine = co_await call->exchange.upgrade(std::move(accept->head));
  if (!mine) co_return Reply::alreadySent();
  async::Event ended;
  async::TaskGroup group(co_await async::thisExecutor());
  group.spawn("log to WebSocket", send(opened->get(), mine->get(), accept->protocol == kBase64, &ended));
  group.spawn("log's client", awaitEnd(mine->get(), &ended));
  co_await ended.wait();
  co_await group.stop();
  (*mine)->close();
  co_return Reply::alreadySent();
}

}  // namespace slipway::apiserver
