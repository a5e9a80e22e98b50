#include "container/image_reference.h"

#include "base/strings.h"

namespace slipway::container {
namespace {

bool isAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// Lower-case letters and digits, with '.', '_', '__' or any run of '-' between them.
bool isPathComponent(std::string_view part) {
  if (part.empty() || !isAlphanumeric(part.front()) || !isAlphanumeric(part.back())) return false;
  for (size_t i = 0; i < part.size();) {
    if (isAlphanumeric(part[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < part.size() && part[i] == part[begin]) ++i;
    const size_t run = i - begin;
    const bool fine = (part[begin] == '.' && run == 1) || (part[begin] == '_' && run <= 2) || part[begin] == '-';
    if (!fine || (i < part.size() && !isAlphanumeric(part[i]))) return false;
  }
  return true;
}

bool isTag(std::string_view tag) {
  if (tag.empty() || tag.size() > 128 || tag[0] == '.' || tag[0] == '-') return false;
  return std::all_of(tag.begin(), tag.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; });
}

bool isDigest(std::string_view digest) {
  const auto [algorithm, hex] = splitOnce(digest, ':');
  if (algorithm != "sha256" && algorithm != "sha512") return false;
  if (hex.size() != (algorithm == "sha256" ? 64U : 128U)) return false;
  return std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool isRegistry(std::string_view host) {
  const size_t colon = host.rfind(':');
  const bool ipv6 = host.starts_with("[");
  if (colon != std::string_view::npos && (!ipv6 || host[colon - 1] == ']')) {
    const auto port = parseInt(host.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return false;
    host = host.substr(0, colon);
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '[' || c == ']' || c == ':';
  });
}

}  // namespace

std::string ImageReference::str() const {
  std::string out = registry + "/" + repository;
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest;
  return out;
}

std::string ImageReference::pullName() const {
  return registry + "/" + repository + (digest.empty() ? ":" + tag : "@" + digest);
}

bool isLocalImage(std::string_view text) {
  return text.starts_with("/") || text.starts_with("file:///");
}

Result<ImageReference> parseImageReference(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return failure(Code::Invalid, "couldn't parse image name \"{}\": {}", toValidUtf8(text.substr(0, 200)), why);
  };
  ImageReference out;
  std::string_view rest = text;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!isDigest(out.digest)) return bad("the digest is not sha256: and 64 lower-case hexadecimal digits");
  }
  if (const size_t colon = rest.rfind(':');
      colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!isTag(out.tag)) return bad("the tag has characters that are not allowed");
  }
  // The first part is a registry if it looks like a host; otherwise the whole is a repository of Docker Hub.
  const size_t slash = rest.find('/');
  const std::string_view first = rest.substr(0, slash);
  if (slash != std::string_view::npos &&
      (first.find_first_of(".:") != std::string_view::npos || first == "localhost")) {
    if (!isRegistry(first)) return bad("the registry is not host[:port]");
    out.registry = first == "index.docker.io" ? "docker.io" : std::string(first);
    rest = rest.substr(slash + 1);
  } else {
    out.registry = "docker.io";
  }
  const auto parts = split(rest, '/');
  if (rest.empty() || rest.size() > 255) return bad("the repository is empty or too long");
  for (const std::string_view part : parts) {
    if (toLower(part) != part) return bad("a repository name must be lower case");
    if (!isPathComponent(part)) return bad("invalid reference format");
  }
  out.repository =
      out.registry == "docker.io" && parts.size() == 1 ? "library/" + std::string(rest) : std::string(rest);
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

}  // namespace slipway::container
