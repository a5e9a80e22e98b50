#include "apiserver/auth/authenticator.h"

#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

bool looksLikeBootstrapToken(std::string_view token) {
  if (token.size() != 23 || token[6] != '.') return false;
  return std::all_of(token.begin(), token.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'; });
}

std::string secretField(const json::object& secret, std::string_view name) {
  const Result<std::string> value = base64Decode(json::text(secret, {"data", name}));
  return value ? *value : std::string();
}

/// Compares in a time that does not tell where the difference is.
bool sameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

void addGroup(User& user, std::string_view group) {
  if (!user.in(group)) user.groups.emplace_back(group);
}

/// WebSocket clients in browsers send the token as a subprotocol.
std::string tokenOf(const http::Headers& headers) {
  const std::string_view authorization = headers.get("Authorization");
  const auto [scheme, value] = splitOnce(authorization, ' ');
  if (equalsIgnoreCase(scheme, "Bearer")) return std::string(trim(value));
  constexpr std::string_view kPrefix = "base64url.bearer.authorization.k8s.io.";
  for (const std::string_view list : headers.all("Sec-WebSocket-Protocol")) {
    for (const std::string_view entry : split(list, ',')) {
      if (!trim(entry).starts_with(kPrefix)) continue;
      const Result<std::string> token = base64Decode(trim(entry).substr(kPrefix.size()));
      if (token) return *token;
    }
  }
  return {};
}

}  // namespace

Result<std::optional<User>> Authenticator::authenticate(const net::Peer& peer, const http::Headers& headers) {
  if (!peer.common_name.empty()) {
    User user{peer.common_name, "", peer.organizations, {}};
    if (!peer.fingerprint.empty()) {
      user.extra["authentication.kubernetes.io/credential-id"] = {"X509SHA256=" + peer.fingerprint};
    }
    addGroup(user, kAuthenticated);
    return user;
  }
  const std::string token = tokenOf(headers);
  if (token.empty()) {
    if (headers.has("Authorization")) return failure(Code::Unauthorized, "credentials of an unknown kind");
    return std::nullopt;
  }
  TRY(TokenOwner owner, authenticateToken(token, {}));
  return std::move(owner.user);
}

Result<TokenOwner> Authenticator::authenticateToken(const std::string& token,
                                                    const std::vector<std::string>& audiences) {
  if (!looksLikeBootstrapToken(token)) return tokens_.verify(token, audiences);
  TRY(User user, bootstrapUser(token));
  return TokenOwner{std::move(user), {}};
}

Result<User> Authenticator::bootstrapUser(std::string_view token) const {
  const auto refused = failure(Code::Unauthorized, "bootstrap token is not valid");
  const auto [id, secret_part] = splitOnce(token, '.');
  const StoredPtr stored = store_.table("core/secrets").find(fmt::format("kube-system/bootstrap-token-{}", id));
  if (!stored) return refused;
  const json::value document = json::parse(stored->bytes);
  const json::object& secret = document.as_object();
  if (json::text(secret, {"type"}) != "bootstrap.kubernetes.io/token") return refused;
  if (!json::text(secret, {"metadata", "deletionTimestamp"}).empty()) return refused;
  if (secretField(secret, "token-id") != id || !sameSecret(secretField(secret, "token-secret"), secret_part))
    return refused;
  if (secretField(secret, "usage-bootstrap-authentication") != "true") return refused;
  if (const std::string expiration = secretField(secret, "expiration"); !expiration.empty()) {
    const Result<WallTime> when = parseTime(expiration);
    if (!when || *when <= clock_.now()) return refused;
  }
  User user{fmt::format("system:bootstrap:{}", id), "", {"system:bootstrappers"}, {}};
  const std::string groups = secretField(secret, "auth-extra-groups");
  for (const std::string_view group : split(groups, ',')) {
    if (group.starts_with("system:bootstrappers:")) addGroup(user, group);
  }
  addGroup(user, kAuthenticated);
  return user;
}

}  // namespace slipway::apiserver
