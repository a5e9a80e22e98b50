#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::tunnel {

/// Headers or trailers of a call: names in lower case, each with its values in order.
using Metadata = std::map<std::string, std::vector<std::string>>;

/// The numbers of grpc-status.
enum class GrpcCode : int {
  Ok = 0,
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
};

/// How a call ended, as it is written on the wire.
struct CallOutcome {
  int code = 0;  ///< a GrpcCode, or whatever the peer sent
  std::string message;
  Metadata trailers;

  bool ok() const { return code == 0; }
};

GrpcCode grpcCodeOf(Code code);
/// Codes that no peer should send become InternalError.
Code codeOfGrpc(int grpc_code);

/// gRPC has fewer codes than we: what would be lost goes along in a trailer that other peers ignore.
CallOutcome outcomeOf(const Status& status);
Status statusOf(const CallOutcome& outcome);

/// The value of a grpc-message header: printable ASCII with the rest percent-encoded, and back.
std::string encodeGrpcMessage(std::string_view text);

/// The value of a grpc-timeout header ("100m" is 100 ms); Invalid when it is none.
Result<std::chrono::nanoseconds> parseGrpcTimeout(std::string_view text);

}  // namespace slipway::tunnel
