#include "http/connection.h"

#include "base/log.h"
#include "http/exchange.h"
#include "http/serialize.h"

namespace slipway::http {
namespace {

// Each piece of a long write has the whole time limit: so it holds for writes without progress.
constexpr size_t kWritePiece = 256 * 1024;
// More than any body that somebody sends in good faith: they write it to its end before they read.
constexpr size_t kMaxLingering = 16 * 1024 * 1024;
constexpr auto kLingerTime = std::chrono::seconds(2);

Task<bool> runsWell(const Handler& handler, Exchange& exchange) {
  std::string what;
  try {
    co_await handler(exchange);
    co_return true;
  } catch (const std::exception& e) {
    what = e.what();
  }
  co_await async::throwIfCancelled();
  log::error("http {} {}: the handler threw: {}", exchange.request().method, exchange.request().path(), what);
  co_return false;
}

}  // namespace

Connection::Connection(Executor executor, net::StreamPtr stream, const ServerOptions& options)
    : executor_(executor),
      options_(options),
      peer_(stream->peer()),
      inbound_(std::move(executor), std::move(stream)),
      parser_(MessageParser::Kind::Request,
              {.max_header_bytes = options.max_header_bytes, .max_body_bytes = options.max_body_bytes}) {
  enter(Phase::Idle, options_.header_timeout);
}

void Connection::enter(Phase phase, std::chrono::nanoseconds limit) {
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit);
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  deadline_ = SteadyTime::max();
}

Task<void> Connection::run(Handler handler) {
  while (true) {
    const bool came = co_await readRequest();
    if (!came) break;
    closing_ = closing_ || !parser_.keepAlive();
    enter(Phase::Handling);
    ConnectionExchange exchange(*this);
    const bool well = co_await runsWell(handler, exchange);
    if (inbound_.released()) co_return;
    if (!exchange.answered()) {
      if (well) log::error("http {} {}: no answer was given", exchange.request().method, exchange.request().path());
      const Status sent = co_await exchange.respond({.status = 500});
    }
    if (!exchange.complete() || closing_) {
      if (exchange.complete()) {
        const Status ended = co_await inbound_.stream().shutdownWrite();
      }
      break;
    }
    parser_.reset();
    enter(Phase::Idle, options_.idle_timeout);
  }
  enter(Phase::Gone);
  close();
}

Task<bool> Connection::readRequest() {
  const bool head = co_await readHead();
  if (!head) co_return false;
  if (parser_.done()) co_return true;
  if (parser_.expectsContinue()) {
    const Status sent = co_await send("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent) co_return false;
  }
  enter(Phase::Body, options_.body_timeout);
  const bool body = co_await readBody();
  co_return body;
}

Task<bool> Connection::readHead() {
  while (true) {
    if (!inbound_.bytes().empty()) {
      if (phase_ == Phase::Idle) enter(Phase::Head, options_.header_timeout);
      const Result<size_t> used = parser_.feed(inbound_.bytes());
      if (!used) {
        co_await refuse(parser_.failedStatus(), used.error().message);
        co_return false;
      }
      inbound_.consume(*used);
      if (parser_.headDone()) co_return true;
    }
    if (phase_ == Phase::Idle && closing_) co_return false;
    const Result<bool> more = co_await inbound_.more();
    if (!more || !*more || expired_) co_return false;
  }
}

Task<bool> Connection::readBody() {
  while (!parser_.done()) {
    if (inbound_.bytes().empty()) {
      const Result<bool> more = co_await inbound_.more();
      if (!more || !*more || expired_) co_return false;
    }
    const Result<size_t> used = parser_.feed(inbound_.bytes());
    if (!used) {
      co_await refuse(parser_.failedStatus(), used.error().message);
      co_return false;
    }
    inbound_.consume(*used);
  }
  co_return true;
}

// The answer to a request that was not read to its end. Closing at once would reset the connection and could take the
// answer away before the client has read it.
Task<void> Connection::refuse(int status, std::string message) {
  Response response{.status = status, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}};
  response.body = message + "\n";
  if (options_.refusal) response = options_.refusal(status, message);
  out_.clear();
  appendResponseHead(out_, response, {.length = response.body.size(), .close = true}, "");
  out_ += response.body;
  const Status sent = co_await send(out_);
  if (!sent) co_return;
  enter(Phase::Lingering, kLingerTime);
  const Status ended = co_await inbound_.stream().shutdownWrite();
  size_t thrown_away = 0;
  while (ended && thrown_away < kMaxLingering) {
    const Result<bool> more = co_await inbound_.more();
    if (!more || !*more) break;
    thrown_away += inbound_.bytes().size();
    inbound_.consume(inbound_.bytes().size());
  }
}

Task<Status> Connection::send(std::string_view bytes) {
  const Phase before = phase_;
  do {
    enter(Phase::Writing, options_.write_timeout);
    const std::string_view piece = bytes.substr(0, kWritePiece);
    bytes.remove_prefix(piece.size());
    const Status written = co_await inbound_.stream().write(piece);
    if (!written)
      co_return failure(expired_ ? Error{Code::Timeout, peer_.address + ": the client does not read"}
                                 : written.error());
  } while (!bytes.empty());
  enter(before);
  co_return Status();
}

Task<void> Connection::expire() {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (inbound_.released()) co_return;
  const bool request_begun = phase_ == Phase::Head || phase_ == Phase::Body;
  expired_ = true;
  if (request_begun) {
    // Only the reader is at work in these phases, and it does not look at out_.
    enter(Phase::Lingering, kLingerTime);
    out_.clear();
    appendResponseHead(out_, {.status = 408}, {.length = 0, .close = true}, "");
    const Status sent = co_await inbound_.stream().write(out_);
  }
  close();
}

void Connection::finishSoon() {
  closing_ = true;
  if (phase_ == Phase::Idle) close();
}

void Connection::close() {
  if (!inbound_.released()) inbound_.stream().close();
}

}  // namespace slipway::http
