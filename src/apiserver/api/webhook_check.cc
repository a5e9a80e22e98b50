#include "apiserver/api/webhook_check.h"

#include <set>

#include "base/strings.h"
#include "json/document.h"
#include "schema/field_error.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::apiserver {
namespace {

using schema::Check;
using Type = schema::FieldError::Type;

void checkUrl(const Check& client) {
  const std::string_view url = client.text("url");
  const std::string field = client.path("url");
  const size_t colon = url.find("://");
  constexpr std::string_view kForm = "desired format: https://host[/path]";
  const std::string_view scheme = colon == std::string_view::npos ? std::string_view() : url.substr(0, colon);
  if (scheme != "https")
    return client.invalidAt(field, scheme, fmt::format("'https' is the only allowed URL scheme; {}", kForm));
  std::string_view rest = url.substr(colon + 3);
  const auto [before_fragment, fragment] = splitOnce(rest, '#');
  const auto [before_query, query] = splitOnce(before_fragment, '?');
  const std::string_view authority = before_query.substr(0, before_query.find('/'));
  const size_t at = authority.find('@');
  if (authority.empty()) client.invalidAt(field, "", fmt::format("host must be specified; {}", kForm));
  if (at != std::string_view::npos)
    client.invalidAt(field, authority.substr(0, at), "user information is not permitted in the URL");
  if (!fragment.empty()) client.invalidAt(field, fragment, "fragments are not permitted in the URL");
  if (!query.empty()) client.invalidAt(field, query, "query parameters are not permitted in the URL");
}

void checkService(const Check& service) {
  for (const char* key : {"name", "namespace"}) {
    if (service.text(key).empty()) service.required(key);
  }
  const std::optional<int64_t> port = service.number("port");
  if (port && (*port < 1 || *port > 65535))
    service.invalid("port", "port is not valid: must be between 1 and 65535, inclusive");
  const std::string_view path = service.text("path");
  if (path.empty() || path == "/") return;
  if (!path.starts_with('/')) service.invalid("path", "must start with a '/'");
  if (path.size() == 1) return service.invalid("path", "segment[0] may not be empty");
  const std::vector<std::string_view> segments = split(path.substr(1), '/');
  for (size_t i = 0; i + 1 < segments.size() || (i < segments.size() && segments[i].empty() && i == 0); ++i) {
    if (segments[i].empty()) service.invalid("path", fmt::format("segment[{}] may not be empty", i));
  }
}

/// A list that may hold '*' alone.
void checkStars(const Check& rule, const char* key, const char* others) {
  if (rule.count(key) == 0) return rule.required(key);
  bool star = false;
  rule.strings(key, [&](std::string_view text, size_t) { star = star || text == "*"; });
  if (star && rule.count(key) > 1)
    rule.invalid(key, fmt::format("if '*' is present, must not specify other {}", others));
}

void checkResources(const Check& rule) {
  if (rule.count("resources") == 0) return rule.required("resources");
  bool all = false, plain_star = false, other_plain = false;
  rule.strings("resources", [&](std::string_view text, size_t index) {
    const std::string field = fmt::format("{}[{}]", rule.path("resources"), index);
    if (text.empty()) rule.add(Type::Required, field, "Required value");
    all = all || text == "*/*";
    plain_star = plain_star || text == "*";
    other_plain = other_plain || (text != "*" && text.find('/') == std::string_view::npos);
  });
  if (all && rule.count("resources") > 1)
    rule.invalid("resources", "if '*/*' is present, must not specify other resources");
  if (plain_star && other_plain)
    rule.invalid("resources", "if '*' is present, must not specify other resources without subresources");
}

void checkRule(const Check& rule) {
  checkStars(rule, "operations", "operations");
  rule.strings("operations", [&](std::string_view text, size_t index) {
    constexpr std::string_view kKnown[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"};
    if (std::find(std::begin(kKnown), std::end(kKnown), text) != std::end(kKnown)) return;
    rule.notSupportedAt(fmt::format("{}[{}]", rule.path("operations"), index), text,
                        {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"});
  });
  checkStars(rule, "apiGroups", "API groups");
  checkStars(rule, "apiVersions", "API versions");
  checkResources(rule);
  rule.oneOf("scope", {"*", "Cluster", "Namespaced"});
}

void checkReviewVersions(const Check& hook) {
  constexpr const char* kKey = "admissionReviewVersions";
  if (hook.count(kKey) == 0) return hook.required(kKey, "must specify one of v1, v1beta1");
  std::set<std::string, std::less<>> seen;
  bool known = false;
  hook.strings(kKey, [&](std::string_view version, size_t index) {
    if (!seen.emplace(version).second)
      hook.invalidAt(fmt::format("{}[{}]", hook.path(kKey), index), version, "duplicate version");
    known = known || version == "v1" || version == "v1beta1";
  });
  if (!known) hook.invalid(kKey, "must include at least one of v1, v1beta1");
}

void checkWebhook(const Check& hook, std::set<std::string, std::less<>>& names) {
  const std::string_view name = hook.text("name");
  if (name.empty()) {
    hook.required("name");
  } else {
    hook.format("name", schema::dnsSubdomain);
    if (split(name, '.').size() < 3)
      hook.invalid("name", "should be a domain with at least three segments separated by dots");
    if (!names.emplace(name).second) hook.duplicateAt(hook.path("name"), name);
  }
  checkReviewVersions(hook);
  hook.list("rules", checkRule);
  hook.oneOf("failurePolicy", {"Fail", "Ignore"});
  hook.oneOf("matchPolicy", {"Equivalent", "Exact"});
  hook.oneOf("reinvocationPolicy", {"IfNeeded", "Never"});
  if (hook.text("sideEffects").empty()) {
    hook.required("sideEffects", "must specify one of None, NoneOnDryRun");
  } else {
    hook.oneOf("sideEffects", {"None", "NoneOnDryRun"});
  }
  const std::optional<int64_t> timeout = hook.number("timeoutSeconds");
  if (timeout && (*timeout < 1 || *timeout > 30))
    hook.invalid("timeoutSeconds", "the timeout value must be between 1 and 30 seconds");
  for (const char* selector : {"namespaceSelector", "objectSelector"}) schema::checkSelector(hook, selector);
  const Check client = hook.child("clientConfig");
  if (client.has("url") == client.has("service"))
    hook.required("clientConfig", "exactly one of url or service is required");
  else if (client.has("url"))
    checkUrl(client);
  else
    checkService(client.child("service"));
  if (hook.count("matchConditions") > 0)
    hook.forbidden("matchConditions", "match conditions, written in CEL, are not supported by this server yet");
}

}  // namespace

std::vector<Cause> checkWebhooks(const json::object& configuration) {
  schema::FieldErrors errors;
  const Check root(errors, configuration);
  std::set<std::string, std::less<>> names;
  root.list("webhooks", [&](const Check& hook) { checkWebhook(hook, names); });
  std::vector<Cause> causes;
  for (const schema::FieldError& error : errors)
    causes.push_back({std::string(error.reason()), error.detail, error.field});
  return causes;
}

}  // namespace slipway::apiserver
