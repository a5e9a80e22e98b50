#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

void checkEndpoints(const Check& root) {
  std::string_view type = root.text("addressType");
  root.list("endpoints", [&](const Check& endpoint) {
    if (endpoint.count("addresses") == 0) endpoint.required("addresses", "must contain at least 1 address");
    endpoint.strings("addresses", [&](std::string_view address, size_t index) {
      std::string path = fmt::format("{}[{}]", endpoint.path("addresses"), index);
      if (type == "FQDN") {
        for (const std::string& problem : dnsSubdomain(address)) endpoint.invalidAt(path, address, problem);
        return;
      }
      if (isIp(address) && isIpv6(address) != (type == "IPv6")) {
        endpoint.invalidAt(endpoint.path("addresses"), address, fmt::format("must be an {} address", type));
      }
      checkEndpointIp(endpoint, path, address);
    });
    endpoint.format("nodeName", dnsSubdomain);
    endpoint.format("hostname", dnsLabel);
  });
}

void checkSlicePorts(const Check& root) {
  root.oneOf("addressType", {"FQDN", "IPv4", "IPv6"}, true);
  std::set<std::string_view> names;
  root.list("ports", [&](const Check& port) {
    std::string_view name = port.text("name");
    port.format("name", dnsLabel);
    if (!names.insert(name).second) port.duplicateAt(port.path("name"), name);
    port.oneOf("protocol", {"SCTP", "TCP", "UDP"}, true);
  });
}
void createEndpointSlice(const Check& root) {
  checkSlicePorts(root);
  checkEndpoints(root);
}
void updateEndpointSlice(const Check& root, const object& old) {
  checkSlicePorts(root);
  // What was taken once may stay.
  if (!json::equalIgnoringEmpty(root.value("endpoints"), old.if_contains("endpoints"))) checkEndpoints(root);
  checkImmutable(root, old, {"addressType"});
}

void checkBackend(const Check& backend) {
  Check service = backend.child("service");
  if (service.present() && backend.has("resource")) {
    backend.invalidAt(backend.path(), "", "cannot set both resource and service backends");
  } else if (service.present()) {
    if (service.text("name").empty()) {
      service.required("name");
    } else {
      service.format("name", dnsLabel);
    }
    Check port = service.child("port");
    bool named = !port.text("name").empty(), numbered = port.number("number").value_or(0) != 0;
    if (named && numbered) {
      backend.invalidAt(backend.path(), "", "cannot set both port name & port number");
    } else if (!named && !numbered) {
      backend.add(FieldError::Type::Required, backend.path(), "Required value: port name or number is required");
    } else if (named) {
      port.format("name", portName);
    } else {
      port.between("number", 1, 65535);
    }
  } else if (const Check resource = backend.child("resource"); resource.present()) {
    for (std::string_view key : {"kind", "name"}) {
      resource.needed(key);
      resource.format(key, pathSegment);
    }
  } else {
    backend.invalidAt(backend.path(), "", "resource or service backend is required");
  }
}

void createIngress(const Check& root) {
  Check spec = root.child("spec");
  if (spec.count("rules") == 0 && !spec.has("defaultBackend")) {
    root.invalidAt("spec", json::array(), "either `defaultBackend` or `rules` must be specified");
  }
  if (spec.child("defaultBackend").present()) {
    Check backend = spec.child("defaultBackend");
    checkBackend(backend);
  }
  spec.list("rules", [](const Check& rule) {
    std::string_view host = rule.text("host");
    if (isIp(host)) {
      rule.invalid("host", "must be a DNS name, not an IP address");
    } else if (!host.empty()) {
      rule.format("host", host.starts_with('*') ? wildcardSubdomain : dnsSubdomain);
    }
    Check http = rule.child("http");
    if (!http.present()) return;
    if (http.count("paths") == 0) http.required("paths");
    http.list("paths", [](const Check& path) {
      std::string_view type = path.text("pathType"), text = path.text("path");
      if (type.empty()) {
        path.required("pathType", "pathType must be specified");
      } else if (type == "Exact" || type == "Prefix") {
        if (!text.starts_with('/')) path.invalidAt(path.path("path"), text, "must be an absolute path");
        for (std::string_view bad : {"//", "/./", "/../", "%2f", "%2F"}) {
          if (text.find(bad) != std::string_view::npos) path.invalid("path", fmt::format("must not contain '{}'", bad));
        }
        for (std::string_view bad : {"/..", "/."}) {
          if (text.ends_with(bad)) path.invalid("path", fmt::format("cannot end with '{}'", bad));
        }
      } else if (type == "ImplementationSpecific") {
        if (!text.empty() && !text.starts_with('/')) path.invalid("path", "must be an absolute path");
      } else {
        path.notSupportedAt(path.path("pathType"), type, {"Exact", "ImplementationSpecific", "Prefix"});
      }
      Check backend = path.child("backend");
      checkBackend(backend);
    });
  });
  spec.list("tls", [](const Check& tls) {
    tls.strings("hosts", [&](std::string_view host, size_t index) {
      std::string path = fmt::format("{}[{}]", tls.path("hosts"), index);
      for (const std::string& problem : host.starts_with('*') ? wildcardSubdomain(host) : dnsSubdomain(host)) {
        tls.invalidAt(path, host, problem);
      }
    });
    tls.format("secretName", dnsSubdomain);
  });
  spec.format("ingressClassName", dnsSubdomain);
}

void statusOfIngress(const Check& root, const object&) {
  checkIngressStatus(root);
}

void checkPolicyPorts(const Check& rule) {
  rule.list("ports", [](const Check& port) {
    port.oneOf("protocol", {"TCP", "UDP", "SCTP"});
    const value* number = port.value("port");
    if (number != nullptr && number->is_string()) {
      for (const std::string& problem : portName(number->get_string())) port.invalid("port", problem);
      if (port.has("endPort")) port.invalid("endPort", "may not be specified when `port` is non-numeric");
    } else if (number != nullptr) {
      port.between("port", 1, 65535);
      if (std::optional<int64_t> end = port.number("endPort"); end && *end < port.number("port").value_or(0)) {
        port.invalidAt(port.path("endPort"), *number, "must be greater than or equal to `port`");
      }
    } else if (port.has("endPort")) {
      port.invalid("endPort", "may not be specified when `port` is not specified");
    }
  });
}

/// The first `bits` bits of two IPv4 addresses are the same.
bool within(std::string_view inner, std::string_view outer) {
  auto parse = [](std::string_view range) -> std::optional<std::pair<uint32_t, int64_t>> {
    auto [address, bits] = splitOnce(range, '/');
    uint32_t sum = 0;
    for (std::string_view part : split(address, '.'))
      sum = sum << 8 | static_cast<uint32_t>(parseInt(part).value_or(0));
    std::optional<int64_t> width = parseInt(bits);
    return width ? std::optional(std::pair(sum, *width)) : std::nullopt;
  };
  if (isIpv6(splitOnce(inner, '/').first)) return true;
  auto a = parse(inner), b = parse(outer);
  if (!a || !b || a->second <= b->second) return false;
  return b->second == 0 || (a->first ^ b->first) >> (32 - b->second) == 0;
}

void checkPeers(const Check& rule, std::string_view key) {
  rule.list(key, [](const Check& peer) {
    Check block = peer.child("ipBlock");
    int parts = (block.present() ? 1 : 0) + (peer.has("podSelector") ? 1 : 0) + (peer.has("namespaceSelector") ? 1 : 0);
    checkSelector(peer, "podSelector");
    checkSelector(peer, "namespaceSelector");
    if (parts == 0) peer.add(FieldError::Type::Required, peer.path(), "Required value: must specify a peer");
    if (!block.present()) return;
    if (parts > 1)
      peer.add(FieldError::Type::Forbidden, peer.path(), "Forbidden: may not specify both ipBlock and another peer");
    if (block.text("cidr").empty()) return block.required("cidr");
    Problems problems = cidr(block.text("cidr"));
    for (const std::string& problem : problems) block.invalid("cidr", problem);
    block.strings("except", [&](std::string_view range, size_t index) {
      std::string path = fmt::format("{}[{}]", block.path("except"), index);
      Problems wrong = cidr(range);
      for (const std::string& problem : wrong) block.invalidAt(path, range, problem);
      if (wrong.empty() && problems.empty() && !within(range, block.text("cidr"))) {
        block.invalidAt(path, range, "must be a strict subset of `cidr`");
      }
    });
  });
}

void createNetworkPolicy(const Check& root) {
  Check spec = root.child("spec");
  checkSelector(spec, "podSelector");
  spec.list("ingress", [](const Check& rule) {
    checkPolicyPorts(rule);
    checkPeers(rule, "from");
  });
  spec.list("egress", [](const Check& rule) {
    checkPolicyPorts(rule);
    checkPeers(rule, "to");
  });
  if (spec.count("policyTypes") > 2) return spec.invalid("policyTypes", "may not specify more than two policyTypes");
  spec.strings("policyTypes", [&](std::string_view type, size_t index) {
    if (type == "Ingress" || type == "Egress") return;
    spec.notSupportedAt(fmt::format("spec.policyTypes[{}]", index), type, {"Ingress", "Egress"});
  });
}

void createIngressClass(const Check& root) {
  const Check spec = root.child("spec");
  checkPrefixedPath(spec, "controller");
  const Check parameters = spec.child("parameters");
  if (!parameters.present()) return;
  parameters.format("apiGroup", dnsSubdomain);
  for (std::string_view key : {"kind", "name"}) {
    parameters.needed(key);
    parameters.format(key, pathSegment);
  }
  const std::string_view scope = parameters.text("scope");
  parameters.oneOf("scope", {"Cluster", "Namespace"}, true);
  if (scope == "Namespace" && !parameters.has("namespace")) {
    parameters.required("namespace", "`parameters.scope` is set to 'Namespace'");
  } else if (scope == "Namespace") {
    parameters.format("namespace", dnsLabel);
  } else if (scope == "Cluster" && parameters.has("namespace")) {
    parameters.forbidden("namespace", "`parameters.scope` is set to 'Cluster'");
  }
}
void updateIngressClass(const Check& root, const object& old) {
  checkImmutable(root, old, {"spec", "controller"});
}

void createIpAddress(const Check& root) {
  Check spec = root.child("spec");
  Check parent = spec.child("parentRef");
  if (!spec.has("parentRef")) return spec.required("parentRef");
  parent.needed("resource");
  parent.needed("name");
}

void createServiceCidr(const Check& root) {
  Check spec = root.child("spec");
  if (spec.count("cidrs") == 0) return spec.required("cidrs", "at least one CIDR required");
  size_t sixes = 0;
  spec.strings("cidrs", [&](std::string_view range, size_t index) {
    sixes += isIpv6(splitOnce(range, '/').first) ? 1 : 0;
    for (const std::string& problem : canonicalCidr(range)) {
      spec.invalidAt(fmt::format("spec.cidrs[{}]", index), range, problem);
    }
  });
  if (sixes > 1 || spec.count("cidrs") - sixes > 1) {
    spec.invalid("cidrs", "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64");
  }
}

constexpr std::array kNetworkRules = {
    KindRules{"EndpointSlice", createEndpointSlice, updateEndpointSlice, When::Alone},
    KindRules{"Ingress", createIngress, nullptr, When::After, statusOfIngress},
    KindRules{"IngressClass", createIngressClass, updateIngressClass, When::Before},
    KindRules{"NetworkPolicy", createNetworkPolicy},
    KindRules{"IPAddress", createIpAddress},
    KindRules{"ServiceCIDR", createServiceCidr},
};

}  // namespace

void checkIngressStatus(const Check& root) {
  const Check status = root.child("status");
  const Check balancer = status.child("loadBalancer");
  balancer.list("ingress", [](const Check& ingress) {
    ingress.format("ip", ipAddress);
    ingress.format("hostname", dnsSubdomain);
    if (isIp(ingress.text("hostname"))) ingress.invalid("hostname", "must be a DNS name, not an IP address");
  });
}

std::span<const KindRules> networkRules() {
  return kNetworkRules;
}

}  // namespace slipway::schema
