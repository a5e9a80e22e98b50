#include "http/exchange.h"

#include <ctime>

#include "http/serialize.h"

namespace slipway::http {
namespace {

constexpr size_t kMaxChunk = 256 * 1024;

// The Date field, made once a second.
const std::string& dateNow() {
  thread_local std::time_t made = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 40> buffer{};
    // The C locale is never changed in this program.
    text.assign(buffer.data(), std::strftime(buffer.data(), buffer.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
    made = now;
  }
  return text;
}

}  // namespace

ConnectionExchange::ConnectionExchange(Connection& connection)
    : connection_(connection),
      request_(std::move(connection.parser_.request())),
      is_head_(request_.method == "HEAD"),
      is_http10_(connection.parser_.isHttp10()) {}

Status ConnectionExchange::misuse(std::string_view what) {
  return failure(Code::InternalError, "{} {}: {} in the wrong order", request_.method, request_.target, what);
}

bool ConnectionExchange::isBodyless(int status) const {
  return is_head_ || status / 100 == 1 || status == 204 || status == 304;
}

Task<Status> ConnectionExchange::sendTracked(std::string_view bytes, State then) {
  state_ = State::Broken;
  const Status sent = co_await connection_.send(bytes);
  if (sent) state_ = then;
  co_return sent;
}

Task<Status> ConnectionExchange::respond(Response response) {
  if (state_ != State::Open) co_return misuse("respond()");
  const bool no_body = isBodyless(response.status);
  Framing framing{.close = connection_.closing_};
  if (!no_body || is_head_) framing.length = response.body.size();
  std::string& out = connection_.out_;
  out.clear();
  appendResponseHead(out, response, framing, dateNow());
  std::string_view rest = no_body ? std::string_view() : response.body;
  const size_t joined = std::min(rest.size(), kJoinedBody);
  out.append(rest.substr(0, joined));
  rest.remove_prefix(joined);
  CO_TRY_STATUS(co_await sendTracked(out, State::Complete));
  if (out.capacity() > 2 * kJoinedBody) std::string().swap(out);
  if (rest.empty()) co_return Status();
  const Status sent = co_await sendTracked(rest, State::Complete);
  co_return sent;
}

Task<Status> ConnectionExchange::stream(Response head) {
  if (state_ != State::Open) co_return misuse("stream()");
  silent_ = isBodyless(head.status);
  chunked_ = !is_http10_ && !silent_;
  if (is_http10_) connection_.closing_ = true;
  std::string& out = connection_.out_;
  out.clear();
  appendResponseHead(out, head, {.chunked = chunked_, .close = connection_.closing_}, dateNow());
  const Status sent = co_await sendTracked(out, State::Streaming);
  co_return sent;
}

Task<Status> ConnectionExchange::write(std::string_view bytes) {
  if (state_ != State::Streaming) co_return misuse("write()");
  while (!silent_ && !bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMaxChunk);
    bytes.remove_prefix(piece.size());
    std::string_view wire = piece;
    if (chunked_) {
      std::string& out = connection_.out_;
      out.clear();
      appendChunk(out, piece);
      wire = out;
    }
    CO_TRY_STATUS(co_await sendTracked(wire, State::Streaming));
  }
  co_return Status();
}

Task<Status> ConnectionExchange::finish() {
  if (state_ != State::Streaming) co_return misuse("finish()");
  if (!chunked_) {
    state_ = State::Complete;
    co_return Status();
  }
  const Status sent = co_await sendTracked("0\r\n\r\n", State::Complete);
  co_return sent;
}

Task<void> ConnectionExchange::clientGone() {
  connection_.inbound_.watch();
  co_await connection_.inbound_.activity();
}

Task<Result<net::StreamPtr>> ConnectionExchange::upgrade(Response head) {
  if (state_ != State::Open) co_return failure(misuse("upgrade()").error());
  std::string& out = connection_.out_;
  out.clear();
  appendResponseHead(out, head, {}, "");
  CO_TRY_STATUS(co_await sendTracked(out, State::Broken));
  net::StreamPtr stream = connection_.inbound_.release();
  if (stream == nullptr) co_return failure(misuse("upgrade() after clientGone()").error());
  connection_.enter(Connection::Phase::Gone);
  co_return stream;
}

}  // namespace slipway::http
