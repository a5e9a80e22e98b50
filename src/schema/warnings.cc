#include "schema/warnings.h"

#include <map>

#include "base/strings.h"
#include "json/document.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;
using Words = std::vector<std::string>;

constexpr std::array kOldLabels = {
    std::pair{"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
    std::pair{"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
    std::pair{"failure-domain.beta.kubernetes.io/region",
              "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
    std::pair{"failure-domain.beta.kubernetes.io/zone",
              "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
    std::pair{"beta.kubernetes.io/instance-type",
              "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
    std::pair{"node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"},
};

constexpr std::array kOldVolumes = {
    std::pair{"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
    std::pair{"gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"},
    std::pair{"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
    std::pair{"flocker", "deprecated in v1.22, non-functional in v1.25+"},
    std::pair{"storageos", "deprecated in v1.22, non-functional in v1.25+"},
    std::pair{"quobyte", "deprecated in v1.22, non-functional in v1.25+"},
    std::pair{"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    std::pair{"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    std::pair{"rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

template <typename Each>
void eachContainer(const Check& spec, Each each) {
  for (std::string_view list : {"initContainers", "containers", "ephemeralContainers"}) spec.list(list, each);
}

void ofNames(const Check& spec, Words& out) {
  const object* selector = json::findObject(spec.object(), {"nodeSelector"});
  for (const auto& [label, words] : kOldLabels) {
    if (selector == nullptr || !selector->contains(label)) continue;
    out.push_back(fmt::format("{}[{}]: {}", spec.path("nodeSelector"), label, words));
  }
  spec.list("topologySpreadConstraints", [&](const Check& spread) {
    if (spread.has("labelSelector")) return;
    out.push_back(spread.path("labelSelector") + ": a null labelSelector results in matching no pod");
  });
  spec.list("volumes", [&](const Check& volume) {
    for (const auto& [kind, words] : kOldVolumes) {
      if (volume.has(kind)) out.push_back(fmt::format("{}: {}", volume.path(kind), words));
    }
  });
  for (const auto& [list, key, what] :
       {std::tuple{"hostAliases", "ip", "ip"}, std::tuple{"imagePullSecrets", "name", "name"}}) {
    std::set<std::string_view> seen;
    spec.list(list, [&, field = key, word = what](const Check& item) {
      if (seen.insert(item.text(field)).second) return;
      out.push_back(fmt::format("{}: duplicate {} {:?}", item.path(field), word, item.text(field)));
    });
  }
  spec.list("imagePullSecrets", [&](const Check& secret) {
    if (secret.text("name").empty()) out.push_back(secret.path("name") + ": invalid empty name \"\"");
  });
}

void ofContainers(const Check& spec, Words& out) {
  eachContainer(spec, [&](const Check& container) {
    for (std::string_view list : {"limits", "requests"}) {
      for (std::string_view name : {"memory", "ephemeral-storage"}) {
        const std::string_view text = json::text(container.object(), {"resources", list, name});
        const Result<Quantity> amount = Quantity::parse(text);
        if (text.empty() || !amount || amount->isInteger()) continue;
        out.push_back(fmt::format("{}.{}[{}]: fractional byte value {:?} is invalid, must be an integer",
                                  container.path("resources"), list, name, text));
      }
    }
    std::set<std::string_view> names;
    container.list("env", [&](const Check& variable) {
      const std::string_view name = variable.text("name"), text = variable.text("value");
      if (names.insert(name).second) return;
      const std::string self = fmt::format("$({})", name);
      const bool builds_on = !variable.has("valueFrom") && text != self && text.find(self) != std::string_view::npos;
      if (builds_on) return;
      out.push_back(fmt::format("{}: hides previous definition of {:?}, which may be dropped when using apply",
                                variable.path(), name));
    });
  });
}

void ofPorts(const Check& spec, Words& out) {
  struct Known {
    std::string path, host_ip;
    int64_t host;
  };
  std::map<std::string, std::vector<Known>> ports;
  std::map<std::string, std::string> names;
  Words of_names;
  eachContainer(spec, [&](const Check& container) {
    container.list("ports", [&](const Check& port) {
      const std::string path = port.path(), ip(port.text("hostIP")), name(port.text("name"));
      const int64_t host = port.number("hostPort").value_or(0), own = port.number("containerPort").value_or(0);
      if (!ip.empty() && host == 0) {
        out.push_back(
            fmt::format("{}: hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} Protocol:{} "
                        "HostIP:{}}}",
                        path, name, own, port.text("protocol"), ip));
      }
      std::vector<Known>& others = ports[fmt::format("{}/{}", own, port.text("protocol"))];
      for (const Known& other : others) {
        std::string_view what;
        if (ip == other.host_ip && host == other.host) {
          what = "duplicate";
        } else if (host == 0 || other.host == 0) {
          what = "overlapping";
        } else if (host == other.host && ip.empty() != other.host_ip.empty()) {
          what = "dangerously ambiguous";
        }
        if (!what.empty()) out.push_back(fmt::format("{}: {} port definition with {}", path, what, other.path));
      }
      others.push_back({path, ip, host});
      if (name.empty()) return;
      const auto [first, fresh] = names.emplace(name, path);
      if (fresh) return;
      of_names.push_back(
          fmt::format("{}: duplicate port name {:?} with {}, services and probes that select ports by "
                      "name will use {}",
                      path, name, first->second, first->second));
    });
  });
  std::move(of_names.begin(), of_names.end(), std::back_inserter(out));
}

void ofPodSpec(const Check& spec, Words& out) {
  ofNames(spec, out);
  ofContainers(spec, out);
  ofPorts(spec, out);
  if (spec.number("terminationGracePeriodSeconds").value_or(0) < 0) {
    out.push_back(spec.path("terminationGracePeriodSeconds") +
                  ": must be >= 0; negative values are invalid and will be treated as 1");
  }
}

void ofService(const Check& root, Words& out) {
  const Check spec = root.child("spec");
  const bool headless = spec.text("clusterIP") == "None", external = spec.text("type") == "ExternalName";
  if (headless) {
    if (!spec.text("loadBalancerIP").empty()) out.emplace_back("spec.loadBalancerIP is ignored for headless services");
    if (spec.count("externalIPs") > 0) out.emplace_back("spec.externalIPs is ignored for headless services");
    if (spec.text("sessionAffinity") != "None") {
      out.emplace_back("spec.SessionAffinity is ignored for headless services");
    }
  }
  if (spec.count("externalIPs") > 0 && !headless && !external) {
    out.emplace_back("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  }
  if (external && spec.count("externalIPs") > 0) {
    out.emplace_back("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
  }
  if (!external && !spec.text("externalName").empty()) {
    out.emplace_back("spec.externalName is ignored when spec.type is not \"ExternalName\"");
  }
  if (spec.text("trafficDistribution") == "PreferClose") {
    out.emplace_back("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
  }
}

void ofSecret(const Check& root, Words& out) {
  if (root.text("type") != "kubernetes.io/tls") return;
  const Result<std::string> pem = base64Decode(json::text(root.object(), {"data", "tls.crt"}));
  if (pem && pem->find("-----BEGIN") != std::string::npos) return;
  out.emplace_back("tls: failed to find any PEM data in certificate input");
}

constexpr std::array kFormats = {
    "bsonobjectid", "uri",      "email",    "hostname", "ipv4",     "ipv6",           "cidr",         "mac",
    "uuid",         "uuid3",    "uuid4",    "uuid5",    "isbn",     "isbn10",         "isbn13",       "creditcard",
    "ssn",          "hexcolor", "rgbcolor", "byte",     "password", "date",           "duration",     "datetime",
    "date-time",    "int32",    "int64",    "float",    "double",   "k8s-short-name", "k8s-long-name"};

/// Formats of a definition's schema that nothing checks.
void ofFormats(const value& part, Words& out) {
  if (const json::array* list = part.if_array()) {
    for (const value& one : *list) ofFormats(one, out);
  }
  const object* map = part.if_object();
  if (map == nullptr) return;
  const std::string_view format = json::text(*map, {"format"});
  if (map->contains("type") && !format.empty() && std::ranges::find(kFormats, format) == kFormats.end()) {
    std::string words = fmt::format("unrecognized format {:?}", format);
    if (std::ranges::find(out, words) == out.end()) out.push_back(std::move(words));
  }
  for (const auto& [key, one] : *map) {
    if (key != "default" && key != "enum" && key != "example") ofFormats(one, out);
  }
}

}  // namespace

std::vector<std::string> objectWarnings(const ResourceInfo& resource, const json::object& object,
                                        const json::object* old) {
  Words out;
  FieldErrors none;
  const Check root(none, object);
  const std::string_view kind = resource.kind;
  if (kind == "Service") {
    ofService(root, out);
  } else if (kind == "Secret") {
    ofSecret(root, out);
  } else if (kind == "CustomResourceDefinition") {
    root.child("spec").list("versions", [&](const Check& version) {
      if (const value* schema = version.value("schema")) ofFormats(*schema, out);
    });
  } else if (kind == "Pod") {
    if (old == nullptr) ofPodSpec(root.child("spec"), out);
  } else if (resource.group == "apps" || resource.group == "batch" || kind == "ReplicationController") {
    const Check spec = root.child("spec");
    const Check job_template = spec.child("jobTemplate");
    const Check job = job_template.child("spec");
    const Check pod_template = (kind == "CronJob" ? job : spec).child("template");
    if (pod_template.present()) ofPodSpec(pod_template.child("spec"), out);
  }
  return out;
}

}  // namespace slipway::schema
