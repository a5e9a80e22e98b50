#pragma once

#include <string>
#include <vector>

#include "proto/site.pb.h"

namespace slipway::supervisor {

/// Contents of /etc/hosts as kubelet writes it, with the pod's own name and hostAliases.
std::string hostsFile(const site::v1::PodPlan& plan, const std::vector<std::string>& pod_ips,
                      std::string_view cluster_domain);
/// Contents of /etc/resolv.conf: dnsPolicy and dnsConfig merged with the node's own (its text).
std::string resolvConf(const site::v1::DnsConfig& dns, std::string_view node_resolv_conf);

/// Addresses of this node that others can reach, IPv4 first; loopback and link-local ones left out.
std::vector<std::string> nodeAddresses();

/// What the pod calls itself: its host name, or with setHostnameAsFQDN the whole name.
std::string hostnameOf(const site::v1::PodPlan& plan);

}  // namespace slipway::supervisor
