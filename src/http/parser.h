#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/chunked.h"
#include "http/message.h"

namespace slipway::http {

struct ParserLimits {
  size_t max_header_bytes = 64 * 1024;
  uint64_t max_body_bytes = 3 * 1024 * 1024;
};

/// Takes the messages of one direction of an HTTP/1.1 connection apart, one after the other (RFC 9112). Sans-IO.
///
/// Life cycle: reset(), then feed() what comes until done(), again and again. A message whose body two readers could
/// frame differently is refused: two lengths, a length and a coding, a coding other than "chunked", folded lines, bare
/// LF. (Beast's parser was weighed: in 1.81 it aborts on a last chunk that comes byte by byte and skips unknown
/// codings.)
class MessageParser {
 public:
  enum class Kind { Request, Response };
  MessageParser(Kind kind, ParserLimits limits) : kind_(kind), limits_(limits) { reset(); }

  /// Ready for the next message. `to_head`: it answers a HEAD request, so no body follows.
  void reset(bool to_head = false);
  /// How many of the bytes were used; what is left has to come again with more behind it. Stops after the head, and at
  /// the end of the message. An error ends the connection.
  Result<size_t> feed(std::string_view bytes);
  /// The connection ended: fine for an answer whose body has no length.
  Status end();

  bool headDone() const { return state_ != State::Head; }
  bool done() const { return state_ == State::Done; }
  /// From here on of a message whose head is done.
  bool keepAlive() const;
  bool isHttp10() const { return minor_version_ == 0; }
  bool expectsContinue() const;
  /// What a server says to the sender of a message that failed: 400, 413, 417, 431, 501 or 505.
  int failedStatus() const { return failed_status_; }

  /// The message so far. Of a body that is still growing, its bytes may be taken out.
  Request& request() { return request_; }
  Response& response() { return response_; }
  std::string& body() { return kind_ == Kind::Request ? request_.body : response_.body; }

 private:
  enum class State { Head, Length, Chunked, UntilEnd, Done };

  Result<size_t> feedHead(std::string_view bytes);
  Status parseHead(std::string_view head);
  Status parseRequestLine(std::string_view line);
  Status parseStatusLine(std::string_view line);
  Status parseVersion(std::string_view text);
  Status parseField(std::string_view line);
  Status noteFraming(std::string_view name, std::string_view value);
  Status chooseBody();
  Result<size_t> feedBody(std::string_view bytes);
  tl::unexpected<Error> refuse(int status, std::string_view why);
  Headers& headers() { return kind_ == Kind::Request ? request_.headers : response_.headers; }

  Kind kind_;
  ParserLimits limits_;
  State state_ = State::Head;
  Request request_;
  Response response_;
  ChunkedDecoder chunks_;
  size_t scanned_ = 0;
  bool to_head_ = false;
  int minor_version_ = 1;
  bool close_ = false;
  bool keep_alive_ = false;
  bool chunked_ = false;
  int hosts_ = 0;
  std::optional<uint64_t> length_;
  uint64_t left_ = 0;
  uint64_t room_ = 0;
  int failed_status_ = 400;
};

}  // namespace slipway::http
