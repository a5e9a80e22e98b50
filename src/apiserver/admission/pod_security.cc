#include "apiserver/admission/pod_security.h"

#include "apiserver/admission/plugins.h"
#include "apiserver/admission/pod_security_checks.h"
#include "apiserver/api/object_meta.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

using pod_security::Level;
using pod_security::LevelVersion;
using pod_security::Policy;
using pod_security::Violation;

bool isWorkload(std::string_view table) {
  constexpr std::string_view kTables[] = {
      "core/replicationcontrollers", "core/podtemplates", "apps/replicasets", "apps/deployments",
      "apps/statefulsets",           "apps/daemonsets",   "batch/jobs",       "batch/cronjobs"};
  return std::ranges::find(kTables, table) != std::end(kTables);
}

const json::object* templateOf(std::string_view table, const json::object& object) {
  if (table == "core/podtemplates") return json::findObject(object, {"template"});
  if (table == "batch/cronjobs") return json::findObject(object, {"spec", "jobTemplate", "spec", "template"});
  return json::findObject(object, {"spec", "template"});
}

/// What of a pod's containers can change and matters here: their images, by list and name.
std::map<std::string, std::string> imagesOf(const json::object& pod) {
  std::map<std::string, std::string> out;
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    const json::array* containers = json::findArray(pod, {"spec", list});
    for (size_t i = 0; containers != nullptr && i < containers->size(); ++i) {
      const json::object& one = (*containers)[i].as_object();
      out[fmt::format("{}/{}", list, json::text(one, {"name"}))] = json::text(one, {"image"});
    }
  }
  return out;
}

const json::object* namespaceLabels(const json::object& ns) {
  return json::findObject(ns, {"metadata", "labels"});
}

/// "[a, b]", or the only one as it is.
std::string allTexts(const std::vector<Cause>& causes) {
  std::vector<std::string> texts;
  for (const Cause& cause : causes) texts.push_back(fmt::format("{}: {}", cause.field, cause.message));
  return texts.size() == 1 ? texts.front() : fmt::format("[{}]", join(texts, ", "));
}

bool sameCauses(const std::vector<Cause>& a, const std::vector<Cause>& b) {
  return std::ranges::equal(a, b, [](const Cause& mine, const Cause& theirs) {
    return mine.field == theirs.field && mine.message == theirs.message;
  });
}

/// The Pod Security Standards: pods that their namespace's labels forbid are refused, warned of or noted. A namespace
/// without such labels is privileged, and that is all that its pods are asked.
class PodSecurity final : public Admission {
 public:
  PodSecurity(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  Task<Done> mutate(AdmissionRequest&) override { co_return Done(); }

  Task<Done> validate(const AdmissionRequest& request) override {
    const std::string& table = request.kind->table;
    const bool is_write = request.operation == "CREATE" || request.operation == "UPDATE";
    if (!is_write || request.object == nullptr || request.is_body) co_return Done();
    if (table == "core/pods") co_return checkPod(request);
    if (!request.subresource.empty()) co_return Done();
    if (table == "core/namespaces") {
      Done done = co_await checkNamespace(request);
      co_return done;
    }
    if (isWorkload(table)) checkWorkload(request);
    co_return Done();
  }

 private:
  /// Nothing where nobody asked for anything, as in most namespaces: reading them can wait until the word occurs.
  std::optional<Policy> policyOf(const std::string& ns, std::vector<Cause>& problems) const {
    const StoredPtr stored = store_.table("core/namespaces").find(ns);
    if (!stored || stored->bytes.find(pod_security::kLabelPrefix) == std::string::npos) return std::nullopt;
    const json::value document = json::parse(stored->bytes);
    return pod_security::readPolicy(namespaceLabels(document.as_object()), problems);
  }

  Done checkPod(const AdmissionRequest& request) const {
    if (!request.subresource.empty() && request.subresource != "ephemeralcontainers") return {};
    std::vector<Cause> problems;
    const std::optional<Policy> policy = policyOf(request.ns, problems);
    if (!policy || (problems.empty() && policy->isPrivileged())) return {};
    if (request.old != nullptr && imagesOf(*request.object) == imagesOf(*request.old)) return {};
    const std::vector<Violation> enforced = pod_security::violationsOf(policy->enforce, *request.object);
    note(request, "enforce-policy", policy->enforce.str());
    auditAndWarn(request, *policy, problems, *request.object, enforced.empty());
    if (enforced.empty()) return {};
    return failure(refuse::forbidden(
        request.kind->resource(), request.name,
        fmt::format("violates PodSecurity \"{}\": {}", policy->enforce.str(), pod_security::describe(enforced))));
  }

  /// The pods will be refused when they come; whoever writes their template hears of it.
  void checkWorkload(const AdmissionRequest& request) const {
    std::vector<Cause> problems;
    const std::optional<Policy> policy = policyOf(request.ns, problems);
    if (!policy) return;
    const bool silent = policy->warn.level == Level::Privileged && policy->audit.level == Level::Privileged;
    if (problems.empty() && silent) return;
    const json::object* pod = templateOf(request.kind->table, *request.object);
    if (pod != nullptr) auditAndWarn(request, *policy, problems, *pod, true);
  }

  static void auditAndWarn(const AdmissionRequest& request, const Policy& policy, const std::vector<Cause>& problems,
                           const json::object& pod, bool warn) {
    if (!problems.empty()) note(request, "error", "Failed to parse policy: " + allTexts(problems));
    if (const std::string words = wouldViolate(policy.audit, pod); !words.empty())
      note(request, "audit-violations", words);
    if (!warn || request.warnings == nullptr) return;
    if (std::string words = wouldViolate(policy.warn, pod); !words.empty())
      request.warnings->push_back(std::move(words));
  }

  static std::string wouldViolate(const LevelVersion& standard, const json::object& pod) {
    const std::vector<Violation> violations = pod_security::violationsOf(standard, pod);
    if (violations.empty()) return "";
    return fmt::format("would violate PodSecurity \"{}\": {}", standard.str(), pod_security::describe(violations));
  }

  static void note(const AdmissionRequest& request, std::string_view key, std::string text) {
    if (request.annotations == nullptr) return;
    (*request.annotations)[fmt::format("{}{}", pod_security::kLabelPrefix, key)] = std::move(text);
  }

  Task<Done> checkNamespace(const AdmissionRequest& request) const {
    std::vector<Cause> problems, old_problems;
    const Policy policy = pod_security::readPolicy(namespaceLabels(*request.object), problems);
    const bool is_new = request.old == nullptr;
    const Policy before = is_new ? Policy() : pod_security::readPolicy(namespaceLabels(*request.old), old_problems);
    // Nonsense from before the rule may stay as it is.
    if (!problems.empty() && (is_new || !sameCauses(problems, old_problems)))
      co_return failure(refuse::invalid(request.kind->qualifiedKind(), request.name, problems));
    if (is_new || request.warnings == nullptr || !isStricter(policy.enforce, before.enforce)) co_return Done();
    std::vector<std::string> warnings =
        co_await pod_security::warningsOfPods(store_, clock_, request.name, policy.enforce);
    std::ranges::move(warnings, std::back_inserter(*request.warnings));
    co_return Done();
  }

  /// Another version may be stricter at the same level or below.
  static bool isStricter(const LevelVersion& now, const LevelVersion& before) {
    if (now == before || now.level == Level::Privileged) return false;
    return now.minor != before.minor || now.level > before.level;
  }

  Store& store_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Admission> podSecurity(Store& store, const Clock& clock) {
  return std::make_unique<PodSecurity>(store, clock);
}

}  // namespace slipway::apiserver
