#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "proto/site.pb.h"
#include "supervisor/pod_volumes.h"

namespace slipway::supervisor {

/// Contents of /etc/hosts as kubelet writes it, with the pod's own name and hostAliases.
std::string hostsFile(const site::v1::PodPlan& plan, const std::vector<std::string>& pod_ips,
                      std::string_view cluster_domain);
/// The same of a pod that asked for the node's network: the node's own file (its text) with hostAliases.
std::string hostNetworkHostsFile(const site::v1::PodPlan& plan, std::string_view node_hosts);
/// Contents of /etc/resolv.conf: dnsPolicy and dnsConfig merged with the node's own (its text).
std::string resolvConf(const site::v1::DnsConfig& dns, std::string_view node_resolv_conf);

/// Makes etc/hosts, etc/resolv.conf and the folder for /dev/shm, which all containers of the pod on this node share.
Status writeNetworkFiles(const site::v1::PodPlan& plan, const Scratch& scratch,
                         const std::vector<std::string>& pod_ips);

/// Addresses of this node that others can reach, IPv4 first; loopback and link-local ones left out.
std::vector<std::string> nodeAddresses();

/// What the pod calls itself: its host name, or with setHostnameAsFQDN the whole name.
std::string hostnameOf(const site::v1::PodPlan& plan);

}  // namespace slipway::supervisor
