#include "base/result.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace slipway {
namespace {

struct CodeRow {
  Code code;
  int http;
  std::string_view reason;
};

// Reasons are those of k8s.io/apimachinery meta/v1 types.go; 507 has none there.
constexpr std::array kCodes = {
    CodeRow{Code::BadRequest, 400, "BadRequest"},
    CodeRow{Code::Unauthorized, 401, "Unauthorized"},
    CodeRow{Code::Forbidden, 403, "Forbidden"},
    CodeRow{Code::NotFound, 404, "NotFound"},
    CodeRow{Code::MethodNotAllowed, 405, "MethodNotAllowed"},
    CodeRow{Code::NotAcceptable, 406, "NotAcceptable"},
    CodeRow{Code::AlreadyExists, 409, "AlreadyExists"},
    CodeRow{Code::Conflict, 409, "Conflict"},
    CodeRow{Code::Expired, 410, "Expired"},
    CodeRow{Code::RequestEntityTooLarge, 413, "RequestEntityTooLarge"},
    CodeRow{Code::UnsupportedMediaType, 415, "UnsupportedMediaType"},
    CodeRow{Code::Invalid, 422, "Invalid"},
    CodeRow{Code::TooManyRequests, 429, "TooManyRequests"},
    CodeRow{Code::InternalError, 500, "InternalError"},
    CodeRow{Code::NotImplemented, 501, "NotImplemented"},
    CodeRow{Code::ServiceUnavailable, 503, "ServiceUnavailable"},
    CodeRow{Code::Timeout, 504, "Timeout"},
    CodeRow{Code::InsufficientStorage, 507, "InsufficientStorage"},
};

const CodeRow& rowOf(Code code) {
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return row;
  }
  return kCodes[13];
}

}  // namespace

int httpStatus(Code code) {
  return rowOf(code).http;
}

std::string_view statusReason(Code code) {
  return rowOf(code).reason;
}

Code codeOfHttpStatus(int status) {
  if (status == 409) return Code::Conflict;
  for (const CodeRow& row : kCodes) {
    if (row.http == status) return row.code;
  }
  if (status >= 400 && status < 500) return Code::BadRequest;
  return status == 502 ? Code::ServiceUnavailable : Code::InternalError;
}

Error errnoError(std::string_view what, int error) {
  Code code = Code::InternalError;
  switch (error) {
    case ENOENT:
      code = Code::NotFound;
      break;
    case EACCES:
    case EPERM:
      code = Code::Forbidden;
      break;
    case EEXIST:
      code = Code::AlreadyExists;
      break;
    case ENOSPC:
    case EDQUOT:
      code = Code::InsufficientStorage;
      break;
    case ETIMEDOUT:
      code = Code::Timeout;
      break;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
      code = Code::ServiceUnavailable;
      break;
    default:
      break;
  }
  return {code, fmt::format("{}: {}", what, std::generic_category().message(error))};
}

}  // namespace slipway
