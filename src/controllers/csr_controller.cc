#include "controllers/csr_controller.h"

#include "base/log.h"
#include "base/strings.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

/// The clocks of those who check a certificate may be behind.
constexpr auto kBackdate = 5min;
constexpr auto kShortest = 10min;

bool isOurs(const Object& csr) {
  const std::string_view signer = kube::text(csr, {"spec", "signerName"});
  return signer == kClientSigner || signer == kKubeletClientSigner || signer == kKubeletServingSigner;
}

void addCondition(Object& csr, Object condition) {
  kube::json::value& conditions = kube::ensure(csr, {"status"})["conditions"];
  if (!conditions.is_array()) conditions = kube::json::array();
  conditions.get_array().push_back(std::move(condition));
}

/// As the server's own review of the user who asked.
Object nodeClientReview(const Object& csr) {
  Object spec{{"user", kube::text(csr, {"spec", "username"})},
              {"resourceAttributes",
               {{"group", "certificates.k8s.io"},
                {"resource", "certificatesigningrequests"},
                {"verb", "create"},
                {"subresource", "nodeclient"},
                {"version", "*"}}}};
  for (const char* field : {"groups", "uid", "extra"}) {
    if (const auto* value = kube::find(csr, {"spec", field})) spec[field] = *value;
  }
  return {{"spec", std::move(spec)}};
}

}  // namespace

CsrController::CsrController(Executor executor, kube::Client& client, Random& random, const Clock& clock,
                             CsrOptions options)
    : executor_(executor),
      client_(client),
      clock_(clock),
      options_(std::move(options)),
      requests_(client, kube::kCertificateSigningRequests, {}, random),
      loop_("certificate signing requests", executor, random,
            [this](std::string name) { return reconcile(std::move(name)); }, {.workers = 2}) {
  loop_.addFrom(requests_);
}

Task<void> CsrController::run() {
  co_await runTogether(executor_, tasksOf(task("certificate signing requests", requests_.run()),
                                          task("certificate signing loop", loop_.run({&requests_}))));
}

Task<Result<Outcome>> CsrController::reconcile(std::string name) {
  const kube::ObjectPtr csr = requests_.get(name);
  if (csr == nullptr) co_return Outcome::done();
  if (csrEnd(*csr) <= clock_.now()) {
    kube::DeleteOptions options;
    options.uid = std::string(kube::uid(*csr));
    const auto removed = co_await client_.remove(kube::kCertificateSigningRequests, "", name, std::move(options));
    if (!removed && !removed.error().is(Code::NotFound)) co_return failure(removed.error());
    co_return Outcome::done();
  }
  const bool settled = csrCondition(*csr, "Denied") != nullptr || csrCondition(*csr, "Failed") != nullptr ||
                       !kube::text(*csr, {"status", "certificate"}).empty();
  if (settled || !isOurs(*csr)) co_return waitForEnd(*csr);
  if (csrCondition(*csr, "Approved") != nullptr) co_return co_await sign(csr);
  co_return co_await decide(csr);
}

Outcome CsrController::waitForEnd(const Object& csr) const {
  const WallTime end = csrEnd(csr);
  return end == WallTime::max() ? Outcome::done() : Outcome::after(end - clock_.now());
}

Task<Result<Outcome>> CsrController::decide(kube::ObjectPtr csr) {
  const Result<CsrFacts> facts = CsrFacts::of(*csr);
  if (!facts) co_return waitForEnd(*csr);
  switch (judge(*facts, options_.trusted)) {
    case CsrVerdict::LeaveToPeople:
      co_return waitForEnd(*csr);
    case CsrVerdict::Approve:
      co_return co_await approve(csr, "Auto approving the kubelet certificate of its own node.");
    case CsrVerdict::ApproveIfMayBeNodeClient: {
      CO_TRY(const bool allowed, co_await mayBeNodeClient(csr));
      if (!allowed) co_return waitForEnd(*csr);
      co_return co_await approve(csr, "Auto approving kubelet client certificate after SubjectAccessReview.");
    }
    case CsrVerdict::ApproveIfAddressesAreNodes: {
      CO_TRY(const bool own, co_await addressesAreNodes(*facts));
      // The node may still be about to report its addresses.
      if (!own) co_return Outcome::retry();
      co_return co_await approve(csr, "Auto approving kubelet serving certificate for addresses of its node.");
    }
  }
  co_return Outcome::done();
}

Task<Result<bool>> CsrController::mayBeNodeClient(kube::ObjectPtr csr) {
  const auto review = co_await client_.create(kube::kSubjectAccessReviews, "", nodeClientReview(*csr));
  if (!review) co_return failure(review.error());
  co_return kube::boolean(*review, {"status", "allowed"});
}

Task<Result<bool>> CsrController::addressesAreNodes(CsrFacts facts) {
  const std::string node = facts.user.substr(std::string_view("system:node:").size());
  const auto live = co_await client_.get(kube::kNodes, "", node);
  if (!live && live.error().is(Code::NotFound)) co_return false;
  if (!live) co_return failure(live.error());
  co_return checkNodeAddresses(facts, *live).has_value();
}

Task<Result<Outcome>> CsrController::approve(kube::ObjectPtr csr, std::string message) {
  Object approved = *csr;
  addCondition(approved, condition("Approved", "AutoApproved", message));
  Result<Object> written = co_await client_.update(kube::kCertificateSigningRequests, std::move(approved), "approval");
  if (!written && written.error().is(Code::NotFound)) co_return Outcome::done();
  if (!written) co_return failure(written.error());
  log::info("certificate signing request {} of {}: approved", kube::name(*csr), kube::text(*csr, {"spec", "username"}));
  requests_.observe(std::move(*written));
  co_return Outcome::done();
}

Task<Result<Outcome>> CsrController::sign(kube::ObjectPtr csr) {
  if (options_.ca.key.empty()) co_return waitForEnd(*csr);
  Object signed_csr = *csr;
  const Result<std::string> certificate = issue(*csr);
  if (certificate) {
    kube::ensure(signed_csr, {"status"})["certificate"] = base64Encode(*certificate);
  } else {
    log::warn("certificate signing request {}: {}", kube::name(*csr), certificate.error().message);
    addCondition(signed_csr, condition("Failed", "SignerValidationFailure", certificate.error().message));
  }
  const auto written = co_await client_.update(kube::kCertificateSigningRequests, std::move(signed_csr), "status");
  if (!written && written.error().is(Code::NotFound)) co_return Outcome::done();
  if (!written) co_return failure(written.error());
  co_return waitForEnd(*csr);
}

Result<std::string> CsrController::issue(const Object& csr) const {
  TRY(const CsrFacts facts, CsrFacts::of(csr));
  TRY_STATUS(checkSignerRules(facts));
  std::chrono::seconds lifetime = options_.longest;
  if (const int64_t asked = kube::integer(csr, {"spec", "expirationSeconds"}); asked > 0) {
    lifetime = std::min<std::chrono::seconds>(lifetime,
                                              std::max<std::chrono::seconds>(kShortest, std::chrono::seconds(asked)));
  }
  TRY(const pki::Certificate ca, pki::parseCertificate(options_.ca.certificate));
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(ca.not_after - clock_.now());
  pki::CertificateTemplate rules;
  rules.server_usage = facts.signer == kKubeletServingSigner;
  rules.client_usage = !rules.server_usage;
  rules.not_before = clock_.now() - kBackdate;
  rules.lifetime = std::min(lifetime, left) + kBackdate;
  TRY(const std::string pem, base64Decode(kube::text(csr, {"spec", "request"})));
  return pki::signRequest(options_.ca, pem, rules);
}

Object CsrController::condition(std::string_view type, std::string_view reason, std::string message) const {
  const std::string now = formatTime(clock_.now());
  return {{"type", type},       {"status", "True"},      {"reason", reason},
          {"message", message}, {"lastUpdateTime", now}, {"lastTransitionTime", now}};
}

}  // namespace slipway::controllers
