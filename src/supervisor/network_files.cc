#include "supervisor/network_files.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "base/files.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace {

struct ResolvConf {
  std::vector<std::string> nameservers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
};

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> out;
  const std::string spaced = replaceAll(line, "\t", " ");
  for (const std::string_view part : split(spaced, ' ')) {
    if (!part.empty()) out.emplace_back(part);
  }
  return out;
}

ResolvConf parse(std::string_view text) {
  ResolvConf out;
  for (const std::string_view line : split(text, '\n')) {
    const auto parts = words(trim(line));
    if (parts.size() < 2) continue;
    if (parts[0] == "nameserver") out.nameservers.push_back(parts[1]);
    if (parts[0] == "search" || parts[0] == "domain") out.searches.assign(parts.begin() + 1, parts.end());
    if (parts[0] == "options") out.options.insert(out.options.end(), parts.begin() + 1, parts.end());
  }
  return out;
}

void addNew(std::vector<std::string>& to, const std::string& value) {
  if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

std::string aliasLines(const site::v1::PodPlan& plan) {
  std::string out;
  if (plan.host_aliases_size() > 0) out += "\n# Entries added by HostAliases.\n";
  for (const auto& alias : plan.host_aliases()) {
    out += alias.ip();
    for (const std::string& name : alias.hostnames()) out += "\t" + name;
    out += "\n";
  }
  return out;
}

}  // namespace

std::string hostnameOf(const site::v1::PodPlan& plan) {
  if (!plan.hostname_as_fqdn()) return plan.hostname();
  return fmt::format("{}.{}.{}.svc.{}", plan.hostname(), plan.subdomain(), plan.namespace_(), plan.cluster_domain());
}

std::string hostsFile(const site::v1::PodPlan& plan, const std::vector<std::string>& pod_ips,
                      std::string_view cluster_domain) {
  std::string out =
      "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n";
  for (const std::string& ip : pod_ips) {
    out += ip;
    if (!plan.subdomain().empty()) {
      out += fmt::format("\t{}.{}.{}.svc.{}", plan.hostname(), plan.subdomain(), plan.namespace_(), cluster_domain);
    }
    out += "\t" + plan.hostname() + "\n";
  }
  return out + aliasLines(plan);
}

std::string resolvConf(const site::v1::DnsConfig& dns, std::string_view node_resolv_conf) {
  const ResolvConf node = parse(node_resolv_conf);
  ResolvConf out;
  out.nameservers.assign(dns.nameservers().begin(), dns.nameservers().end());
  out.searches.assign(dns.searches().begin(), dns.searches().end());
  out.options.assign(dns.options().begin(), dns.options().end());
  if (dns.policy() == "Default" || dns.policy().empty()) {
    out.nameservers.insert(out.nameservers.begin(), node.nameservers.begin(), node.nameservers.end());
    for (const std::string& option : node.options) addNew(out.options, option);
  }
  if (dns.policy() != "None") {
    for (const std::string& search : node.searches) addNew(out.searches, search);
  }
  std::string text;
  for (const std::string& server : out.nameservers) text += fmt::format("nameserver {}\n", server);
  if (!out.searches.empty()) text += fmt::format("search {}\n", join(out.searches, " "));
  if (!out.options.empty()) text += fmt::format("options {}\n", join(out.options, " "));
  return text;
}

std::vector<std::string> nodeAddresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  std::vector<std::string> v4;
  std::vector<std::string> v6;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0 || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    char text[INET6_ADDRSTRLEN] = "";
    if (each->ifa_addr->sa_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      const uint32_t host = ntohl(address->sin_addr.s_addr);
      if ((host >> 16U) == 0xA9FE) continue;  // 169.254.0.0/16
      ::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
      v4.emplace_back(text);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr)) continue;
      ::inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
      v6.emplace_back(text);
    }
  }
  ::freeifaddrs(list);
  v4.insert(v4.end(), v6.begin(), v6.end());
  return v4;
}

std::string hostNetworkHostsFile(const site::v1::PodPlan& plan, std::string_view node_hosts) {
  std::string out = "# Kubernetes-managed hosts file (host network).\n" + std::string(node_hosts);
  if (!out.ends_with('\n')) out += '\n';
  return out + aliasLines(plan);
}

Status writeNetworkFiles(const site::v1::PodPlan& plan, const Scratch& scratch,
                         const std::vector<std::string>& pod_ips) {
  const std::filesystem::path folder = scratch.disk / "etc";
  TRY_STATUS(makeDirectories(folder));
  TRY_STATUS(makeDirectories(scratch.memory / "shm", 0777));
  const auto node = readFile("/etc/resolv.conf");
  const std::string domain = plan.cluster_domain().empty() ? "cluster.local" : plan.cluster_domain();
  std::string hosts = hostsFile(plan, pod_ips, domain);
  if (plan.host_network()) {
    const auto own = readFile("/etc/hosts");
    hosts = hostNetworkHostsFile(plan, own ? *own : "");
  }
  TRY_STATUS(writeFileAtomic(folder / "hosts", hosts));
  return writeFileAtomic(folder / "resolv.conf", resolvConf(plan.dns(), node ? *node : ""));
}

}  // namespace slipway::supervisor
