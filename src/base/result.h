#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace slipway {

/// Why something failed. Each code maps to one HTTP code and one reason of a Kubernetes Status (statusReason()), so an
/// error that is born in the Slurm driver can be shown on a Pod without another table.
enum class Code {
  BadRequest,             ///< the caller's words make no sense
  Unauthorized,           ///< who is calling is not known
  Forbidden,              ///< the caller may not do this
  NotFound,               ///< the object is not there
  MethodNotAllowed,       ///< the object has no such verb
  NotAcceptable,          ///< no encoding that the caller takes
  AlreadyExists,          ///< create of a name that is taken
  Conflict,               ///< the object changed meanwhile, or a precondition does not hold
  Expired,                ///< a resourceVersion or continue token is too old (HTTP 410)
  RequestEntityTooLarge,  ///< a body over the limit
  UnsupportedMediaType,   ///< an encoding that is not read here
  Invalid,                ///< well-formed, but a field's value is not allowed (HTTP 422)
  TooManyRequests,        ///< over a limit; again later
  InternalError,          ///< a fault of ours
  NotImplemented,         ///< a clear refusal of what is not there yet
  ServiceUnavailable,     ///< the other side cannot be reached or says so itself; again later
  Timeout,                ///< no answer within the deadline: the effect is unknown
  InsufficientStorage,    ///< the disk is full
};

/// HTTP status code that goes with a code, for example 404.
int httpStatus(Code code);
/// Reason of metav1.Status that goes with a code, for example "NotFound".
std::string_view statusReason(Code code);
/// The code for an HTTP answer; 5xx and unknown ones become InternalError or ServiceUnavailable.
Code codeOfHttpStatus(int status);

/// A failure as a value: what kind, and one sentence that names the object, what was tried and, if known, the mend.
struct [[nodiscard]] Error {
  Code code = Code::InternalError;
  std::string message;

  /// The same failure seen from one level up: "<context>: <message>".
  Error wrap(std::string_view context) const { return {code, fmt::format("{}: {}", context, message)}; }
  bool is(Code other) const { return code == other; }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> failure(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
template <typename... Args>
  requires(sizeof...(Args) > 0)
tl::unexpected<Error> failure(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}
inline tl::unexpected<Error> failure(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

/// "<what>: <text of errno>", made where errno is fresh; ENOENT, EACCES, EEXIST and ENOSPC keep their meaning as codes.
Error errnoError(std::string_view what, int error);

}  // namespace slipway

#define SLIPWAY_CONCAT_(a, b) a##b
#define SLIPWAY_CONCAT(a, b) SLIPWAY_CONCAT_(a, b)

/// TRY(auto x, expression): x is the value, or the function returns the error.
#define TRY(declaration, ...) TRY_(SLIPWAY_CONCAT(try_, __LINE__), return, declaration, __VA_ARGS__)
/// The same inside a coroutine. The expression may contain one co_await.
#define CO_TRY(declaration, ...) TRY_(SLIPWAY_CONCAT(try_, __LINE__), co_return, declaration, __VA_ARGS__)
#define TRY_(name, ret, declaration, ...)                     \
  auto name = (__VA_ARGS__);                                  \
  if (!name) ret ::slipway::failure(std::move(name).error()); \
  declaration = std::move(name).value()

/// TRY_STATUS(expression): the function returns the error of a Result whose value is not needed.
#define TRY_STATUS(...) TRY_STATUS_(SLIPWAY_CONCAT(try_, __LINE__), return, __VA_ARGS__)
#define CO_TRY_STATUS(...) TRY_STATUS_(SLIPWAY_CONCAT(try_, __LINE__), co_return, __VA_ARGS__)
#define TRY_STATUS_(name, ret, ...) \
  if (auto name = (__VA_ARGS__); !name) ret ::slipway::failure(std::move(name).error())
