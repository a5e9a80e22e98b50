#include "apiserver/admission/plugins.h"
#include "apiserver/admission/webhook_caller.h"
#include "apiserver/api/convert.h"
#include "apiserver/api/object_meta.h"
#include "async/task_group.h"
#include "base/log.h"
#include "json/compare.h"
#include "json/document.h"
#include "json/patch.h"

namespace slipway::apiserver {
namespace {

constexpr const char* kMutating = "admissionregistration.k8s.io/mutatingwebhookconfigurations";
constexpr const char* kValidating = "admissionregistration.k8s.io/validatingwebhookconfigurations";

/// Nobody can lock themselves out: configurations of webhooks are never shown to webhooks, nor is the server's own
/// housekeeping.
bool isExempt(const AdmissionRequest& request) {
  return request.kind->group == "admissionregistration.k8s.io" || request.user.name == kApiServerUser;
}

/// The refusal of a webhook with the code and the words that it gave.
StatusError denial(const Webhook& hook, const json::object& status) {
  const std::string_view message = json::text(status, {"message"}), reason = json::text(status, {"reason"});
  const auto code = static_cast<int>(json::findInt(status, {"code"}).value_or(0));
  StatusError error;
  error.code = code < 400 || code > 599 ? 400 : code;
  error.reason = reason;
  error.message = fmt::format("admission webhook \"{}\" denied the request", hook.name);
  if (!message.empty() || !reason.empty()) {
    error.message += fmt::format(": {}", message.empty() ? reason : message);
  } else {
    error.message += " without explanation";
  }
  if (const json::object* details = json::findObject(status, {"details"})) error.details = *details;
  return error;
}

StatusError unansweredBy(const Webhook& hook, const Error& error) {
  return refuse::internal(fmt::format("failed calling webhook \"{}\": {}", hook.name, error.message));
}

/// What a verdict says beside yes and no.
void takeNotes(const AdmissionRequest& request, const Webhook& hook, WebhookVerdict& verdict) {
  if (request.warnings != nullptr)
    std::move(verdict.warnings.begin(), verdict.warnings.end(), std::back_inserter(*request.warnings));
  if (request.annotations == nullptr) return;
  for (auto& [key, value] : verdict.audit_annotations)
    (*request.annotations)[fmt::format("{}/{}", hook.name, key)] = std::move(value);
}

class WebhookAdmission : public Admission {
 public:
  WebhookAdmission(Registry& registry, Random& random, std::string table)
      : registry_(registry), caller_(registry, random), hooks_(registry.store(), std::move(table)) {}

 protected:
  struct Match {
    WebhookPtr hook;
    KindPtr as;
  };
  std::vector<Match> matching(const AdmissionRequest& request) {
    std::vector<Match> out;
    if (isExempt(request)) return out;
    for (const WebhookPtr& hook : hooks_.all()) {
      if (KindPtr as = matchWebhook(*hook, request, registry_.kinds(), registry_.store())) out.push_back({hook, as});
    }
    return out;
  }
  static Done checkDryRun(const Webhook& hook, const AdmissionRequest& request) {
    if (!request.dry_run || hook.safe_in_dry_run) return {};
    return failure(refuse::badRequest(fmt::format("admission webhook \"{}\" does not support dry run", hook.name)));
  }
  /// Nothing when the webhook did not answer and may be ignored.
  Task<Answer<std::optional<WebhookVerdict>>> ask(Match match, const AdmissionRequest& request) {
    CO_TRY_STATUS(checkDryRun(*match.hook, request));
    Result<WebhookVerdict> verdict = co_await caller_.ask(match.hook, match.as, request);
    if (!verdict && match.hook->ignores_failure) {
      log::warn("webhook {}: {}, ignored by its failurePolicy", match.hook->name, verdict.error().message);
      co_return std::optional<WebhookVerdict>();
    }
    if (!verdict) co_return failure(unansweredBy(*match.hook, verdict.error()));
    takeNotes(request, *match.hook, *verdict);
    if (!verdict->allowed) co_return failure(denial(*match.hook, verdict->status));
    co_return std::optional<WebhookVerdict>(std::move(*verdict));
  }

  Registry& registry_;
  WebhookCaller caller_;
  WebhookList hooks_;
};

class MutatingWebhooks final : public WebhookAdmission {
 public:
  MutatingWebhooks(Registry& registry, Random& random) : WebhookAdmission(registry, random, kMutating) {}

  Task<Done> mutate(AdmissionRequest& request) override {
    size_t last_change = 0;
    const std::vector<Match> matches = matching(request);
    for (size_t i = 0; i < matches.size(); ++i) {
      Answer<bool> changed = co_await one(matches[i], request);
      if (!changed) co_return failure(std::move(changed.error()));
      if (*changed) last_change = i;
    }
    // Who was asked before the last change may want to see it, once.
    for (size_t i = 0; i < last_change; ++i) {
      if (!matches[i].hook->reinvoked) continue;
      Answer<bool> changed = co_await one(matches[i], request);
      if (!changed) co_return failure(std::move(changed.error()));
    }
    co_return Done();
  }
  Task<Done> validate(const AdmissionRequest&) override { co_return Done(); }

 private:
  /// Whether it changed the object.
  Task<Answer<bool>> one(Match match, AdmissionRequest& request) {
    CO_TRY(std::optional<WebhookVerdict> verdict, co_await ask(match, request));
    if (!verdict || verdict->json_patch.is_null() || request.object == nullptr) co_return false;
    const Kind& kind = *request.kind;
    const bool converted = match.as != request.kind && !request.is_body;
    json::object seen = *request.object;
    if (converted) {
      toStored(kind, seen);
      toServed(*match.as, seen);
    }
    Result<json::value> patched = json::applyPatch(json::value(std::move(seen)), verdict->json_patch);
    if (!patched || !patched->is_object()) {
      co_return failure(
          refuse::internal(fmt::format("admission webhook \"{}\": its patch cannot be applied: {}", match.hook->name,
                                       patched ? std::string("the object is gone") : patched.error().message)));
    }
    json::object after = std::move(patched->get_object());
    if (converted) {
      toStored(*match.as, after);
      toServed(kind, after);
    }
    if (!request.is_body) {
      CO_TRY(const std::vector<std::string> unknown, kind.rules->normalise(after));
      (void)unknown;
      kind.rules->setDefaults(after);
    }
    const bool changed = !json::equal(json::value(after), json::value(*request.object));
    *request.object = std::move(after);
    co_return changed;
  }
};

class ValidatingWebhooks final : public WebhookAdmission {
 public:
  ValidatingWebhooks(Registry& registry, Random& random) : WebhookAdmission(registry, random, kValidating) {}

  Task<Done> mutate(AdmissionRequest&) override { co_return Done(); }
  /// All are asked at once; the first refusal in their order counts.
  Task<Done> validate(const AdmissionRequest& request) override {
    const std::vector<Match> matches = matching(request);
    if (matches.empty()) co_return Done();
    std::vector<Done> outcomes(matches.size());
    async::TaskGroup group(co_await async::thisExecutor());
    for (size_t i = 0; i < matches.size(); ++i) group.spawn("webhook", note(matches[i], &request, &outcomes[i]));
    co_await group.join();
    for (Done& outcome : outcomes) {
      if (!outcome) co_return std::move(outcome);
    }
    co_return Done();
  }

 private:
  Task<void> note(Match match, const AdmissionRequest* request, Done* outcome) {
    Answer<std::optional<WebhookVerdict>> answer = co_await ask(std::move(match), *request);
    if (!answer) *outcome = failure(std::move(answer.error()));
  }
};

}  // namespace

std::unique_ptr<Admission> mutatingWebhooks(Registry& registry, Random& random) {
  return std::make_unique<MutatingWebhooks>(registry, random);
}

std::unique_ptr<Admission> validatingWebhooks(Registry& registry, Random& random) {
  return std::make_unique<ValidatingWebhooks>(registry, random);
}

}  // namespace slipway::apiserver
