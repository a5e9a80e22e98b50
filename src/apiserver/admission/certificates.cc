#include <algorithm>

#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "base/strings.h"
#include "json/compare.h"
#include "pki/request.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kRequests = "certificates.k8s.io/certificatesigningrequests";

/// Who may write a signing request may not yet approve or sign it: that takes the verb "approve" or "sign" on the
/// request's signer. And nobody gets a certificate of the administrators' group in this way.
class Certificates final : public PlainAdmission {
 public:
  explicit Certificates(Authorizer& authorizer) : authorizer_(authorizer) {}

 protected:
  Done check(const AdmissionRequest& request) override {
    if (request.kind->table != kRequests) return {};
    if (request.operation == "CREATE" && request.subresource.empty()) return checkSubject(request);
    if (request.operation != "UPDATE") return {};
    if (request.subresource == "approval") return checkSigner(request, "approve");
    if (request.subresource != "status" || sameStatus(request)) return {};
    return checkSigner(request, "sign");
  }

 private:
  static bool sameStatus(const AdmissionRequest& request) {
    return std::ranges::all_of(std::initializer_list<std::string_view>{"certificate", "conditions"},
                               [&](std::string_view field) {
                                 return json::equalIgnoringEmpty(json::find(*request.object, {"status", field}),
                                                                 json::find(*request.old, {"status", field}));
                               });
  }

  bool may(const User& user, const char* verb, std::string name) const {
    Attributes what;
    what.verb = verb;
    what.group = "certificates.k8s.io";
    what.version = "*";
    what.resource = "signers";
    what.name = std::move(name);
    return authorizer_.authorize(user, what).allowed;
  }

  Done checkSigner(const AdmissionRequest& request, const char* verb) const {
    const std::string signer(json::text(*request.old, {"spec", "signerName"}));
    const std::string domain(splitOnce(signer, '/').first);
    if (may(request.user, verb, signer) || may(request.user, verb, domain + "/*")) return {};
    return failure(
        refuse::forbidden(request.kind->resource(), request.name,
                          fmt::format("user not permitted to {} requests with signerName {:?}", verb, signer)));
  }

  static Done checkSubject(const AdmissionRequest& request) {
    constexpr std::string_view kSigner = "kubernetes.io/kube-apiserver-client";
    if (json::text(*request.object, {"spec", "signerName"}) != kSigner) return {};
    const auto refused = [&](std::string why) {
      return failure(refuse::forbidden(request.kind->resource(), request.name, std::move(why)));
    };
    const Result<std::string> pem = base64Decode(json::text(*request.object, {"spec", "request"}));
    const Result<pki::CertificateRequest> wanted = pki::parseRequest(pem.value_or(""));
    if (!wanted) return refused("failed to parse CSR: " + wanted.error().message);
    if (std::ranges::find(wanted->organizations, kMasters) == wanted->organizations.end()) return {};
    return refused(fmt::format("use of {} signer with {} group is not allowed", kSigner, kMasters));
  }

  Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<Admission> certificatesAdmission(Authorizer& authorizer) {
  return std::make_unique<Certificates>(authorizer);
}

}  // namespace slipway::apiserver
