#include "controllers/control_plane.h"

#include "controllers/cluster_role_aggregation.h"
#include "controllers/event_ttl.h"
#include "controllers/garbage_collector.h"
#include "controllers/namespace_controller.h"
#include "controllers/per_namespace.h"
#include "controllers/pod_gc.h"
#include "controllers/quota_controller.h"
#include "controllers/storage_protection.h"
#include "controllers/token_cleaner.h"

namespace slipway::controllers {

struct ControlPlane::Parts {
  Parts(Executor wanted_executor, kube::Client& client, Random& random, const Clock& clock, ControlPlaneOptions options)
      : executor(std::move(wanted_executor)),
        informers(client, random),
        service_accounts(executor, client, informers, random, defaultServiceAccount()),
        tokens(executor, client, random, clock),
        requests(executor, client, random, clock, std::move(options.csr)),
        pods(client, informers, clock),
        storage(client, informers),
        roles(executor, client, informers, random),
        quotas(executor, client, informers, random, clock, options.discover) {
    kube::Client& metadata = options.metadata == nullptr ? client : *options.metadata;
    if (options.run_event_ttl) events.emplace(client, clock);
    if (options.run_scheduler) scheduler.emplace(executor, client, informers, random, clock, options.scheduler);
    if (!options.root_ca_pem.empty()) {
      root_ca.emplace(executor, client, informers, random, rootCaConfigMap(options.root_ca_pem));
    }
    if (options.discover) {
      namespaces.emplace(executor, client, metadata, informers, random, clock, options.discover);
      garbage.emplace(executor, metadata, random, options.discover);
    }
  }

  Executor executor;
  SharedInformers informers;
  PerNamespaceController service_accounts;
  TokenCleaner tokens;
  CsrController requests;
  PodGc pods;
  StorageProtection storage;
  ClusterRoleAggregation roles;
  QuotaController quotas;
  std::optional<EventTtl> events;
  std::optional<Scheduler> scheduler;
  std::optional<PerNamespaceController> root_ca;
  std::optional<NamespaceController> namespaces;
  std::optional<GarbageCollector> garbage;
};

ControlPlane::ControlPlane(Executor executor, kube::Client& client, Random& random, const Clock& clock,
                           ControlPlaneOptions options)
    : parts_(std::make_unique<Parts>(std::move(executor), client, random, clock, std::move(options))) {}

ControlPlane::~ControlPlane() = default;

Task<void> ControlPlane::run() {
  Parts& parts = *parts_;
  NamedTasks tasks =
      tasksOf(task("shared informers", parts.informers.run()), task("service accounts", parts.service_accounts.run()),
              task("token cleaner", parts.tokens.run()), task("certificates", parts.requests.run()),
              task("pod garbage collector", parts.pods.run()), task("resource quotas", parts.quotas.run()),
              task("storage protection", parts.storage.run()), task("cluster roles", parts.roles.run()));
  if (parts.events) tasks.push_back(task("events", parts.events->run()));
  if (parts.scheduler) tasks.push_back(task("scheduler", parts.scheduler->run()));
  if (parts.root_ca) tasks.push_back(task("root CA publisher", parts.root_ca->run()));
  if (parts.namespaces) tasks.push_back(task("namespace controller", parts.namespaces->run()));
  if (parts.garbage) tasks.push_back(task("garbage collector", parts.garbage->run()));
  co_await runTogether(parts.executor, std::move(tasks));
}

}  // namespace slipway::controllers
