#include "apiserver/admission/webhook.h"

#include "apiserver/api/object_meta.h"
#include "json/document.h"
#include "schema/validation_kinds.h"

namespace slipway::apiserver {
namespace {

json::object objectAt(const json::object& from, std::string_view key) {
  const json::object* found = json::findObject(from, {key});
  return found == nullptr ? json::object() : *found;
}

Webhook readWebhook(std::string configuration, const json::object& from) {
  Webhook hook;
  hook.configuration = std::move(configuration);
  hook.name = json::text(from, {"name"});
  hook.client = objectAt(from, "clientConfig");
  if (const json::array* rules = json::findArray(from, {"rules"})) hook.rules = *rules;
  hook.ignores_failure = json::text(from, {"failurePolicy"}) == "Ignore";
  hook.exact = json::text(from, {"matchPolicy"}) == "Exact";
  hook.reinvoked = json::text(from, {"reinvocationPolicy"}) == "IfNeeded";
  const std::string_view effects = json::text(from, {"sideEffects"});
  hook.safe_in_dry_run = effects == "None" || effects == "NoneOnDryRun";
  hook.timeout = std::chrono::seconds(json::findInt(from, {"timeoutSeconds"}).value_or(10));
  const json::array* versions = json::findArray(from, {"admissionReviewVersions"});
  for (size_t i = 0; versions != nullptr && i < versions->size(); ++i) {
    const json::value& version = (*versions)[i];
    if (hook.review_version.empty() && (version == "v1" || version == "v1beta1"))
      hook.review_version = version.as_string();
  }
  hook.namespace_selector = objectAt(from, "namespaceSelector");
  hook.object_selector = objectAt(from, "objectSelector");
  return hook;
}

bool holds(const json::object& rule, std::string_view key, std::string_view wanted) {
  const json::array* list = json::findArray(rule, {key});
  if (list == nullptr) return false;
  return std::any_of(list->begin(), list->end(), [&](const json::value& one) {
    const std::string_view text = one.is_string() ? std::string_view(one.get_string()) : std::string_view();
    return text == "*" || text == wanted;
  });
}

/// "pods", "pods/status", "pods/*", "*", "*/status" and "*/*".
bool coversResource(const json::object& rule, std::string_view plural, std::string_view subresource) {
  const json::array* list = json::findArray(rule, {"resources"});
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::string_view text = (*list)[i].as_string();
    const size_t slash = text.find('/');
    const std::string_view resource = text.substr(0, slash);
    const std::string_view sub = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
    if (resource != "*" && resource != plural) continue;
    if (sub == subresource || sub == "*") return true;
  }
  return false;
}

bool coversScope(const json::object& rule, const Kind& kind) {
  const std::string_view scope = json::text(rule, {"scope"});
  if (scope.empty() || scope == "*") return true;
  return (scope == "Namespaced") == kind.namespaced;
}

bool covers(const Webhook& hook, const AdmissionRequest& request, const Kind& kind) {
  return std::any_of(hook.rules.begin(), hook.rules.end(), [&](const json::value& entry) {
    const json::object& rule = entry.as_object();
    return holds(rule, "operations", request.operation) && holds(rule, "apiGroups", kind.group) &&
           holds(rule, "apiVersions", kind.version) && coversResource(rule, kind.plural, request.subresource) &&
           coversScope(rule, kind);
  });
}

/// An empty selector selects everything.
bool selects(const json::object& selector, const json::object* labels) {
  const json::object* exact = json::findObject(selector, {"matchLabels"});
  const json::array* expressions = json::findArray(selector, {"matchExpressions"});
  if ((exact == nullptr || exact->empty()) && (expressions == nullptr || expressions->empty())) return true;
  return schema::selectorMatches(selector, labels);
}

const json::object* labelsOf(const json::object* object) {
  return object == nullptr ? nullptr : json::findObject(*object, {"metadata", "labels"});
}

bool namespaceFits(const Webhook& hook, const AdmissionRequest& request, Store& store) {
  if (hook.namespace_selector.empty()) return true;
  if (request.kind->table == "core/namespaces")
    return selects(hook.namespace_selector, labelsOf(request.object == nullptr ? request.old : request.object));
  if (!request.kind->namespaced) return true;
  const StoredPtr stored = store.table("core/namespaces").find(request.ns);
  if (!stored) return false;
  const json::value ns = json::parse(stored->bytes);
  return selects(hook.namespace_selector, labelsOf(&ns.as_object()));
}

bool objectFits(const Webhook& hook, const AdmissionRequest& request) {
  if (hook.object_selector.empty()) return true;
  const bool now = request.object != nullptr && selects(hook.object_selector, labelsOf(request.object));
  return now || (request.old != nullptr && selects(hook.object_selector, labelsOf(request.old)));
}

}  // namespace

const std::vector<WebhookPtr>& WebhookList::all() {
  std::vector<StoredPtr> now;
  for (const auto& [name, stored] : store_.table(table_).objects()) now.push_back(stored);
  if (now == seen_) return hooks_;
  hooks_.clear();
  for (const StoredPtr& stored : now) {
    const json::value document = json::parse(stored->bytes);
    const json::array* hooks = json::findArray(document.as_object(), {"webhooks"});
    for (size_t i = 0; hooks != nullptr && i < hooks->size(); ++i)
      hooks_.push_back(std::make_shared<const Webhook>(readWebhook(stored->key, (*hooks)[i].as_object())));
  }
  seen_ = std::move(now);
  return hooks_;
}

KindPtr matchWebhook(const Webhook& hook, const AdmissionRequest& request, const Kinds& kinds, Store& store) {
  KindPtr asked;
  if (covers(hook, request, *request.kind)) {
    asked = request.kind;
  } else if (!hook.exact) {
    for (const KindPtr& other : kinds.all()) {
      if (other->table == request.kind->table && covers(hook, request, *other)) asked = other;
    }
  }
  if (!asked || !objectFits(hook, request) || !namespaceFits(hook, request, store)) return nullptr;
  return asked;
}

}  // namespace slipway::apiserver
