#include "tunnel/grpc_status.h"

#include "base/strings.h"

namespace slipway::tunnel {
namespace {

/// Carries the reason of a code of ours that gRPC's own does not lead back to.
constexpr std::string_view kCodeTrailer = "slipway-code";

struct CodeRow {
  Code code;
  GrpcCode grpc;
};

// The first row with a gRPC code is the way back from it.
constexpr std::array kCodes = {
    CodeRow{Code::BadRequest, GrpcCode::InvalidArgument},
    CodeRow{Code::Unauthorized, GrpcCode::Unauthenticated},
    CodeRow{Code::Forbidden, GrpcCode::PermissionDenied},
    CodeRow{Code::NotFound, GrpcCode::NotFound},
    CodeRow{Code::NotImplemented, GrpcCode::Unimplemented},
    CodeRow{Code::MethodNotAllowed, GrpcCode::Unimplemented},
    CodeRow{Code::NotAcceptable, GrpcCode::InvalidArgument},
    CodeRow{Code::AlreadyExists, GrpcCode::AlreadyExists},
    CodeRow{Code::Conflict, GrpcCode::Aborted},
    CodeRow{Code::Expired, GrpcCode::OutOfRange},
    CodeRow{Code::TooManyRequests, GrpcCode::ResourceExhausted},
    CodeRow{Code::RequestEntityTooLarge, GrpcCode::ResourceExhausted},
    CodeRow{Code::UnsupportedMediaType, GrpcCode::InvalidArgument},
    CodeRow{Code::Invalid, GrpcCode::FailedPrecondition},
    CodeRow{Code::InternalError, GrpcCode::Internal},
    CodeRow{Code::ServiceUnavailable, GrpcCode::Unavailable},
    CodeRow{Code::Timeout, GrpcCode::DeadlineExceeded},
    CodeRow{Code::InsufficientStorage, GrpcCode::ResourceExhausted},
};

const CodeRow& rowOf(Code code) {
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return row;
  }
  return rowOf(Code::InternalError);
}

}  // namespace

GrpcCode grpcCodeOf(Code code) {
  return rowOf(code).grpc;
}

Code codeOfGrpc(int grpc_code) {
  // The handler was cancelled while its caller still waits: its side is going away.
  if (grpc_code == static_cast<int>(GrpcCode::Cancelled)) return Code::ServiceUnavailable;
  for (const CodeRow& row : kCodes) {
    if (static_cast<int>(row.grpc) == grpc_code) return row.code;
  }
  return Code::InternalError;
}

CallOutcome outcomeOf(const Status& status) {
  if (status) return {};
  const CodeRow& row = rowOf(status.error().code);
  CallOutcome outcome{.code = static_cast<int>(row.grpc), .message = toValidUtf8(status.error().message)};
  if (codeOfGrpc(outcome.code) != row.code)
    outcome.trailers[std::string(kCodeTrailer)] = {std::string(statusReason(row.code))};
  return outcome;
}

Status statusOf(const CallOutcome& outcome) {
  if (outcome.ok()) return {};
  const auto trailer = outcome.trailers.find(std::string(kCodeTrailer));
  if (trailer != outcome.trailers.end() && !trailer->second.empty()) {
    for (const CodeRow& row : kCodes) {
      if (statusReason(row.code) == trailer->second.front()) return failure(row.code, outcome.message);
    }
  }
  return failure(codeOfGrpc(outcome.code), outcome.message);
}

std::string encodeGrpcMessage(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::chrono::nanoseconds> parseGrpcTimeout(std::string_view text) {
  const auto bad = [&] { return failure(Code::Invalid, "grpc-timeout \"{}\": not a timeout", text); };
  if (text.size() < 2 || text.size() > 9) return bad();
  const std::optional<int64_t> number = parseInt(text.substr(0, text.size() - 1));
  if (!number || *number < 0) return bad();
  switch (text.back()) {
    case 'H':
      // More than a hundred years would not fit into nanoseconds.
      return std::chrono::hours(std::min<int64_t>(*number, 1'000'000));
    case 'M':
      return std::chrono::minutes(*number);
    case 'S':
      return std::chrono::seconds(*number);
    case 'm':
      return std::chrono::milliseconds(*number);
    case 'u':
      return std::chrono::microseconds(*number);
    case 'n':
      return std::chrono::nanoseconds(*number);
    default:
      return bad();
  }
}

}  // namespace slipway::tunnel
