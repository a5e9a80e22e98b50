#pragma once

#include <memory>

#include "base/clock.h"
#include "http/inbound.h"
#include "http/parser.h"

namespace slipway::http {

/// One connection of a client: sends a request, reads the head of its answer, then the body as it comes.
class ClientConnection {
 public:
  ClientConnection(Executor executor, net::StreamPtr stream);

  Task<Status> send(const Request& request, std::string_view host);
  /// Skips 100 Continue and the like.
  Task<Result<void>> readHead(bool to_head);
  /// More body bytes into response().body; false once all came.
  Task<Result<bool>> readBody();

  Response& response() { return parser_.response(); }
  /// Whether any byte of the answer came.
  bool answerBegun() const { return answer_begun_; }
  /// After the whole body: another request may follow.
  bool reusable() const { return parser_.done() && parser_.keepAlive() && inbound_.bytes().empty(); }
  net::StreamPtr release() { return inbound_.release(); }

  /// While kept: notices when the server closes.
  void keep();
  bool alive() const { return inbound_.quiet(); }
  SteadyTime keptSince() const { return kept_since_; }

 private:
  Inbound inbound_;
  MessageParser parser_;
  bool answer_begun_ = false;
  SteadyTime kept_since_;
};

}  // namespace slipway::http
