#include "base/strings.h"
#include "schema/table.h"
#include "schema/table_kinds.h"

namespace slipway::schema {
namespace {

const json::object kNothing;
const json::object& at(const json::value& one) {
  return one.is_object() ? one.get_object() : kNothing;
}

/// The first three of a list, and how many more there are.
std::string atMostThree(std::vector<std::string> list, size_t count, std::string_view none) {
  bool more = list.size() > 3;
  if (more) list.resize(3);
  std::string out = join(list, ",");
  if (more) return fmt::format("{} + {} more...", out, count - 3);
  return out.empty() ? std::string(none) : out;
}

std::vector<std::string> strings(const json::array& list) {
  std::vector<std::string> out;
  for (const json::value& one : list) {
    if (one.is_string()) out.emplace_back(one.get_string());
  }
  return out;
}

std::string balancers(const Row& row) {
  std::set<std::string> sorted;
  for (const json::value& one : row.list({"status", "loadBalancer", "ingress"})) {
    std::string_view address = json::text(at(one), {"ip"});
    if (address.empty()) address = json::text(at(one), {"hostname"});
    if (!address.empty()) sorted.emplace(address);
  }
  return fmt::format("{}", fmt::join(sorted, ","));
}

std::string externalIp(const Row& row) {
  std::string_view type = row.text({"spec", "type"});
  std::string ips = join(strings(row.list({"spec", "externalIPs"})), ",");
  if (type == "ClusterIP" || type == "NodePort") return ips.empty() ? "<none>" : ips;
  if (type == "LoadBalancer") {
    std::string balanced = balancers(row);
    if (ips.empty()) return balanced.empty() ? "<pending>" : balanced;
    return balanced.empty() ? ips : balanced + "," + ips;
  }
  return type == "ExternalName" ? std::string(row.text({"spec", "externalName"})) : "<unknown>";
}

std::string ports(const Row& row) {
  std::vector<std::string> out;
  for (const json::value& one : row.list({"spec", "ports"})) {
    int64_t port = json::findInt(at(one), {"port"}).value_or(0);
    int64_t node = json::findInt(at(one), {"nodePort"}).value_or(0);
    std::string_view protocol = json::text(at(one), {"protocol"});
    out.push_back(node > 0 ? fmt::format("{}:{}/{}", port, node, protocol) : fmt::format("{}/{}", port, protocol));
  }
  return out.empty() ? "<none>" : join(out, ",");
}

void service(Row& row) {
  const json::array& ips = row.list({"spec", "clusterIPs"});
  row.add(row.name()).add(row.text({"spec", "type"}));
  row.add(!ips.empty() && ips[0].is_string() ? std::string_view(ips[0].get_string()) : "<none>");
  row.add(externalIp(row)).add(ports(row)).add(row.age()).add(row.labels({"spec", "selector"}));
}

std::string joinPort(std::string_view ip, int64_t port) {
  return ip.find(':') == std::string_view::npos ? fmt::format("{}:{}", ip, port) : fmt::format("[{}]:{}", ip, port);
}

void endpoints(Row& row) {
  std::vector<std::string> list;
  for (const json::value& subset : row.list({"subsets"})) {
    const json::array* addresses = json::findArray(at(subset), {"addresses"});
    const json::array* subset_ports = json::findArray(at(subset), {"ports"});
    if (addresses == nullptr) continue;
    if (subset_ports == nullptr || subset_ports->empty()) {
      for (const json::value& one : *addresses) list.emplace_back(json::text(at(one), {"ip"}));
      continue;
    }
    for (const json::value& port : *subset_ports) {
      for (const json::value& one : *addresses) {
        list.push_back(joinPort(json::text(at(one), {"ip"}), json::findInt(at(port), {"port"}).value_or(0)));
      }
    }
  }
  size_t count = list.size();
  std::string_view none = row.list({"subsets"}).empty() ? "<none>" : "";
  row.add(row.name()).add(atMostThree(std::move(list), count, none)).add(row.age());
}

void endpointSlice(Row& row) {
  std::vector<std::string> slice_ports, addresses;
  for (const json::value& one : row.list({"ports"})) {
    std::optional<int64_t> port = json::findInt(at(one), {"port"});
    const json::value* name = json::find(at(one), {"name"});
    slice_ports.push_back(port ? fmt::format("{}", *port) : name ? std::string(json::text(at(one), {"name"})) : "*");
  }
  for (const json::value& one : row.list({"endpoints"})) {
    const json::array* given = json::findArray(at(one), {"addresses"});
    if (given == nullptr) continue;
    for (std::string& address : strings(*given)) addresses.push_back(std::move(address));
  }
  size_t port_count = slice_ports.size(), address_count = addresses.size();
  row.add(row.name()).add(row.text({"addressType"})).add(atMostThree(std::move(slice_ports), port_count, "<unset>"));
  row.add(atMostThree(std::move(addresses), address_count, "<unset>")).add(row.age());
}

void ingress(Row& row) {
  std::vector<std::string> hosts;
  bool more = false;
  for (const json::value& rule : row.list({"spec", "rules"})) {
    if (hosts.size() == 3) more = true;
    std::string_view host = json::text(at(rule), {"host"});
    if (!more && !host.empty()) hosts.emplace_back(host);
  }
  std::string shown = hosts.empty() ? "*" : join(hosts, ",");
  if (more) shown += fmt::format(" + {} more...", row.list({"spec", "rules"}).size() - 3);
  row.add(row.name()).add(row.text({"spec", "ingressClassName"}, "<none>")).add(shown).add(balancers(row));
  row.add(row.list({"spec", "tls"}).empty() ? "80" : "80, 443").add(row.age());
}

void ingressClass(Row& row) {
  bool is_default = row.text({"metadata", "annotations", "ingressclass.kubernetes.io/is-default-class"}) == "true";
  std::string parameters = "<none>";
  if (json::findObject(row.object, {"spec", "parameters"}) != nullptr) {
    std::string_view group = row.text({"spec", "parameters", "apiGroup"});
    parameters = fmt::format("{}{}{}/{}", row.text({"spec", "parameters", "kind"}), group.empty() ? "" : ".", group,
                             row.text({"spec", "parameters", "name"}));
  }
  row.add(fmt::format("{}{}", row.name(), is_default ? " (default)" : "")).add(row.text({"spec", "controller"}));
  row.add(parameters).add(row.age());
}

void networkPolicy(Row& row) {
  row.add(row.name()).add(formatSelector(json::findObject(row.object, {"spec", "podSelector"}))).add(row.age());
}

void ipAddress(Row& row) {
  std::string_view group = row.text({"spec", "parentRef", "group"});
  std::string parent;
  std::string_view resource = row.text({"spec", "parentRef", "resource"});
  if (!resource.empty()) {
    parent = group.empty() ? std::string(resource) : fmt::format("{}.{}", resource, group);
    std::string_view ns = row.text({"spec", "parentRef", "namespace"});
    parent += ns.empty() ? "" : fmt::format("/{}", ns);
    parent += fmt::format("/{}", row.text({"spec", "parentRef", "name"}));
  }
  row.add(row.name()).add(parent);
}

void serviceCidr(Row& row) {
  row.add(row.name()).add(join(strings(row.list({"spec", "cidrs"})), ",")).add(row.age());
}

constexpr std::array kTables = {
    KindTable{"", "Service", "Name:string:name|Type|Cluster-IP|External-IP|Port(s)|Age|*Selector", service},
    KindTable{"", "Endpoints", "Name:string:name|Endpoints|Age", endpoints},
    KindTable{"discovery.k8s.io", "EndpointSlice", "Name:string:name|AddressType|Ports|Endpoints|Age", endpointSlice},
    KindTable{"networking.k8s.io", "Ingress", "Name:string:name|Class|Hosts|Address|Ports|Age", ingress},
    KindTable{"networking.k8s.io", "IngressClass", "Name:string:name|Controller|Parameters|Age", ingressClass},
    KindTable{"networking.k8s.io", "NetworkPolicy", "Name:string:name|Pod-Selector|Age", networkPolicy},
    KindTable{"networking.k8s.io", "IPAddress", "Name:string:name|ParentRef", ipAddress},
    KindTable{"networking.k8s.io", "ServiceCIDR", "Name:string:name|CIDRs|Age", serviceCidr},
};

}  // namespace

std::span<const KindTable> networkTables() {
  return kTables;
}

}  // namespace slipway::schema
