#include "apiserver/api/status_error.h"

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

json::object detailsOf(const Qualified& what, std::string_view name) {
  json::object details;
  if (!name.empty()) details["name"] = name;
  if (!what.group.empty()) details["group"] = what.group;
  if (!what.name.empty()) details["kind"] = what.name;
  return details;
}

/// Go's %q for the names that occur in messages.
std::string goQuoted(std::string_view text) {
  return json::serialize(json::string(text));
}

std::string whole(const Cause& cause) {
  return cause.field.empty() ? cause.message : cause.field + ": " + cause.message;
}

/// As utilerrors.Aggregate writes itself: equal messages once, several in brackets.
std::string aggregate(const std::vector<Cause>& causes) {
  std::vector<std::string> texts;
  for (const Cause& cause : causes) {
    std::string text = whole(cause);
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
  }
  return texts.size() == 1 ? texts[0] : "[" + join(texts, ", ") + "]";
}

}  // namespace

StatusError::StatusError(const Error& error)
    : code(httpStatus(error.code)), reason(statusReason(error.code)), message(error.message) {}

json::object StatusError::toStatus() const {
  json::object status{{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::object()}, {"status", "Failure"}};
  if (!list_continue.empty()) status["metadata"].as_object()["continue"] = list_continue;
  status["message"] = message;
  if (!reason.empty()) status["reason"] = reason;
  if (!details.empty() || empty_details) status["details"] = details;
  status["code"] = code;
  return status;
}

namespace refuse {

StatusError notFound(const Qualified& resource, std::string_view name) {
  return {404, "NotFound", fmt::format("{} {} not found", resource.str(), goQuoted(name)), detailsOf(resource, name)};
}

StatusError alreadyExists(const Qualified& resource, std::string_view name) {
  return {409, "AlreadyExists", fmt::format("{} {} already exists", resource.str(), goQuoted(name)),
          detailsOf(resource, name)};
}

StatusError generateNameTaken(const Qualified& resource, std::string_view name) {
  StatusError error = alreadyExists(resource, name);
  error.message += ", the server was not able to generate a unique name for the object";
  error.details["retryAfterSeconds"] = 1;
  return error;
}

StatusError conflict(const Qualified& resource, std::string_view name, std::string_view why) {
  return {409, "Conflict",
          fmt::format("Operation cannot be fulfilled on {} {}: {}", resource.str(), goQuoted(name), why),
          detailsOf(resource, name)};
}

StatusError modified(const Qualified& resource, std::string_view name) {
  return conflict(resource, name,
                  "the object has been modified; please apply your changes to the latest version and try again");
}

StatusError invalid(const Qualified& kind, std::string_view name, const std::vector<Cause>& causes) {
  json::object details = detailsOf(kind, name);
  json::array list;
  for (const Cause& cause : causes) {
    json::object entry{{"reason", cause.reason}, {"message", cause.message}};
    if (!cause.field.empty()) entry["field"] = cause.field;
    list.push_back(std::move(entry));
  }
  if (!list.empty()) details["causes"] = std::move(list);
  std::string message = fmt::format("{} {} is invalid", kind.str(), goQuoted(name));
  if (!causes.empty()) message += ": " + aggregate(causes);
  return {422, "Invalid", std::move(message), std::move(details)};
}

StatusError forbidden(const Qualified& resource, std::string_view name, std::string_view why) {
  std::string message = fmt::format("forbidden: {}", why);
  if (!resource.name.empty()) {
    message = name.empty() ? fmt::format("{} is forbidden: {}", resource.str(), why)
                           : fmt::format("{} {} is forbidden: {}", resource.str(), goQuoted(name), why);
  }
  StatusError error(403, "Forbidden", std::move(message), detailsOf(resource, name));
  error.empty_details = true;
  return error;
}

StatusError badRequest(std::string message) {
  return {400, "BadRequest", std::move(message)};
}

StatusError unauthorized() {
  return {401, "Unauthorized", "Unauthorized"};
}

StatusError methodNotSupported(const Qualified& resource, std::string_view verb) {
  return {405, "MethodNotAllowed",
          fmt::format("{} is not supported on resources of kind {}", verb, goQuoted(resource.str())),
          detailsOf(resource, "")};
}

namespace {

StatusError withEmptyDetails(StatusError error) {
  error.empty_details = true;
  return error;
}

}  // namespace

StatusError methodNotAllowed() {
  return withEmptyDetails({405, "MethodNotAllowed", "the server does not allow this method on the requested resource"});
}

StatusError unsupportedMediaType(std::string_view accepted) {
  return {415, "UnsupportedMediaType",
          fmt::format("the body of the request was in an unknown format - accepted media types include: {}", accepted)};
}

StatusError unsupportedPatchType() {
  return withEmptyDetails({415, "UnsupportedMediaType", "415: Unsupported Media Type"});
}

StatusError notAcceptable(std::string_view offered) {
  return withEmptyDetails(
      {406, "NotAcceptable", fmt::format("406: Not Acceptable\n\nAvailable representations: {}", offered)});
}

StatusError notInThatForm(std::string_view offered) {
  return {406, "NotAcceptable", fmt::format("only the following media types are accepted: {}", offered)};
}

StatusError expired(std::string message) {
  return {410, "Expired", std::move(message)};
}

StatusError tooManyRequests(std::string message, int retry_after_seconds) {
  return {429, "TooManyRequests", std::move(message), {{"retryAfterSeconds", retry_after_seconds}}};
}

StatusError tooLarge(std::string_view what) {
  return {413, "RequestEntityTooLarge", fmt::format("Request entity too large: {}", what)};
}

StatusError internal(std::string_view what) {
  json::array causes{json::object{{"message", what}}};
  return {500, "InternalError", fmt::format("Internal error occurred: {}", what), {{"causes", std::move(causes)}}};
}

StatusError serviceUnavailable(std::string message) {
  return {503, "ServiceUnavailable", std::move(message)};
}

StatusError noSuchResource() {
  return withEmptyDetails({404, "NotFound", "the server could not find the requested resource"});
}

StatusError noSuchPath() {
  StatusError error = noSuchResource();
  error.plain_404 = true;
  return error;
}

StatusError plain(std::string message) {
  return {500, "", std::move(message)};
}

}  // namespace refuse
}  // namespace slipway::apiserver
