#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::schema {

// Each rule gives what is wrong with a text, in the words of Kubernetes; nothing if it is fine.

using Problems = std::vector<std::string>;

Problems dnsLabel(std::string_view text);      ///< RFC 1123 label
Problems dnsSubdomain(std::string_view text);  ///< RFC 1123 subdomain
Problems dnsSubdomainUnderscore(std::string_view text);
Problems wildcardSubdomain(std::string_view text);
Problems dns1035Label(std::string_view text);
Problems qualifiedName(std::string_view text);  ///< a label's key
Problems annotationKey(std::string_view text);  ///< the same whatever the case
Problems labelValue(std::string_view text);
Problems pathSegment(std::string_view text);  ///< RBAC's names
Problems envVarName(std::string_view text);
Problems configMapKey(std::string_view text);
Problems httpHeaderName(std::string_view text);
Problems portName(std::string_view text);
Problems percent(std::string_view text);  ///< "25%", at most 100
Problems ipAddress(std::string_view text);
Problems canonicalIp(std::string_view text);  ///< as it is written in one way only: an IPAddress's name
Problems canonicalCidr(std::string_view text);
Problems cidr(std::string_view text);
Problems relativePath(std::string_view text);  ///< no "..", not absolute
Problems noBacksteps(std::string_view text);
Problems cronSchedule(std::string_view text);  ///< five fields, or "@hourly" and the like
Problems anything(std::string_view text);

bool isIp(std::string_view text);
bool isIpv6(std::string_view text);

}  // namespace slipway::schema
