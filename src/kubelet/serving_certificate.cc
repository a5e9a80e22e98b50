#include "kubelet/serving_certificate.h"

#include "async/event.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/tcp.h"
#include "pki/request.h"

namespace slipway::kubelet {
namespace {

constexpr std::string_view kSigner = "kubernetes.io/kubelet-serving";
constexpr std::string_view kSubject = "system:node:slipway-kubelet-api";
constexpr auto kLookSeldom = std::chrono::minutes(1);

std::string_view conditionMessage(const kube::Object& request, std::string_view type) {
  for (const auto& item : kube::items(request, {"status", "conditions"})) {
    if (!item.is_object() || kube::text(item.get_object(), {"type"}) != type) continue;
    const std::string_view message = kube::text(item.get_object(), {"message"});
    return message.empty() ? "without a message" : message;
  }
  return {};
}

}  // namespace

Task<void> ServingCertificate::run() {
  async::Backoff backoff({.initial = std::chrono::seconds(2), .max = std::chrono::minutes(5)}, random_);
  while (true) {
    const Result<std::chrono::nanoseconds> next = co_await obtain();
    if (next) {
      backoff.reset();
      co_await async::sleepFor(*next);
      continue;
    }
    log::warn("kubelet API certificate: {}; the one in use stays", next.error().message);
    const std::chrono::nanoseconds wait = next.error().is(Code::Forbidden) ? options_.ask_again : backoff.next();
    co_await async::sleepFor(wait);
  }
}

/// One certificate, asked for and put to use; how long until the next is due.
Task<Result<std::chrono::nanoseconds>> ServingCertificate::obtain() {
  CO_TRY(const pki::PrivateKey key, pki::PrivateKey::generate(pki::KeyType::EcP256));
  pki::CertificateTemplate wanted;
  wanted.common_name = kSubject;
  wanted.organizations = {"system:nodes"};
  const bool is_ip = net::HostPort{options_.address, 0}.isIp();
  (is_ip ? wanted.ips : wanted.dns_names).push_back(options_.address);
  CO_TRY(std::string request, pki::createRequest(wanted, key));
  CO_TRY(std::string name, co_await ask(std::move(request)));
  CO_TRY(const std::string certificate, co_await waitSigned(std::move(name)));
  CO_TRY(const pki::Certificate parsed, pki::parseCertificate(certificate));
  CO_TRY_STATUS(use_(certificate, key.pem()));
  const WallTime now = clock_.now();
  log::info("kubelet API: certificate of {} until {}", kSigner, formatTime(parsed.not_after));
  const auto life = parsed.not_after - now;
  co_return std::max<std::chrono::nanoseconds>(life * 8 / 10, std::chrono::seconds(10));
}

Task<Result<std::string>> ServingCertificate::ask(std::string request) {
  const std::string name = "slipway-kubelet-serving-" + random_.suffix(8);
  kube::Object object{{"apiVersion", "certificates.k8s.io/v1"},
                      {"kind", "CertificateSigningRequest"},
                      {"metadata", {{"name", name}}},
                      {"spec",
                       {{"request", base64Encode(request)},
                        {"signerName", kSigner},
                        {"usages", kube::json::array{"digital signature", "key encipherment", "server auth"}}}}};
  Result<kube::Object> made = co_await client_.create(kube::kCertificateSigningRequests, "", std::move(object));
  if (!made && made.error().is(Code::Forbidden)) {
    co_return failure(made.error().wrap("ask for it (see deploy/kustomize/rbac.yaml for the rights)"));
  }
  if (!made) co_return failure(made.error());
  if (options_.approve) {
    const Status approved = co_await approve(std::move(*made));
    if (!approved) log::warn("kubelet API certificate: {}", approved.error().message);
  } else {
    log::info("kubelet API: waiting for {} to be approved (kubectl certificate approve {})", name, name);
  }
  co_return name;
}

Task<Status> ServingCertificate::approve(kube::Object request) {
  kube::Object condition{{"type", "Approved"},
                         {"status", "True"},
                         {"reason", "SlipwayKubeletServing"},
                         {"message", "the controller's own request"}};
  kube::ensure(request, {"status"})["conditions"] = kube::json::array{std::move(condition)};
  const Result<kube::Object> done =
      co_await client_.update(kube::kCertificateSigningRequests, std::move(request), "approval");
  if (!done)
    co_return failure(done.error().wrap("approve (see deploy/kustomize/kubelet-certificate.yaml for the right)"));
  co_return Status();
}

Task<Result<std::string>> ServingCertificate::waitSigned(std::string name) {
  std::chrono::nanoseconds wait = options_.look_every;
  while (true) {
    co_await async::sleepFor(wait);
    const Result<kube::Object> now = co_await client_.get(kube::kCertificateSigningRequests, "", name);
    if (!now && now.error().is(Code::NotFound))
      co_return failure(Code::NotFound, "request {} is gone: asked anew", name);
    if (now) {
      const std::string_view denied = conditionMessage(*now, "Denied");
      if (!denied.empty()) co_return failure(Code::Forbidden, "request {} was denied: {}", name, denied);
      const std::string_view failed = conditionMessage(*now, "Failed");
      if (!failed.empty()) co_return failure(Code::Forbidden, "request {} was not signed: {}", name, failed);
      const std::string_view certificate = kube::text(*now, {"status", "certificate"});
      if (!certificate.empty()) co_return base64Decode(certificate);
    }
    // Somebody's approval may take days; an API server that does not answer is asked no more often.
    wait = std::min<std::chrono::nanoseconds>(wait * 5 / 4,
                                              std::max<std::chrono::nanoseconds>(kLookSeldom, options_.look_every));
  }
}

}  // namespace slipway::kubelet
