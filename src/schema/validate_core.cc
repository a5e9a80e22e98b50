#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

constexpr size_t kMaxData = 1 << 20;

size_t decodedSize(std::string_view base64) {
  size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  return base64.size() / 4 * 3 - padding;
}

size_t checkKeys(const Check& root, std::string_view map, bool encoded) {
  const value* entries = root.value(map);
  size_t size = 0;
  if (entries == nullptr || !entries->is_object()) return size;
  for (const auto& [key_view, part] : entries->get_object()) {
    std::string key(key_view);
    std::string path = fmt::format("{}[{}]", map, key);
    for (const std::string& problem : configMapKey(key)) root.invalidAt(path, value(key), problem);
    std::string_view text = part.is_string() ? std::string_view(part.get_string()) : "";
    size += encoded ? decodedSize(text) : text.size();
  }
  return size;
}

void immutableData(const Check& root, const object& old, std::initializer_list<std::string_view> fields) {
  if (!json::isTrue(old, {"immutable"})) return;
  if (!root.flag("immutable")) root.forbidden("immutable", "field is immutable when `immutable` is set");
  for (std::string_view field : fields) {
    if (json::equalIgnoringEmpty(root.value(field), old.if_contains(field))) continue;
    root.forbidden(field, "field is immutable when `immutable` is set");
  }
}

void createConfigMap(const Check& root) {
  size_t size = checkKeys(root, "data", false);
  const value* binary = root.value("binaryData");
  const object* data = json::findObject(root.object(), {"data"});
  if (data != nullptr && binary != nullptr && binary->is_object()) {
    for (const auto& [key, part] : *data) {
      if (!binary->get_object().contains(key)) continue;
      root.invalidAt(fmt::format("data[{}]", std::string_view(key)), value(key),
                     "duplicate of key present in binaryData");
    }
  }
  size += checkKeys(root, "binaryData", true);
  if (size > kMaxData) {
    root.add(FieldError::Type::TooLong, "[]", fmt::format("Too long: may not be more than {} bytes", kMaxData));
  }
}
void updateConfigMap(const Check& root, const object& old) {
  immutableData(root, old, {"data", "binaryData"});
}

void createSecret(const Check& root) {
  size_t size = checkKeys(root, "data", true);
  if (size > kMaxData) {
    root.add(FieldError::Type::TooLong, "data", fmt::format("Too long: may not be more than {} bytes", kMaxData));
  }
  std::string_view type = root.text("type");
  const object* data = json::findObject(root.object(), {"data"});
  auto needs = [&](std::string_view key) {
    if (data == nullptr || !data->contains(key)) {
      root.add(FieldError::Type::Required, fmt::format("data[{}]", key), "Required value");
    }
  };
  if (type == "kubernetes.io/service-account-token") {
    if (json::text(root.object(), {"metadata", "annotations", "kubernetes.io/service-account.name"}).empty()) {
      root.add(FieldError::Type::Required, "metadata.annotations[kubernetes.io/service-account.name]",
               "Required value");
    }
  } else if (type == "kubernetes.io/dockerconfigjson" || type == "kubernetes.io/dockercfg") {
    std::string_view key = type.ends_with("json") ? ".dockerconfigjson" : ".dockercfg";
    needs(key);
    std::string_view text = data == nullptr ? "" : json::text(*data, {key});
    Result<std::string> decoded = base64Decode(text);
    json::error_code problem;
    if (!text.empty() && decoded) json::parse(*decoded, problem);
    if (problem) {
      std::string first = decoded->substr(0, 1);
      root.invalidAt(fmt::format("data[{}]", key), "<secret contents redacted>",
                     fmt::format("invalid character '{}' looking for beginning of value", first));
    }
  } else if (type == "kubernetes.io/basic-auth") {
    if (data == nullptr || (!data->contains("username") && !data->contains("password"))) {
      needs("username");
      needs("password");
    }
  } else if (type == "kubernetes.io/ssh-auth") {
    needs("ssh-privatekey");
  } else if (type == "kubernetes.io/tls") {
    needs("tls.crt");
    needs("tls.key");
  }
}
void updateSecret(const Check& root, const object& old) {
  checkImmutable(root, old, {"type"});
  immutableData(root, old, {"data"});
}

void createNamespace(const Check& root) {
  Check spec = root.child("spec");
  spec.strings("finalizers", [&](std::string_view name, size_t) {
    Problems problems = qualifiedName(name);
    for (const std::string& problem : problems) spec.invalidAt(spec.path("finalizers"), name, problem);
    if (problems.empty() && name != "kubernetes" && name.find('/') == std::string_view::npos) {
      spec.invalidAt(spec.path("finalizers"), name,
                     "name is neither a standard finalizer name nor is it fully qualified");
    }
  });
}

void createNode(const Check& root) {
  Check spec = root.child("spec");
  std::set<std::string> seen;
  size_t index = 0;
  spec.list("taints", [&](const Check& taint) {
    // The real server shows taints under metadata.
    std::string path = fmt::format("metadata.taints[{}]", index++);
    for (const std::string& problem : qualifiedName(taint.text("key")))
      taint.invalidAt(path + ".key", taint.text("key"), problem);
    for (const std::string& problem : labelValue(taint.text("value")))
      taint.invalidAt(path + ".value", taint.text("value"), problem);
    std::string_view effect = taint.text("effect");
    if (effect.empty()) {
      taint.add(FieldError::Type::Required, path + ".effect", "Required value");
    } else if (effect != "NoSchedule" && effect != "PreferNoSchedule" && effect != "NoExecute") {
      taint.notSupportedAt(path + ".effect", effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"});
    } else if (!seen.insert(fmt::format("{}:{}", effect, taint.text("key"))).second) {
      object shown = {
          {"Key", taint.text("key")}, {"Value", taint.text("value")}, {"Effect", effect}, {"TimeAdded", nullptr}};
      taint.add(
          FieldError::Type::Duplicate, path,
          fmt::format("Duplicate value: {}: taints must be unique by key and effect pair", json::serialize(shown)));
    }
  });
  for (std::string_view list : {"capacity", "allocatable"}) {
    const object* quantities = json::findObject(root.object(), {"status", list});
    if (quantities == nullptr) continue;
    for (const auto& [name, part] : *quantities) {
      if (!part.is_string() || !part.get_string().starts_with('-')) continue;
      root.invalidAt(fmt::format("status.{}.{}", list, std::string_view(name)), part,
                     "must be greater than or equal to 0");
    }
  }
  std::string_view one = spec.text("podCIDR");
  if (spec.count("podCIDRs") > 0) {
    spec.strings("podCIDRs", [&](std::string_view range, size_t at) {
      for (const std::string& problem : cidr(range))
        spec.invalidAt(fmt::format("spec.podCIDRs[{}]", at), range, problem);
    });
  } else if (!one.empty()) {
    for (const std::string& problem : cidr(one)) spec.invalidAt("spec.podCIDRs[0]", one, problem);
  }
}
void updateNode(const Check& root, const object& old) {
  const value* before = json::find(old, {"spec", "podCIDRs"});
  if (before != nullptr && !json::equalIgnoringEmpty(before, json::find(root.object(), {"spec", "podCIDRs"}))) {
    root.add(FieldError::Type::Forbidden, "spec.podCIDRs",
             "Forbidden: node updates may not change podCIDR except from \"\" to valid");
  }
  std::string_view provider = json::text(old, {"spec", "providerID"});
  if (!provider.empty() && provider != root.child("spec").text("providerID")) {
    root.add(FieldError::Type::Forbidden, "spec.providerID",
             "Forbidden: node updates may not change providerID except from \"\" to valid");
  }
}

void checkServicePorts(const Check& spec, bool headless) {
  std::string_view type = spec.text("type");
  size_t count = spec.count("ports");
  if (count == 0 && !headless && type != "ExternalName") spec.required("ports");
  std::set<std::string_view> names;
  std::set<std::string> numbers;
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
    if (type == "ClusterIP" && port.number("nodePort").value_or(0) != 0) {
      port.forbidden("nodePort", "may not be used when `type` is 'ClusterIP'");
    }
    std::string key = fmt::format("{}/{}", port.text("protocol"), port.number("port").value_or(0));
    if (port.number("port").value_or(0) > 0 && !numbers.insert(key).second && (!names.empty() || count == 1)) {
      object shown = {{"Name", ""},
                      {"Protocol", port.text("protocol")},
                      {"AppProtocol", nullptr},
                      {"Port", port.number("port").value_or(0)},
                      {"TargetPort", 0},
                      {"NodePort", 0}};
      port.duplicateAt(port.path(), shown);
    }
  });
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
  spec.oneOf("ipFamilyPolicy", {"PreferDualStack", "RequireDualStack", "SingleStack"});
  spec.strings("ipFamilies", [&](std::string_view family, size_t index) {
    if (family == "IPv4" || family == "IPv6") return;
    spec.notSupportedAt(fmt::format("spec.ipFamilies[{}]", index), family, {"IPv4", "IPv6"});
  });
  if (!ip.empty() && !headless && type != "ExternalName") {
    for (const std::string& problem : ipAddress(ip)) root.invalidAt("spec.clusterIPs[0]", ip, problem);
  }
  spec.strings("externalIPs", [&](std::string_view external, size_t index) {
    for (const std::string& problem : ipAddress(external)) {
      spec.invalidAt(fmt::format("spec.externalIPs[{}]", index), external, problem);
    }
  });
  spec.oneOf("type", {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"}, true);
  bool outside = type == "NodePort" || type == "LoadBalancer" || (type == "ClusterIP" && spec.count("externalIPs") > 0);
  if (spec.has("externalTrafficPolicy") && !outside) {
    spec.invalid("externalTrafficPolicy", "may only be set for externally-accessible services");
  } else {
    spec.oneOf("externalTrafficPolicy", {"Cluster", "Local"});
  }
  spec.oneOf("internalTrafficPolicy", {"Cluster", "Local"});
}
void updateService(const Check& root, const object& old) {
  std::string_view before = json::text(old, {"spec", "clusterIP"}), now = root.child("spec").text("clusterIP");
  std::string_view old_type = json::text(old, {"spec", "type"});
  if (before.empty() || now.empty() || before == now || old_type == "ExternalName" ||
      root.child("spec").text("type") == "ExternalName") {
    return;
  }
  root.invalidAt("spec.clusterIPs[0]", json::array{value(now)}, "may not change once set");
}

void checkAddress(const Check& address, std::string_view key, bool twice) {
  std::string_view ip = address.text(key);
  for (const std::string& problem : ipAddress(ip)) address.invalidAt(address.path(key), ip, problem);
  if (!isIp(ip)) {
    if (twice) address.invalidAt(address.path(key), ip, "must be a valid IP address");
    return;
  }
  if (ip.starts_with("127.") || ip == "::1") {
    address.invalidAt(address.path(key), ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  }
}

void createEndpoints(const Check& root) {
  root.list("subsets", [](const Check& subset) {
    if (subset.count("addresses") + subset.count("notReadyAddresses") == 0) {
      subset.add(FieldError::Type::Required, subset.path(),
                 "Required value: must specify `addresses` or `notReadyAddresses`");
    }
    for (std::string_view list : {"addresses", "notReadyAddresses"}) {
      subset.list(list, [](const Check& address) { checkAddress(address, "ip", true); });
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

void createEvent(const Check& root) {
  bool events_group = root.has("regarding") || root.has("note");
  std::string_view object_key = events_group ? "regarding" : "involvedObject";
  std::string_view ns = root.child("metadata").text("namespace");
  std::string_view of_object = root.child(object_key).text("namespace");
  bool fits = of_object.empty() ? ns == "default" || ns == "kube-system" || ns.empty() : of_object == ns;
  if (!fits) root.invalidAt("involvedObject.namespace", of_object, "does not match event.namespace");
  if (root.text("eventTime").empty()) return;
  std::string_view controller = events_group ? root.text("reportingController") : root.text("reportingComponent");
  if (controller.empty()) root.required(events_group ? "reportingController" : "reportingComponent");
  if (root.text("reportingInstance").empty()) root.required("reportingInstance");
  if (root.text("action").empty()) root.required("action");
  if (root.text("reason").empty()) root.required("reason");
}

bool standardQuotaResource(std::string_view name) {
  constexpr std::array kNames = {"cpu",
                                 "memory",
                                 "ephemeral-storage",
                                 "requests.cpu",
                                 "requests.memory",
                                 "requests.storage",
                                 "requests.ephemeral-storage",
                                 "limits.cpu",
                                 "limits.memory",
                                 "limits.ephemeral-storage",
                                 "pods",
                                 "resourcequotas",
                                 "services",
                                 "replicationcontrollers",
                                 "secrets",
                                 "persistentvolumeclaims",
                                 "configmaps",
                                 "services.nodeports",
                                 "services.loadbalancers"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("requests.hugepages-") ||
         name.starts_with("hugepages-");
}

void createResourceQuota(const Check& root) {
  Check spec = root.child("spec");
  const value* hard = spec.value("hard");
  if (hard != nullptr && hard->is_object()) {
    for (const auto& [name_view, part] : hard->get_object()) {
      std::string name(name_view), path = fmt::format("spec.hard[{}]", name);
      for (const std::string& problem : qualifiedName(name)) spec.invalidAt(path, value(name), problem);
      bool qualified = name.find('/') != std::string::npos;
      if (!qualified && !standardQuotaResource(name)) {
        spec.invalidAt(path, value(name), "must be a standard resource type or fully qualified");
        spec.invalidAt(path, value(name), "must be a standard resource for quota");
      }
      Result<Quantity> quantity = Quantity::parse(part.is_string() ? std::string_view(part.get_string()) : "");
      if (quantity && quantity->sign() < 0) spec.invalidAt(path, part, "must be greater than or equal to 0");
      bool counts = !name.ends_with("cpu") && !name.ends_with("memory") && !name.ends_with("storage") && !qualified;
      if (quantity && counts && !quantity->isInteger()) spec.invalidAt(path, part, "must be an integer");
    }
  }
  spec.strings("scopes", [&](std::string_view scope, size_t) {
    constexpr std::array kScopes = {"Terminating",          "NotTerminating", "BestEffort",
                                    "NotBestEffort",        "PriorityClass",  "CrossNamespacePodAffinity",
                                    "VolumeAttributesClass"};
    if (std::ranges::find(kScopes, scope) == kScopes.end()) spec.invalid("scopes", "unsupported scope");
  });
}
void updateResourceQuota(const Check& root, const object& old) {
  checkImmutable(root, old, {"spec", "scopes"});
}

void createLimitRange(const Check& root) {
  root.child("spec").list("limits", [](const Check& item) {
    for (const std::string& problem : qualifiedName(item.text("type")))
      item.invalidAt(item.path("type"), item.text("type"), problem);
    if (item.text("type") == "Pod") {
      for (std::string_view key : {"default", "defaultRequest"}) {
        if (item.count(key) > 0) item.forbidden(key, "may not be specified when `type` is 'Pod'");
      }
    }
    std::set<std::string> names;
    for (std::string_view key : {"min", "max", "default", "defaultRequest"}) {
      if (const object* list = json::findObject(item.object(), {key})) {
        for (const auto& [name, part] : *list) names.emplace(name);
      }
    }
    for (const std::string& name : names) {
      auto of = [&](std::string_view key) { return json::text(item.object(), {key, name}); };
      auto more = [&](std::string_view a, std::string_view b) {
        Result<Quantity> left = Quantity::parse(of(a)), right = Quantity::parse(of(b));
        return !of(a).empty() && !of(b).empty() && left && right && *left > *right;
      };
      auto refuse = [&](std::string_view key, std::string_view bad, std::string detail) {
        item.invalidAt(fmt::format("{}[{}]", item.path(key), name), value(of(bad)), detail);
      };
      if (more("min", "max"))
        refuse("min", "min", fmt::format("min value {} is greater than max value {}", of("min"), of("max")));
      if (more("min", "defaultRequest")) {
        refuse("defaultRequest", "defaultRequest",
               fmt::format("min value {} is greater than default request value {}", of("min"), of("defaultRequest")));
      }
      if (more("defaultRequest", "max")) {
        refuse("defaultRequest", "defaultRequest",
               fmt::format("default request value {} is greater than max value {}", of("defaultRequest"), of("max")));
      }
      if (more("defaultRequest", "default")) {
        refuse("defaultRequest", "defaultRequest",
               fmt::format("default request value {} is greater than default limit value {}", of("defaultRequest"),
                           of("default")));
      }
      if (more("min", "default"))
        refuse("default", "min",
               fmt::format("min value {} is greater than default value {}", of("min"), of("default")));
      if (more("default", "max"))
        refuse("default", "max",
               fmt::format("default value {} is greater than max value {}", of("default"), of("max")));
    }
  });
}

constexpr std::array kRules = {
    KindRules{"ConfigMap", createConfigMap, updateConfigMap, true},
    KindRules{"Secret", createSecret, updateSecret, true},
    KindRules{"Namespace", createNamespace},
    KindRules{"Node", createNode, updateNode},
    KindRules{"Service", createService, updateService},
    KindRules{"Endpoints", createEndpoints},
    KindRules{"Event", createEvent},
    KindRules{"ResourceQuota", createResourceQuota, updateResourceQuota},
    KindRules{"LimitRange", createLimitRange},
};

}  // namespace

std::span<const KindRules> coreRules() {
  return kRules;
}

}  // namespace slipway::schema
