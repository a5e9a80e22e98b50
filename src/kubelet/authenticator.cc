#include "kubelet/authenticator.h"

#include "async/deadline.h"
#include "base/strings.h"

namespace slipway::kubelet {
namespace {

namespace json = boost::json;
constexpr auto kTokenTime = std::chrono::minutes(2);
constexpr auto kAllowedTime = std::chrono::minutes(5);
constexpr auto kRefusedTime = std::chrono::seconds(30);
constexpr auto kAskLimit = std::chrono::seconds(10);
constexpr size_t kMaxKept = 4096;

// Room for one more: what has run out goes first, then whatever comes.
template <typename Cache>
void makeRoom(Cache& cache, SteadyTime now) {
  if (cache.size() < kMaxKept) return;
  std::erase_if(cache, [&](const auto& entry) { return entry.second.until <= now; });
  while (cache.size() >= kMaxKept) cache.erase(cache.begin());
}

std::string bearerToken(const http::Request& request) {
  const auto [scheme, token] = splitOnce(request.headers.get("Authorization"), ' ');
  return equalsIgnoreCase(scheme, "Bearer") ? std::string(trim(token)) : "";
}

std::vector<std::string> strings(const json::array& values) {
  std::vector<std::string> out;
  for (const json::value& value : values) {
    if (value.is_string()) out.emplace_back(value.get_string());
  }
  return out;
}

json::array arrayOf(const std::vector<std::string>& values) {
  json::array out;
  for (const std::string& value : values) out.emplace_back(value);
  return out;
}

User userOf(const kube::Object& review) {
  User user;
  user.name = kube::text(review, {"status", "user", "username"});
  user.uid = kube::text(review, {"status", "user", "uid"});
  user.groups = strings(kube::items(review, {"status", "user", "groups"}));
  user.extra = kube::child(review, {"status", "user", "extra"});
  return user;
}

}  // namespace

Task<Result<User>> KubeAuthenticator::authenticate(const http::Request& request, const net::Peer& peer) {
  if (!peer.common_name.empty()) {
    User user{.name = peer.common_name, .groups = peer.organizations};
    user.groups.emplace_back("system:authenticated");
    co_return user;
  }
  const std::string token = bearerToken(request);
  if (token.empty()) co_return failure(Code::Unauthorized, "Unauthorized");
  // The token itself is not kept in memory.
  const std::string key = sha256Hex(token);
  const auto kept = tokens_.find(key);
  if (kept == tokens_.end() || kept->second.until <= clock_.steady()) {
    auto user = co_await review(token);
    if (!user && !user.error().is(Code::Unauthorized)) co_return failure(user.error());
    makeRoom(tokens_, clock_.steady());
    const auto time = user ? SteadyTime::duration(kTokenTime) : SteadyTime::duration(kRefusedTime);
    tokens_[key] = {user ? std::optional(*user) : std::nullopt, clock_.steady() + time};
    co_return user;
  }
  if (!kept->second.value) co_return failure(Code::Unauthorized, "Unauthorized");
  co_return *kept->second.value;
}

Task<Result<User>> KubeAuthenticator::review(std::string token) {
  kube::Object body{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenReview"}};
  kube::ensure(body, {"spec"})["token"] = token;
  const auto asked = co_await async::withDeadline(client_.create(kube::kTokenReviews, "", std::move(body)), kAskLimit,
                                                  "asking who the token belongs to");
  if (!asked) co_return failure(Code::ServiceUnavailable, asked.error().message);
  if (!kube::boolean(*asked, {"status", "authenticated"})) co_return failure(Code::Unauthorized, "Unauthorized");
  co_return userOf(*asked);
}

Task<Status> KubeAuthenticator::authorize(User user, Access access) {
  for (const std::string& subresource : access.subresources) {
    const auto allowed = co_await mayUse(user, access.verb, access.node, subresource);
    if (!allowed) co_return failure(allowed.error());
    if (*allowed) co_return Status();
  }
  co_return failure(Code::Forbidden, "Forbidden (user={}, verb={}, resource=nodes, subresource(s)=[{}])\n", user.name,
                    access.verb, fmt::join(access.subresources, " "));
}

Task<Result<bool>> KubeAuthenticator::mayUse(User user, std::string verb, std::string node, std::string subresource) {
  const std::string key = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", user.name, user.uid, fmt::join(user.groups, ","),
                                      json::serialize(user.extra), verb, node, subresource);
  const auto kept = permissions_.find(key);
  if (kept != permissions_.end() && kept->second.until > clock_.steady()) co_return kept->second.value;

  kube::Object body{{"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SubjectAccessReview"}};
  kube::Object& spec = kube::ensure(body, {"spec"});
  spec["user"] = user.name;
  if (!user.uid.empty()) spec["uid"] = user.uid;
  spec["groups"] = arrayOf(user.groups);
  if (!user.extra.empty()) spec["extra"] = user.extra;
  spec["resourceAttributes"] = json::object{
      {"verb", verb}, {"version", "v1"}, {"resource", "nodes"}, {"subresource", subresource}, {"name", node}};
  const auto asked = co_await async::withDeadline(client_.create(kube::kSubjectAccessReviews, "", std::move(body)),
                                                  kAskLimit, "asking whether " + user.name + " may do this");
  if (!asked) co_return failure(Code::ServiceUnavailable, asked.error().message);
  const bool allowed = kube::boolean(*asked, {"status", "allowed"});
  makeRoom(permissions_, clock_.steady());
  const auto time = allowed ? SteadyTime::duration(kAllowedTime) : SteadyTime::duration(kRefusedTime);
  permissions_[key] = {allowed, clock_.steady() + time};
  co_return allowed;
}

}  // namespace slipway::kubelet
