#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>
#include "json/json.h"

#include "base/result.h"

namespace slipway::apiserver {

/// A resource or kind with its group, as error messages write it: "deployments.apps".
struct Qualified {
  std::string name;
  std::string group;
  std::string str() const { return group.empty() ? name : name + "." + group; }
};

/// One field that is wrong; of metav1.StatusCause.
struct Cause {
  std::string reason;   ///< "FieldValueRequired", ...
  std::string message;  ///< "Required value: must not be empty", without the field
  std::string field;    ///< "spec.containers[0].name"
};

/// An answer that is a refusal: what becomes metav1.Status, word for word as the real server says it.
struct StatusError {
  int code = 500;
  std::string reason;
  std::string message;
  json::object details;
  std::string list_continue;   ///< metadata.continue: how to go on after an expired list
  bool empty_details = false;  ///< written as {}
  bool plain_404 = false;      ///< "404 page not found" as text: paths that no API serves

  StatusError() = default;
  StatusError(int code_, std::string reason_, std::string message_, json::object details_ = {})
      : code(code_), reason(std::move(reason_)), message(std::move(message_)), details(std::move(details_)) {}
  /// From below the API: the same code, its message as it is.
  StatusError(const Error& error);  // NOLINT: converts on purpose, so that TRY works across the seam

  json::object toStatus() const;
};

template <typename T>
using Answer = tl::expected<T, StatusError>;
using Done = Answer<void>;

namespace refuse {

StatusError notFound(const Qualified& resource, std::string_view name);
StatusError alreadyExists(const Qualified& resource, std::string_view name);
StatusError generateNameTaken(const Qualified& resource, std::string_view name);
StatusError conflict(const Qualified& resource, std::string_view name, std::string_view why);
/// The object changed since the caller read it.
StatusError modified(const Qualified& resource, std::string_view name);
StatusError invalid(const Qualified& kind, std::string_view name, const std::vector<Cause>& causes);
StatusError forbidden(const Qualified& resource, std::string_view name, std::string_view why);
StatusError badRequest(std::string message);
StatusError unauthorized();
StatusError methodNotSupported(const Qualified& resource, std::string_view verb);
/// A known path that has no such HTTP method.
StatusError methodNotAllowed();
StatusError unsupportedMediaType(std::string_view accepted);
/// A patch of a type that is none.
StatusError unsupportedPatchType();
/// No entry of Accept that is read here at all, or none in the form that is asked for.
StatusError notAcceptable(std::string_view offered);
StatusError notInThatForm(std::string_view offered);
StatusError expired(std::string message);
StatusError tooManyRequests(std::string message, int retry_after_seconds);
StatusError tooLarge(std::string_view what);
StatusError internal(std::string_view what);
StatusError serviceUnavailable(std::string message);
/// No API serves this path; below a group that there is, the answer is a Status.
StatusError noSuchPath();
StatusError noSuchResource();
/// What Go would answer for an error that is no API error: code 500 without a reason.
StatusError plain(std::string message);

}  // namespace refuse
}  // namespace slipway::apiserver

namespace slipway {
inline tl::unexpected<apiserver::StatusError> failure(apiserver::StatusError error) {
  return tl::unexpected<apiserver::StatusError>(std::move(error));
}
}  // namespace slipway
