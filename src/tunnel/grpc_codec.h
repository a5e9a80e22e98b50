#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "tunnel/grpc_status.h"
#include "tunnel/h2_session.h"

namespace slipway::tunnel {

inline constexpr size_t kGrpcPrefix = 5;  ///< one byte "compressed", four of length, before each message

/// Bytes of a gRPC body to messages. A compressed or oversize message is a failure, after which nothing more comes.
class GrpcMessageReader {
 public:
  explicit GrpcMessageReader(size_t max_message) : max_message_(max_message) {}

  Status feed(std::string_view bytes);
  /// The next whole message.
  std::optional<std::string> next();
  /// True between messages: only there may a body end.
  bool atBoundary() const { return prefix_.empty() && !lacking_; }

 private:
  size_t max_message_;
  std::string prefix_;
  std::string message_;
  std::optional<size_t> lacking_;
  std::deque<std::string> whole_;
};

/// The message with its prefix.
std::string grpcFrame(std::string_view message);

/// The request headers of a call, in the order that gRPC asks for.
H2Headers grpcRequestHeaders(std::string_view path, std::string_view authority, bool tls, const Metadata& metadata);
H2Headers grpcResponseHeaders(const Metadata& metadata);
H2Headers grpcTrailers(GrpcCode code, std::string_view message);
/// What an application put among the headers: without pseudo-headers and those of HTTP and gRPC itself.
Metadata grpcMetadata(const H2Headers& headers);
/// The status in trailers, or in the headers of an answer that is nothing but trailers.
Status grpcStatusIn(const H2Headers& trailers);
/// Whether response headers are those of gRPC; otherwise an error that tells what answered instead.
Status checkGrpcResponse(const H2Headers& headers);

}  // namespace slipway::tunnel
