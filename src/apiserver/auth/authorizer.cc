#include "apiserver/auth/authorizer.h"

#include <fmt/format.h>

namespace slipway::apiserver {

std::string refusalText(const User& user, const Attributes& what, std::string_view reason) {
  const std::string name = user.name.empty() ? std::string(kAnonymous) : user.name;
  std::string text;
  if (!what.is_resource) {
    text = fmt::format("User \"{}\" cannot {} path \"{}\"", name, what.verb, what.path);
  } else {
    const std::string resource =
        what.subresource.empty() ? what.resource : fmt::format("{}/{}", what.resource, what.subresource);
    text =
        fmt::format("User \"{}\" cannot {} resource \"{}\" in API group \"{}\"", name, what.verb, resource, what.group);
    text += what.ns.empty() ? " at the cluster scope" : fmt::format(" in the namespace \"{}\"", what.ns);
  }
  if (!reason.empty()) text += fmt::format(": {}", reason);
  return text;
}

}  // namespace slipway::apiserver
