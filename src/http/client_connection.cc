#include "http/client_connection.h"

#include "http/serialize.h"

namespace slipway::http {
namespace {

constexpr ParserLimits kLimits{.max_header_bytes = 256 * 1024, .max_body_bytes = UINT64_MAX};

bool carriesBody(const Request& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

}  // namespace

ClientConnection::ClientConnection(Executor executor, net::StreamPtr stream)
    : inbound_(std::move(executor), std::move(stream)), parser_(MessageParser::Kind::Response, kLimits) {}

Task<Status> ClientConnection::send(const Request& request, std::string_view host) {
  answer_begun_ = false;
  Framing framing;
  if (carriesBody(request)) framing.length = request.body.size();
  std::string out;
  appendRequestHead(out, request, host, framing);
  std::string_view rest = request.body;
  const size_t joined = std::min(rest.size(), kJoinedBody);
  out.append(rest.substr(0, joined));
  rest.remove_prefix(joined);
  CO_TRY_STATUS(co_await inbound_.stream().write(out));
  if (rest.empty()) co_return Status();
  const Status sent = co_await inbound_.stream().write(rest);
  co_return sent;
}

Task<Result<void>> ClientConnection::readHead(bool to_head) {
  parser_.reset(to_head);
  while (true) {
    if (!inbound_.bytes().empty()) {
      answer_begun_ = true;
      CO_TRY(const size_t used, parser_.feed(inbound_.bytes()));
      inbound_.consume(used);
      const int status = parser_.response().status;
      const bool interim = parser_.headDone() && status / 100 == 1 && status != 101;
      if (parser_.headDone() && !interim) co_return Result<void>();
      if (interim) {
        parser_.reset(to_head);
        continue;
      }
    }
    CO_TRY(const bool more, co_await inbound_.more());
    if (!more) co_return failure(Code::ServiceUnavailable, "the server closed the connection without an answer");
  }
}

Task<Result<bool>> ClientConnection::readBody() {
  while (!parser_.done()) {
    if (inbound_.bytes().empty()) {
      CO_TRY(const bool more, co_await inbound_.more());
      if (!more) CO_TRY_STATUS(parser_.end());
      if (!more) break;
    }
    const size_t before = response().body.size();
    CO_TRY(const size_t used, parser_.feed(inbound_.bytes()));
    inbound_.consume(used);
    if (response().body.size() > before) co_return true;
  }
  co_return false;
}

void ClientConnection::keep() {
  kept_since_ = std::chrono::steady_clock::now();
  inbound_.watch();
}

}  // namespace slipway::http
