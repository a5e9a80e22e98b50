#include "base/strings.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

void checkRules(const Check& root, bool namespaced) {
  root.list("rules", [&](const Check& rule) {
    if (rule.count("verbs") == 0) rule.required("verbs", "verbs must contain at least one value");
    bool urls = rule.count("nonResourceURLs") > 0;
    if (urls) {
      if (namespaced) {
        rule.invalid("nonResourceURLs", "namespaced rules cannot apply to non-resource URLs");
      }
      if (rule.count("apiGroups") + rule.count("resources") + rule.count("resourceNames") > 0) {
        rule.invalid("nonResourceURLs", "rules cannot apply to both regular resources and non-resource URLs");
      }
      return;
    }
    if (rule.count("apiGroups") == 0) rule.required("apiGroups", "resource rules must supply at least one api group");
    if (rule.count("resources") == 0) rule.required("resources", "resource rules must supply at least one resource");
  });
}

void createRole(const Check& root) {
  checkRules(root, true);
}

void createClusterRole(const Check& root) {
  checkRules(root, false);
  Check aggregation = root.child("aggregationRule");
  if (!aggregation.present()) return;
  if (aggregation.count("clusterRoleSelectors") == 0) {
    aggregation.required("clusterRoleSelectors",
                         "at least one clusterRoleSelector required if aggregationRule is non-nil");
  }
}

void checkBinding(const Check& root, bool namespaced) {
  constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
  Check role = root.child("roleRef");
  if (role.text("apiGroup") != kGroup) role.notSupportedAt("roleRef.apiGroup", role.text("apiGroup"), {kGroup});
  std::string_view kind = role.text("kind");
  if (namespaced && kind != "Role" && kind != "ClusterRole") {
    role.notSupportedAt("roleRef.kind", kind, {"Role", "ClusterRole"});
  } else if (!namespaced && kind != "ClusterRole") {
    role.notSupportedAt("roleRef.kind", kind, {"ClusterRole"});
  }
  if (role.text("name").empty()) {
    role.required("name");
  } else {
    role.format("name", pathSegment);
  }
  root.list("subjects", [&](const Check& subject) {
    if (subject.text("name").empty()) subject.required("name");
    std::string_view subject_kind = subject.text("kind"), group = subject.text("apiGroup");
    if (subject_kind == "ServiceAccount") {
      subject.format("name", dnsSubdomain);
      if (!group.empty()) subject.notSupportedAt(subject.path("apiGroup"), group, {""});
      if (!namespaced && subject.text("namespace").empty()) subject.required("namespace");
    } else if (subject_kind == "User" || subject_kind == "Group") {
      if (group != kGroup) subject.notSupportedAt(subject.path("apiGroup"), group, {kGroup});
    } else {
      subject.notSupportedAt(subject.path("kind"), subject_kind, {"ServiceAccount", "User", "Group"});
    }
  });
}
void createRoleBinding(const Check& root) {
  checkBinding(root, true);
}
void createClusterRoleBinding(const Check& root) {
  checkBinding(root, false);
}

void updateBinding(const Check& root, const object& old) {
  auto shown = [](const object& document) {
    return object{{"APIGroup", json::text(document, {"roleRef", "apiGroup"})},
                  {"Kind", json::text(document, {"roleRef", "kind"})},
                  {"Name", json::text(document, {"roleRef", "name"})}};
  };
  if (shown(root.object()) != shown(old)) root.invalidAt("roleRef", shown(root.object()), "cannot change roleRef");
}

void createSigningRequest(const Check& root) {
  Check spec = root.child("spec");
  Result<std::string> pem = base64Decode(spec.text("request"));
  if (!pem || pem->find("-----BEGIN CERTIFICATE REQUEST-----") == std::string::npos) {
    spec.invalidAt("spec.request", spec.has("request") ? *spec.value("request") : value(),
                   "PEM block type must be CERTIFICATE REQUEST");
  }
  if (spec.count("usages") == 0) spec.required("usages");
  constexpr std::array kUsages = {"any",
                                  "cert sign",
                                  "client auth",
                                  "code signing",
                                  "content commitment",
                                  "crl sign",
                                  "data encipherment",
                                  "decipher only",
                                  "digital signature",
                                  "email protection",
                                  "encipher only",
                                  "ipsec end system",
                                  "ipsec tunnel",
                                  "ipsec user",
                                  "key agreement",
                                  "key encipherment",
                                  "microsoft sgc",
                                  "netscape sgc",
                                  "ocsp signing",
                                  "s/mime",
                                  "server auth",
                                  "signing",
                                  "timestamping"};
  std::set<std::string_view> seen;
  spec.strings("usages", [&](std::string_view usage, size_t index) {
    std::string path = fmt::format("spec.usages[{}]", index);
    if (std::ranges::find(kUsages, usage) == kUsages.end()) {
      std::vector<std::string> quoted;
      for (std::string_view one : kUsages) quoted.push_back(fmt::format("{:?}", one));
      spec.add(FieldError::Type::NotSupported, path,
               fmt::format("Unsupported value: {:?}: supported values: {}", usage, join(quoted, ", ")));
    } else if (!seen.insert(usage).second) {
      spec.duplicateAt(path, usage);
    }
  });
  std::string_view signer = spec.text("signerName");
  auto [domain, path] = splitOnce(signer, '/');
  if (signer.empty()) {
    spec.required("signerName");
  } else if (path.empty() || domain.find('.') == std::string_view::npos || !dnsSubdomain(domain).empty()) {
    spec.invalid("signerName", "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  }
  std::optional<int64_t> seconds = spec.number("expirationSeconds");
  if (seconds && *seconds < 600) {
    spec.invalid("expirationSeconds", "may not specify a duration less than 600 seconds (10 minutes)");
  }
}

void createLease(const Check& root) {
  Check spec = root.child("spec");
  std::optional<int64_t> duration = spec.number("leaseDurationSeconds");
  if (duration && *duration <= 0) spec.invalid("leaseDurationSeconds", "must be greater than 0");
  spec.atLeast("leaseTransitions", 0);
}

constexpr std::array kAccessRules = {
    KindRules{"Role", createRole},
    KindRules{"ClusterRole", createClusterRole},
    KindRules{"RoleBinding", createRoleBinding, updateBinding},
    KindRules{"ClusterRoleBinding", createClusterRoleBinding, updateBinding},
    KindRules{"CertificateSigningRequest", createSigningRequest},
    KindRules{"Lease", createLease},
};

}  // namespace

std::span<const KindRules> accessRules() {
  return kAccessRules;
}

}  // namespace slipway::schema
