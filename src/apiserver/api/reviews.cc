#include "apiserver/api/object_meta.h"
#include "apiserver/api/subresources.h"

namespace slipway::apiserver {
namespace {

std::vector<std::string> strings(const json::object& from, std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  if (const json::array* list = json::findArray(from, path)) {
    for (const json::value& entry : *list) {
      if (entry.is_string()) out.emplace_back(entry.get_string());
    }
  }
  return out;
}

json::array list(const std::vector<std::string>& values) {
  return json::array(values.begin(), values.end());
}

json::object userInfo(const User& user) {
  json::object out{{"username", user.name}};
  if (!user.uid.empty()) out["uid"] = user.uid;
  if (!user.groups.empty()) out["groups"] = list(user.groups);
  if (user.extra.empty()) return out;
  json::object extra;
  for (const auto& [key, values] : user.extra) extra[key] = list(values);
  out["extra"] = std::move(extra);
  return out;
}

User userOf(const json::object& spec) {
  User user;
  user.name = json::text(spec, {"user"});
  user.uid = json::text(spec, {"uid"});
  user.groups = strings(spec, {"groups"});
  if (const json::object* extra = json::findObject(spec, {"extra"})) {
    for (const auto& [key, value] : *extra) user.extra[key] = strings(*extra, {key});
  }
  return user;
}

Attributes attributesOf(const json::object& spec) {
  Attributes what;
  if (const json::object* resource = json::findObject(spec, {"resourceAttributes"})) {
    what.verb = json::text(*resource, {"verb"});
    what.group = json::text(*resource, {"group"});
    what.version = json::text(*resource, {"version"});
    what.resource = json::text(*resource, {"resource"});
    what.subresource = json::text(*resource, {"subresource"});
    what.ns = json::text(*resource, {"namespace"});
    what.name = json::text(*resource, {"name"});
    return what;
  }
  what.is_resource = false;
  what.verb = json::text(spec, {"nonResourceAttributes", "verb"});
  what.path = json::text(spec, {"nonResourceAttributes", "path"});
  return what;
}

/// The review that came, with what the server says of it.
Reply reviewed(const Call& call, json::object review, json::object status) {
  json::object out{{"kind", call.kind->kind}, {"apiVersion", call.kind->apiVersion()}};
  json::removeKey(review, "status");
  if (const Answer<WriteOptions> options = readWriteOptions(call); options && call.kind->rules->normalise(review)) {
    call.kind->rules->noteOwner(nullptr, review, {options->manager, call.kind->apiVersion(), "", call.now});
  }
  out["metadata"] = meta::of(review);
  if (json::value* spec = review.if_contains("spec")) out["spec"] = std::move(*spec);
  out["status"] = std::move(status);
  return Reply::json(out, 201);
}

StatusError exactlyOne(const Call& call) {
  return refuse::invalid(
      {"", call.kind->group}, "",
      {{"FieldValueInvalid",
        "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
        "spec.resourceAttributes"}});
}

StatusError notBoth(const Call& call, const json::object& spec) {
  const json::object shown{{"Path", json::text(spec, {"nonResourceAttributes", "path"})},
                           {"Verb", json::text(spec, {"nonResourceAttributes", "verb"})}};
  return refuse::invalid({"", call.kind->group}, "",
                         {{"FieldValueInvalid",
                           fmt::format("Invalid value: {}: cannot be specified in combination with resourceAttributes",
                                       json::serialize(shown)),
                           "spec.nonResourceAttributes"}});
}

Task<Answer<Reply>> reviewAccess(Call* call, Authorizer* authorizer, bool self) {
  CO_TRY(json::object review, readBody(*call));
  json::object& spec = json::ensureObject(review, "spec");
  const bool resource = json::findObject(spec, {"resourceAttributes"}) != nullptr;
  const bool path = json::findObject(spec, {"nonResourceAttributes"}) != nullptr;
  if (resource && path) co_return failure(notBoth(*call, spec));
  if (!resource && !path) co_return failure(exactlyOne(*call));
  User user = self ? call->user : userOf(spec);
  if (!self && user.name.empty() && user.groups.empty()) {
    co_return failure(refuse::invalid(
        {"", call->kind->group}, "",
        {{"FieldValueInvalid", "Invalid value: \"\": at least one of user or group must be specified", "spec.user"}}));
  }
  const Attributes what = attributesOf(spec);
  if (call->kind->namespaced && (path || what.ns != call->info.ns)) {
    co_return failure(refuse::invalid(
        {"", call->kind->group}, "",
        {{"FieldValueInvalid", fmt::format("Invalid value: \"{}\": must match metadata.namespace", what.ns),
          "spec.resourceAttributes.namespace"}}));
  }
  const Decision decision = authorizer->authorize(user, what);
  json::object status{{"allowed", decision.allowed}};
  if (!decision.reason.empty()) status["reason"] = decision.reason;
  co_return reviewed(*call, std::move(review), std::move(status));
}

Task<Answer<Reply>> reviewRules(Call* call, Authorizer* authorizer) {
  CO_TRY(json::object review, readBody(*call));
  const std::string ns(json::text(review, {"spec", "namespace"}));
  if (ns.empty()) co_return failure(refuse::badRequest("no namespace on request"));
  std::vector<PolicyRule> resources;
  std::vector<PolicyRule> paths;
  std::vector<PolicyRule> all = authorizer->rbac().rulesFor(call->user, ns);
  for (PolicyRule& rule : all) (rule.paths.empty() ? resources : paths).push_back(std::move(rule));
  json::object status{
      {"resourceRules", writeRules(resources)}, {"nonResourceRules", writeRules(paths)}, {"incomplete", false}};
  // Of this review only the answer comes back.
  co_return Reply::json(json::object{{"kind", call->kind->kind},
                                     {"apiVersion", call->kind->apiVersion()},
                                     {"metadata", json::object()},
                                     {"spec", json::object()},
                                     {"status", std::move(status)}},
                        201);
}

Task<Answer<Reply>> reviewToken(Call* call, Authenticator* authenticator) {
  CO_TRY(json::object review, readBody(*call));
  const std::string token(json::text(review, {"spec", "token"}));
  if (token.empty()) co_return failure(refuse::badRequest("token is required for TokenReview in authentication"));
  const std::vector<std::string> audiences = strings(review, {"spec", "audiences"});
  const Result<TokenOwner> owner = authenticator->authenticateToken(token, audiences);
  json::object status;
  if (owner) {
    status["authenticated"] = true;
    status["user"] = userInfo(owner->user);
    if (!owner->audiences.empty()) status["audiences"] = list(owner->audiences);
  } else {
    status["user"] = json::object();
    status["error"] = fmt::format("[invalid bearer token, {}]", owner.error().message);
  }
  co_return reviewed(*call, std::move(review), std::move(status));
}

Task<Answer<Reply>> reviewSelf(Call* call) {
  CO_TRY(json::object review, readBody(*call));
  json::object status{{"userInfo", userInfo(call->user)}};
  meta::of(review)["creationTimestamp"] = formatTime(call->now);
  co_return reviewed(*call, std::move(review), std::move(status));
}

}  // namespace

void addReviews(Api& api, Authenticator& authenticator, Authorizer& authorizer) {
  Authorizer* judge = &authorizer;
  const std::string group = "authorization.k8s.io/";
  api.onResource(group + "subjectaccessreviews", [judge](Call& call) { return reviewAccess(&call, judge, false); });
  api.onResource(group + "localsubjectaccessreviews",
                 [judge](Call& call) { return reviewAccess(&call, judge, false); });
  api.onResource(group + "selfsubjectaccessreviews", [judge](Call& call) { return reviewAccess(&call, judge, true); });
  api.onResource(group + "selfsubjectrulesreviews", [judge](Call& call) { return reviewRules(&call, judge); });
  api.onResource("authentication.k8s.io/tokenreviews",
                 [raw = &authenticator](Call& call) { return reviewToken(&call, raw); });
  api.onResource("authentication.k8s.io/selfsubjectreviews", [](Call& call) { return reviewSelf(&call); });
}

}  // namespace slipway::apiserver
