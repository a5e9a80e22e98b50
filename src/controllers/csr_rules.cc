#include "controllers/csr_rules.h"

#include <algorithm>
#include <set>

#include "base/strings.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

constexpr std::string_view kNodePrefix = "system:node:";
constexpr std::string_view kNodesGroup = "system:nodes";
constexpr std::string_view kMasters = "system:masters";

std::vector<std::string> strings(const Object& object, std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  for (const auto& value : kube::items(object, path)) {
    if (value.is_string()) out.emplace_back(value.get_string());
  }
  return out;
}

bool has(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// Whether `usages` has `needed` and else nothing but the two ways in which a TLS key is used.
bool usagesFit(const std::vector<std::string>& usages, std::string_view needed) {
  return has(usages, needed) && std::all_of(usages.begin(), usages.end(), [&](const std::string& usage) {
           return usage == needed || usage == "digital signature" || usage == "key encipherment";
         });
}

Status checkNodeSubject(const pki::CertificateRequest& request) {
  if (!request.common_name.starts_with(kNodePrefix) || request.common_name.size() == kNodePrefix.size()) {
    return failure(Code::Invalid, "subject common name does not begin with \"{}\"", kNodePrefix);
  }
  if (request.organizations != std::vector<std::string>{std::string(kNodesGroup)}) {
    return failure(Code::Invalid, "subject organization is not {}", kNodesGroup);
  }
  if (!request.other_names.empty()) return failure(Code::Invalid, "email and URI names are not allowed");
  return {};
}

WallTime timeOf(const Object& object, std::initializer_list<std::string_view> path) {
  return parseTime(kube::text(object, path)).value_or(WallTime::max());
}

}  // namespace

Result<CsrFacts> CsrFacts::of(const Object& csr) {
  TRY(const std::string pem, base64Decode(kube::text(csr, {"spec", "request"})));
  TRY(pki::CertificateRequest request, pki::parseRequest(pem));
  std::vector<std::string> usages = strings(csr, {"spec", "usages"});
  std::sort(usages.begin(), usages.end());
  return CsrFacts{std::string(kube::text(csr, {"spec", "signerName"})),
                  std::string(kube::text(csr, {"spec", "username"})), strings(csr, {"spec", "groups"}),
                  std::move(usages), std::move(request)};
}

Status checkSignerRules(const CsrFacts& facts) {
  const pki::CertificateRequest& request = facts.request;
  const bool serving = facts.signer == kKubeletServingSigner;
  if (!usagesFit(facts.usages, serving ? "server auth" : "client auth")) {
    return failure(Code::Invalid, "usages must be {} auth, digital signature and key encipherment only",
                   serving ? "server" : "client");
  }
  if (facts.signer == kClientSigner) {
    if (has(request.organizations, kMasters)) {
      return failure(Code::Invalid, "use of the group {} in a signed certificate is not allowed", kMasters);
    }
    return {};
  }
  TRY_STATUS(checkNodeSubject(request));
  const bool named = !request.dns_names.empty() || !request.ips.empty();
  if (serving && !named) return failure(Code::Invalid, "at least one DNS name or IP address is required");
  if (!serving && named) return failure(Code::Invalid, "DNS names and IP addresses are not allowed");
  return {};
}

CsrVerdict judge(const CsrFacts& facts, const std::vector<std::string>& trusted) {
  const bool kubelet = facts.signer == kKubeletClientSigner || facts.signer == kKubeletServingSigner;
  if (!kubelet || !checkSignerRules(facts)) return CsrVerdict::LeaveToPeople;
  if (has(trusted, facts.user)) return CsrVerdict::Approve;
  const bool itself = facts.user == facts.request.common_name && has(facts.groups, kNodesGroup);
  if (facts.signer == kKubeletClientSigner) {
    return itself ? CsrVerdict::Approve : CsrVerdict::ApproveIfMayBeNodeClient;
  }
  return itself ? CsrVerdict::ApproveIfAddressesAreNodes : CsrVerdict::LeaveToPeople;
}

Status checkNodeAddresses(const CsrFacts& facts, const Object& node) {
  std::set<std::string> known;
  for (const auto& entry : kube::items(node, {"status", "addresses"})) {
    if (const auto* address = entry.if_object()) known.emplace(kube::text(*address, {"address"}));
  }
  for (const auto* wanted : {&facts.request.dns_names, &facts.request.ips}) {
    for (const std::string& name : *wanted) {
      if (!known.contains(name)) {
        return failure(Code::Forbidden, "node {} has no address {}", kube::name(node), name);
      }
    }
  }
  return {};
}

const Object* csrCondition(const Object& csr, std::string_view type) {
  for (const auto& entry : kube::items(csr, {"status", "conditions"})) {
    const auto* condition = entry.if_object();
    if (condition != nullptr && kube::text(*condition, {"type"}) == type) return condition;
  }
  return nullptr;
}

WallTime csrEnd(const Object& csr) {
  for (const char* type : {"Approved", "Denied", "Failed"}) {
    const Object* condition = csrCondition(csr, type);
    if (condition == nullptr) continue;
    const WallTime decided = timeOf(*condition, {"lastUpdateTime"});
    if (decided != WallTime::max()) return decided + 1h;
  }
  const WallTime made = timeOf(csr, {"metadata", "creationTimestamp"});
  return made == WallTime::max() ? made : made + 24h;
}

}  // namespace slipway::controllers
