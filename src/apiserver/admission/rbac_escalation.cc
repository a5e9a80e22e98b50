#include <set>

#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/auth/authorizer.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

/// Nobody gives away rights that they do not have: roles may hold, and bindings may refer to, only what their author
/// may do, unless the author has the verb "escalate" or "bind".
class RbacEscalation final : public PlainAdmission {
 public:
  explicit RbacEscalation(Authorizer& authorizer) : authorizer_(authorizer) {}

 protected:
  Done check(const AdmissionRequest& request) override {
    if (request.kind->group != kGroup || request.operation == "DELETE" || request.user.in(kMasters)) return {};
    const bool binding = request.kind->plural == "rolebindings" || request.kind->plural == "clusterrolebindings";
    return binding ? checkBinding(request) : checkRole(request);
  }

 private:
  bool may(const AdmissionRequest& request, const std::string& verb, const std::string& resource,
           const std::string& name) const {
    Attributes what;
    what.verb = verb;
    what.group = kGroup;
    what.version = "v1";
    what.resource = resource;
    what.ns = request.ns;
    what.name = name;
    return authorizer_.authorize(request.user, what).allowed;
  }

  Done refuseMissing(const AdmissionRequest& request, const std::vector<PolicyRule>& wanted) const {
    const std::vector<PolicyRule> missing = notCovered(authorizer_.rbac().rulesFor(request.user, request.ns), wanted);
    if (missing.empty()) return {};
    std::string text = fmt::format(
        "user \"{}\" (groups={}) is attempting to grant RBAC permissions not currently held:", request.user.name,
        json::serialize(json::array(request.user.groups.begin(), request.user.groups.end())));
    for (const std::string& line : lines(missing)) text += "\n" + line;
    return failure(refuse::forbidden(request.kind->resource(), request.name, text));
  }

  /// One line for each resource, in order.
  static std::set<std::string> lines(const std::vector<PolicyRule>& missing) {
    std::vector<PolicyRule> compact;
    for (const PolicyRule& rule : missing) {
      const auto same = std::ranges::find_if(compact, [&](const PolicyRule& one) {
        return one.groups == rule.groups && one.resources == rule.resources && one.names == rule.names &&
               one.paths == rule.paths;
      });
      if (same == compact.end()) {
        compact.push_back(rule);
      } else {
        same->verbs.insert(same->verbs.end(), rule.verbs.begin(), rule.verbs.end());
      }
    }
    std::set<std::string> out;
    for (const PolicyRule& rule : compact) out.insert(describe(rule));
    return out;
  }

  /// A role that collects rules will hold whatever others write: only who may do everything may make one.
  Done checkAggregation(const AdmissionRequest& request) const {
    const json::value* wanted = request.object->if_contains("aggregationRule");
    if (wanted == nullptr || wanted->is_null()) return {};
    const json::value* before = request.old == nullptr ? nullptr : request.old->if_contains("aggregationRule");
    if (before != nullptr && *before == *wanted) return {};
    const std::vector<PolicyRule> everything{{{"*"}, {"*"}, {"*"}, {}, {}}, {{"*"}, {}, {}, {}, {"*"}}};
    if (notCovered(authorizer_.rbac().rulesFor(request.user, ""), everything).empty()) return {};
    return failure(refuse::forbidden(request.kind->resource(), request.name,
                                     "must have cluster-admin privileges to use the aggregationRule"));
  }

  Done checkRole(const AdmissionRequest& request) const {
    if (may(request, "escalate", request.kind->plural, request.name)) return {};
    TRY_STATUS(checkAggregation(request));
    const std::vector<PolicyRule> wanted = readRules(*request.object);
    // Who changes nothing about the rules needs no right to them.
    if (request.old != nullptr && notCovered(readRules(*request.old), wanted).empty()) return {};
    return refuseMissing(request, wanted);
  }

  Done checkBinding(const AdmissionRequest& request) const {
    const std::string kind(json::text(*request.object, {"roleRef", "kind"}));
    const std::string name(json::text(*request.object, {"roleRef", "name"}));
    if (may(request, "bind", kind == "ClusterRole" ? "clusterroles" : "roles", name)) return {};
    const auto rules = authorizer_.rbac().rulesOf(kind, name, request.ns);
    if (!rules) return failure(refuse::notFound(request.kind->resource(), name));
    return refuseMissing(request, *rules);
  }

  Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<Admission> rbacEscalation(Authorizer& authorizer) {
  return std::make_unique<RbacEscalation>(authorizer);
}

}  // namespace slipway::apiserver
