#include "apiserver/streams/relay.h"

#include "async/task_group.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kBuffer = 64 * 1024;

bool isHopByHop(std::string_view name) {
  for (const std::string_view hop : {"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE",
                                     "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length"}) {
    if (equalsIgnoreCase(name, hop)) return true;
  }
  return false;
}

/// Never let a user's credentials travel to a node.
bool isSecret(std::string_view name) {
  const std::string lower = toLower(name);
  return lower == "authorization" || lower == "cookie" || lower.starts_with("impersonate-");
}

http::Request outgoing(const http::Request& incoming, std::string target, bool upgrade) {
  http::Request out;
  out.method = incoming.method;
  out.target = std::move(target);
  out.body = incoming.body;
  for (const auto& [name, value] : incoming.headers) {
    if (isSecret(name) || equalsIgnoreCase(name, "Host")) continue;
    if (isHopByHop(name) && !(upgrade && (equalsIgnoreCase(name, "Connection") || equalsIgnoreCase(name, "Upgrade"))))
      continue;
    out.headers.add(name, value);
  }
  return out;
}

Task<void> copy(net::ByteStream* from, net::ByteStream* to, async::Event* ended) {
  std::vector<char> buffer(kBuffer);
  while (true) {
    const Result<size_t> got = co_await from->readSome(buffer);
    if (!got) break;
    if (*got == 0) {
      co_await to->shutdownWrite();
      co_return;
    }
    const Status written = co_await to->write(std::string_view(buffer.data(), *got));
    if (!written) break;
  }
  ended->set();
}

/// Until both directions have ended, or one of them broke.
Task<void> copyBoth(net::StreamPtr a, net::StreamPtr b) {
  async::Event broken;
  async::TaskGroup group(co_await async::thisExecutor());
  const auto both = [](net::ByteStream* x, net::ByteStream* y, async::Event* ended) -> Task<void> {
    async::TaskGroup inner(co_await async::thisExecutor());
    inner.spawn("stream in", copy(x, y, ended));
    inner.spawn("stream out", copy(y, x, ended));
    co_await inner.join();
    ended->set();
  };
  group.spawn("stream", both(a.get(), b.get(), &broken));
  co_await broken.wait();
  a->close();
  b->close();
  co_await group.stop();
}

Task<Answer<Reply>> relayUpgrade(Call* call, std::unique_ptr<http::Client> client, http::Request request,
                                 std::string where) {
  Result<http::Upgraded> upgraded = co_await client->upgrade(std::move(request), kAnswerWithin);
  if (!upgraded) co_return failure(unreachable(where, upgraded.error()));
  if (!upgraded->stream) {
    Reply reply{upgraded->head.status, std::move(upgraded->head.body)};
    if (const std::string_view type = upgraded->head.headers.get("Content-Type"); !type.empty()) reply.type = type;
    co_return reply;
  }
  Result<net::StreamPtr> mine = co_await call->exchange.upgrade(std::move(upgraded->head));
  if (!mine) co_return Reply::alreadySent();
  co_await copyBoth(std::move(*mine), std::move(upgraded->stream));
  co_return Reply::alreadySent();
}

Task<void> pump(http::Exchange* exchange, http::ResponseStream* body, ProxyLinks* links, async::Event* ended) {
  std::vector<char> buffer(kBuffer);
  bool whole = false;
  while (true) {
    const Result<size_t> got = co_await body->readSome(buffer);
    if (!got) break;
    whole = *got == 0;
    std::string page;
    if (links != nullptr) page = whole ? links->finish() : links->feed({buffer.data(), *got});
    const std::string_view bytes = links != nullptr ? page : std::string_view(buffer.data(), *got);
    if (!bytes.empty()) {
      const Status written = co_await exchange->write(bytes);
      if (!written) break;
    }
    if (whole) break;
  }
  if (whole) co_await exchange->finish();
  ended->set();
}

Task<void> noteGone(http::Exchange* exchange, async::Event* ended) {
  co_await exchange->clientGone();
  ended->set();
}

/// What a kubelet says against a request, as a Status: its words are for people.
Task<StatusError> wordsOfRefusal(http::ResponseStream* answer) {
  constexpr size_t kWords = 2048;
  std::string words;
  std::vector<char> buffer(kWords);
  while (words.size() < kWords) {
    const Result<size_t> got = co_await answer->readSome(buffer);
    if (!got || *got == 0) break;
    words.append(buffer.data(), *got);
  }
  const int status = answer->head().status;
  words = toValidUtf8(trim(words));
  if (status == 400) co_return refuse::badRequest(std::move(words));
  if (status == 404) co_return StatusError(404, "NotFound", std::move(words));
  if (status == 500) co_return refuse::internal(words);
  co_return StatusError(status, "", std::move(words));
}

bool isPage(const http::Headers& headers) {
  const std::string_view encoding = headers.get("Content-Encoding");
  return headers.get("Content-Type").starts_with("text/html") && (encoding.empty() || encoding == "identity");
}

}  // namespace

StatusError unreachable(const std::string& where, const Error& error) {
  return refuse::internal(fmt::format("error dialing backend {}: {}", where, error.message));
}

Task<Answer<Reply>> relay(Call* call, std::unique_ptr<http::Client> client, std::string target, std::string where,
                          std::optional<ProxyLinks> links, bool checked) {
  const bool upgrade = call->request.headers.hasToken("Connection", "upgrade");
  http::Request request = outgoing(call->request, std::move(target), upgrade);
  // A page can only be changed as it is.
  if (links) request.headers.remove("Accept-Encoding");
  if (upgrade) co_return co_await relayUpgrade(call, std::move(client), std::move(request), std::move(where));

  Result<std::unique_ptr<http::ResponseStream>> opened = co_await client->open(std::move(request), kAnswerWithin);
  if (!opened) co_return failure(unreachable(where, opened.error()));
  const int status = (*opened)->head().status;
  if (checked && (status < 200 || status > 206)) {
    StatusError refused = co_await wordsOfRefusal(opened->get());
    co_return failure(std::move(refused));
  }
  http::Response head;
  head.status = status;
  for (const auto& [name, value] : (*opened)->head().headers) {
    if (isHopByHop(name)) continue;
    head.headers.add(name, links && equalsIgnoreCase(name, "Location") ? links->link(value) : value);
  }
  ProxyLinks* page = links && isPage(head.headers) ? &*links : nullptr;
  const Status begun = co_await call->exchange.stream(std::move(head));
  if (!begun) co_return Reply::alreadySent();
  async::Event ended;
  async::TaskGroup group(co_await async::thisExecutor());
  group.spawn("relay", pump(&call->exchange, opened->get(), page, &ended));
  group.spawn("relay's client", noteGone(&call->exchange, &ended));
  co_await ended.wait();
  co_await group.stop();
  co_return Reply::alreadySent();
}

}  // namespace slipway::apiserver
