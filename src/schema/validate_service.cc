#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

void checkServicePorts(const Check& spec, bool headless) {
  std::string_view type = spec.text("type");
  size_t count = spec.count("ports");
  if (count == 0 && !headless && type != "ExternalName") spec.required("ports");
  std::set<std::string_view> names;
  spec.list("ports", [&](const Check& port) {
    std::string_view name = port.text("name");
    if (name.empty() && count > 1) port.required("name");
    Problems problems = name.empty() ? Problems() : dnsLabel(name);
    for (const std::string& problem : problems) port.invalid("name", problem);
    if (!name.empty() && problems.empty() && !names.insert(name).second) port.duplicateAt(port.path("name"), name);
    port.between("port", 1, 65535);
    port.oneOf("protocol", {"SCTP", "TCP", "UDP"}, true);
    const value* target = port.value("targetPort");
    if (target != nullptr && target->is_string()) {
      for (const std::string& problem : portName(target->get_string())) port.invalid("targetPort", problem);
    } else {
      port.between("targetPort", 1, 65535);
    }
    port.format("appProtocol", qualifiedName);
  });
}

/// What is told of ports after the type: numbers that stand twice.
void checkPortNumbers(const Check& spec) {
  const bool inner = spec.text("type") == "ClusterIP";
  spec.list("ports", [&](const Check& port) {
    if (inner && port.number("nodePort").value_or(0) != 0) {
      port.forbidden("nodePort", "may not be used when `type` is 'ClusterIP'");
    }
  });
  std::set<std::pair<std::string_view, int64_t>> outside, numbers;
  spec.list("ports", [&](const Check& port) {
    const int64_t number = port.number("nodePort").value_or(0);
    if (number != 0 && !outside.emplace(port.text("protocol"), number).second) {
      port.duplicateAt(port.path("nodePort"), number);
    }
  });
  spec.list("ports", [&](const Check& port) {
    const int64_t number = port.number("port").value_or(0);
    if (numbers.emplace(port.text("protocol"), number).second) return;
    port.duplicateAt(port.path(), object{{"Name", ""},
                                         {"Protocol", port.text("protocol")},
                                         {"AppProtocol", nullptr},
                                         {"Port", number},
                                         {"TargetPort", 0},
                                         {"NodePort", 0}});
  });
}

void checkAddresses(const Check& spec) {
  std::set<std::string_view> families;
  spec.strings("ipFamilies", [&](std::string_view family, size_t index) {
    const std::string path = fmt::format("spec.ipFamilies[{}]", index);
    if (family != "IPv4" && family != "IPv6") spec.notSupportedAt(path, family, {"IPv4", "IPv6"});
    if (!families.insert(family).second) spec.duplicateAt(path, family);
  });
  spec.oneOf("ipFamilyPolicy", {"PreferDualStack", "RequireDualStack", "SingleStack"});
  const bool several = spec.count("ipFamilies") > 1 || spec.count("clusterIPs") > 1;
  if (several && spec.text("ipFamilyPolicy") == "SingleStack") {
    spec.invalid("ipFamilyPolicy",
                 "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
  }
  const std::string_view ip = spec.text("clusterIP");
  if (!ip.empty() && ip != "None" && spec.text("type") != "ExternalName") {
    for (const std::string& problem : ipAddress(ip)) spec.invalidAt("spec.clusterIPs[0]", ip, problem);
  }
  spec.strings("externalIPs", [&](std::string_view external, size_t index) {
    checkEndpointIp(spec, fmt::format("spec.externalIPs[{}]", index), external);
  });
}

void checkBalancer(const Check& spec) {
  const bool balancer = spec.text("type") == "LoadBalancer";
  constexpr std::string_view kOnly = "may only be used when `type` is 'LoadBalancer'";
  if (!balancer && spec.count("loadBalancerSourceRanges") > 0) spec.forbidden("LoadBalancerSourceRanges", kOnly);
  spec.strings("loadBalancerSourceRanges", [&](std::string_view range, size_t index) {
    for (const std::string& problem : canonicalCidr(trim(range))) {
      spec.invalidAt(fmt::format("spec.LoadBalancerSourceRanges[{}]", index), trim(range), problem);
    }
  });
  if (!balancer && spec.has("allocateLoadBalancerNodePorts")) spec.forbidden("allocateLoadBalancerNodePorts", kOnly);
  if (balancer) {
    spec.format("loadBalancerClass", qualifiedName);
  } else if (spec.has("loadBalancerClass")) {
    spec.forbidden("loadBalancerClass", kOnly);
  }
}

void checkTraffic(const Check& spec) {
  const std::string_view type = spec.text("type");
  const bool outside =
      type == "NodePort" || type == "LoadBalancer" || (type == "ClusterIP" && spec.count("externalIPs") > 0);
  if (spec.has("externalTrafficPolicy") && !outside) {
    spec.invalid("externalTrafficPolicy", "may only be set for externally-accessible services");
  } else {
    spec.oneOf("externalTrafficPolicy", {"Cluster", "Local"});
  }
  const bool health = type == "LoadBalancer" && spec.text("externalTrafficPolicy") == "Local";
  if (!health && spec.number("healthCheckNodePort").value_or(0) != 0) {
    spec.invalid("healthCheckNodePort",
                 "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  }
  spec.oneOf("internalTrafficPolicy", {"Cluster", "Local"});
  spec.oneOf("trafficDistribution", {"PreferClose", "PreferSameZone", "PreferSameNode"});
}

void createService(const Check& root) {
  Check spec = root.child("spec");
  std::string_view type = spec.text("type"), ip = spec.text("clusterIP");
  bool headless = ip == "None";
  if (type == "LoadBalancer" && headless) {
    root.invalidAt("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services");
  }
  if (type == "NodePort" && headless) {
    root.invalidAt("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services");
  }
  if (type == "ExternalName") {
    if (!ip.empty()) spec.forbidden("clusterIPs", "may not be set for ExternalName services");
    std::string_view name = spec.text("externalName");
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty()) {
      spec.required("externalName");
    } else {
      for (const std::string& problem : dnsSubdomain(name)) spec.invalid("externalName", problem);
    }
  }
  checkServicePorts(spec, headless);
  checkLabels(spec, "selector");
  spec.oneOf("sessionAffinity", {"ClientIP", "None"}, true);
  if (spec.text("sessionAffinity") == "ClientIP") {
    const Check affinity_config = spec.child("sessionAffinityConfig");
    Check client = affinity_config.child("clientIP");
    std::optional<int64_t> seconds = client.number("timeoutSeconds");
    if (seconds && (*seconds <= 0 || *seconds > 86400)) {
      client.invalid("timeoutSeconds", "must be greater than 0 and less than 86400");
    }
  }
  checkAddresses(spec);
  spec.oneOf("type", {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"}, true);
  checkPortNumbers(spec);
  checkBalancer(spec);
  checkTraffic(spec);
}
void updateService(const Check& root, const object& old) {
  Check spec = root.child("spec");
  std::string_view before = json::text(old, {"spec", "clusterIP"}), now = spec.text("clusterIP");
  std::string_view old_type = json::text(old, {"spec", "type"}), type = spec.text("type");
  if (!before.empty() && !now.empty() && before != now && old_type != "ExternalName" && type != "ExternalName") {
    root.invalidAt("spec.clusterIPs[0]", json::array{value(now)}, "may not change once set");
  }
  if (type == "LoadBalancer" && old_type == type) {
    checkImmutable(root, old, {"spec", "loadBalancerClass"}, "may not change once set");
  }
}

void statusOfService(const Check& root, const object&) {
  const std::string_view type = root.child("spec").text("type");
  const value* ingress = json::find(root.object(), {"status", "loadBalancer", "ingress"});
  if (type == "LoadBalancer") return checkIngressStatus(root);
  if (ingress == nullptr || json::isEmpty(*ingress)) return;
  root.add(FieldError::Type::Forbidden, "status.loadBalancer.ingress",
           "Forbidden: may only be used when `spec.type` is 'LoadBalancer'");
}

void checkAddress(const Check& address) {
  const std::string path = address.path("ip");
  const std::string_view ip = address.text("ip");
  for (const std::string& problem : ipAddress(ip)) address.invalidAt(path, ip, problem);
  address.format("hostname", dnsLabel);
  address.format("nodeName", dnsSubdomain);
  if (isIp(ip)) {
    checkEndpointIp(address, path, ip);
  } else {
    address.invalidAt(path, ip, "must be a valid IP address");
  }
}

void createEndpoints(const Check& root) {
  root.list("subsets", [](const Check& subset) {
    if (subset.count("addresses") + subset.count("notReadyAddresses") == 0) {
      subset.add(FieldError::Type::Required, subset.path(),
                 "Required value: must specify `addresses` or `notReadyAddresses`");
    }
    for (std::string_view list : {"addresses", "notReadyAddresses"}) {
      subset.list(list, checkAddress);
    }
    bool named = subset.count("ports") > 1;
    subset.list("ports", [&](const Check& port) {
      if (named && port.text("name").empty()) port.required("name");
      port.format("name", dnsLabel);
      int64_t number = port.number("port").value_or(0);
      if (number < 1 || number > 65535)
        port.invalidAt(port.path("port"), number, "must be between 1 and 65535, inclusive");
      port.oneOf("protocol", {"SCTP", "TCP", "UDP"}, true);
    });
  });
}

constexpr std::array kServiceRules = {
    KindRules{"Service", createService, updateService, When::After, statusOfService},
    KindRules{"Endpoints", createEndpoints},
};

}  // namespace

void checkEndpointIp(const Check& at, const std::string& path, std::string_view ip) {
  const Problems problems = ipAddress(ip);
  for (const std::string& problem : problems) at.invalidAt(path, ip, problem);
  if (!problems.empty()) return;
  const auto refuse = [&](std::string detail) { at.invalidAt(path, ip, detail); };
  if (ip == "0.0.0.0" || ip == "::") refuse(fmt::format("may not be unspecified ({})", ip));
  if (ip.starts_with("127.") || ip == "::1") refuse("may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (ip.starts_with("169.254.") || ip.starts_with("fe80:")) {
    refuse("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (ip.starts_with("224.0.0.") || ip.starts_with("ff02:")) {
    refuse("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

std::span<const KindRules> serviceRules() {
  return kServiceRules;
}

}  // namespace slipway::schema
