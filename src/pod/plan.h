#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/task.h"
#include "kube/resource.h"
#include "proto/site.pb.h"

namespace slipway::pod {

/// Port to what a pod refers to. The bridge implements it over a kube::Client; testing/fake_plan_source.h is the fake.
/// NotFound means that the object is not there (fine when it is optional); any other error stops the plan, to be tried
/// again.
class PlanSource {
 public:
  virtual ~PlanSource() = default;
  virtual Task<Result<kube::Object>> configMap(std::string ns, std::string name) = 0;
  virtual Task<Result<kube::Object>> secret(std::string ns, std::string name) = 0;
  virtual Task<Result<kube::Object>> persistentVolumeClaim(std::string ns, std::string name) = 0;
  virtual Task<Result<kube::Object>> persistentVolume(std::string name) = 0;
  /// A token bound to the pod. `audience` empty: the API server's own.
  virtual Task<Result<std::string>> serviceAccountToken(std::string ns, std::string service_account,
                                                        std::string pod_name, std::string pod_uid, std::string audience,
                                                        int64_t expiration_seconds) = 0;
  /// Services of the namespace, for the environment (enableServiceLinks); and the one of "default/kubernetes".
  virtual Task<Result<std::vector<kube::Object>>> services(std::string ns) = 0;
};

/// What the site and its configuration add to a pod.
struct PlanOptions {
  uint32_t attempt = 0;
  std::string cluster_domain = "cluster.local";
  std::vector<std::string> cluster_dns;  ///< nameservers for dnsPolicy ClusterFirst; empty: the node's own
  std::string default_runtime;           ///< "": the agent's
  /// RuntimeClass name → runtime. An unknown class is Invalid.
  std::map<std::string, std::string> runtime_classes = {{"slipway-host", "host"},
                                                        {"slipway-apptainer", "apptainer"},
                                                        {"slipway-singularity", "singularity"},
                                                        {"slipway-charliecloud", "charliecloud"}};
  std::vector<std::string> node_list;  ///< Slurm node of a one-to-one Node; empty: Slurm picks
  std::string partition;               ///< of a per-partition Node; an annotation wins
  kube::Object node;                   ///< the Node, for resourceFieldRef defaults; may be empty
  /// Where HTTPS of the API server is, for KUBERNETES_SERVICE_HOST when no Service "kubernetes" tells; may be empty.
  std::string api_host;
  std::string api_port;
};

/// A Pod of the API → everything that its job must know. Errors: Invalid names the field and says what to do about it
/// (for an event, and phase Failed: trying again cannot help); others are of the source and may pass
/// (CreateContainerConfigError in Kubernetes: missing ConfigMap or Secret is NotFound).
Task<Result<site::v1::PodPlan>> buildPlan(kube::Object pod, PlanSource& source, PlanOptions options);

/// Only the volumes, for UpdateVolumes when a ConfigMap or Secret of a running pod changed or a token nears its end.
Task<Result<std::vector<site::v1::Volume>>> buildVolumes(kube::Object pod, PlanSource& source, PlanOptions options);

/// The pod's ephemeral containers, all of them, for AddContainers. Invalid: one asks for what cannot be had.
Task<Result<std::vector<site::v1::Container>>> buildEphemeral(kube::Object pod, PlanSource& source,
                                                              PlanOptions options);

/// What the pod's plan depends on, so that the bridge watches those and no others.
struct PlanReferences {
  std::vector<std::string> config_maps;  ///< of the pod's namespace; sorted, each once
  std::vector<std::string> secrets;
  int64_t shortest_token_seconds = 0;  ///< 0: no projected token
};
PlanReferences referencesOf(const kube::Object& pod);

/// Fields that cannot work for an unprivileged user, as Invalid with all of them listed; part of buildPlan().
Status checkSupported(const kube::Object& pod);
/// The same for what was added to it later.
Status checkEphemeral(const kube::Object& pod);

}  // namespace slipway::pod
