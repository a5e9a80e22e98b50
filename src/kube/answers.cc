#include "base/strings.h"
#include "kube/http_client.h"

namespace slipway::kube {
namespace {

/// HTTP says 409 for two different things; the Status' reason tells them apart.
Code codeOf(int status, std::string_view reason) {
  if (reason == "AlreadyExists") return Code::AlreadyExists;
  if (reason == "Conflict") return Code::Conflict;
  if (reason == "Expired" || reason == "Gone") return Code::Expired;
  if (reason == "Timeout" || reason == "ServerTimeout") return Code::Timeout;
  return codeOfHttpStatus(status);
}

}  // namespace

void dropNulls(json::value& value) {
  if (Object* object = value.if_object()) {
    // erase() moves the last element into the gap, so the place is looked at again.
    for (auto it = object->begin(); it != object->end();) {
      if (it->value().is_null()) {
        it = object->erase(it);
      } else {
        dropNulls(it->value());
        ++it;
      }
    }
  } else if (json::array* array = value.if_array()) {
    for (json::value& item : *array) dropNulls(item);
  }
}

Result<Object> decodeAnswer(int status, std::string_view body, const std::string& what) {
  boost::system::error_code bad;
  json::value value = json::parse(body, bad);
  const bool object = !bad && value.is_object();
  if (status < 200 || status >= 300) {
    const std::string_view reason = object ? text(value.get_object(), {"reason"}) : std::string_view();
    std::string_view message = object ? text(value.get_object(), {"message"}) : trim(body.substr(0, 200));
    if (message.empty()) message = "no message";
    return failure(codeOf(status, reason), "{}: {} (HTTP {})", what, message, status);
  }
  if (!object) return failure(Code::InternalError, "{}: the answer is not a JSON object", what);
  dropNulls(value);
  return std::move(value.get_object());
}

}  // namespace slipway::kube
