#include "pod/plan.h"

#include "base/strings.h"
#include "pod/environment.h"
#include "pod/expansion.h"
#include "pod/fields.h"
#include "pod/notes.h"
#include "pod/probes.h"
#include "pod/registry_auth.h"
#include "pod/resources.h"
#include "pod/slurm_options.h"
#include "pod/volumes.h"

namespace slipway::pod {
namespace {

constexpr int64_t kDefaultGrace = 30;
constexpr int64_t kMostGrace = 1'000'000'000;  // 31 years; sums with it and nanoseconds of it do not overflow

/// What all containers of one plan share; lives in buildPlan()'s frame.
struct Shared {
  const kube::Object& pod;
  const PlanOptions& options;
  References& references;
  Variables services;
  std::vector<ResolvedVolume> volumes;
};

std::string orElse(std::string_view text, std::string_view otherwise) {
  return std::string(text.empty() ? otherwise : text);
}

Status addMount(const kube::Object& mount, const Shared& shared, const Variables& variables, site::v1::Container& out) {
  const std::string name(kube::text(mount, {"name"}));
  const auto volume = std::find_if(shared.volumes.begin(), shared.volumes.end(),
                                   [&](const ResolvedVolume& each) { return each.volume.name() == name; });
  if (volume == shared.volumes.end()) return failure(Code::Invalid, "volumeMounts: no volume \"{}\" in the pod", name);
  std::string sub_path(kube::text(mount, {"subPath"}));
  if (const auto expression = kube::text(mount, {"subPathExpr"}); !expression.empty()) {
    std::string missing;
    sub_path = expand(expression, [&](const std::string& wanted) -> std::optional<std::string> {
      if (const auto found = variables.find(wanted); found != variables.end()) return found->second;
      missing = wanted;
      return std::nullopt;
    });
    // What the variables come from may change: the pod waits, as a kubelet has it.
    if (!missing.empty()) return failure(Code::NotFound, "subPathExpr: the container has no variable {}", missing);
    if (!staysInside(sub_path)) {
      return failure(Code::BadRequest, "subPathExpr of volume {}: \"{}\" leaves the volume", name, sub_path);
    }
  }
  if (!sub_path.empty() && !staysInside(sub_path)) {
    return failure(Code::Invalid, "subPath \"{}\" of volume {} leaves the volume", sub_path, name);
  }
  auto* to = out.add_mounts();
  to->set_volume(name);
  to->set_path(std::string(kube::text(mount, {"mountPath"})));
  to->set_sub_path(std::move(sub_path));
  // As a kubelet: what is written for the container is not the container's to change.
  to->set_read_only(kube::boolean(mount, {"readOnly"}) || volume->read_only || volume->volume.has_files() ||
                    volume->volume.has_image());
  return {};
}

Status setProbes(const kube::Object& container, site::v1::Container& out) {
  const auto set = [&](std::initializer_list<std::string_view> path, auto build, auto* to) -> Status {
    const kube::Object& source = kube::child(container, path);
    if (source.empty()) return {};
    auto built = build(source, container);
    if (!built) return failure(built.error().wrap(*(path.end() - 1)));
    to->Swap(&*built);
    return {};
  };
  const auto has = [&](std::initializer_list<std::string_view> path) { return !kube::child(container, path).empty(); };
  if (has({"startupProbe"})) TRY_STATUS(set({"startupProbe"}, buildProbe, out.mutable_startup_probe()));
  if (has({"readinessProbe"})) TRY_STATUS(set({"readinessProbe"}, buildProbe, out.mutable_readiness_probe()));
  if (has({"livenessProbe"})) TRY_STATUS(set({"livenessProbe"}, buildProbe, out.mutable_liveness_probe()));
  if (has({"lifecycle", "postStart"}))
    TRY_STATUS(set({"lifecycle", "postStart"}, buildHandler, out.mutable_post_start()));
  if (has({"lifecycle", "preStop"})) TRY_STATUS(set({"lifecycle", "preStop"}, buildHandler, out.mutable_pre_stop()));
  return {};
}

void setSecurity(const kube::Object& pod, const kube::Object& container, site::v1::Container& out) {
  const int64_t user = kube::integer(pod, {"spec", "securityContext", "runAsUser"}, -1);
  const int64_t group = kube::integer(pod, {"spec", "securityContext", "runAsGroup"}, -1);
  out.set_run_as_user(kube::integer(container, {"securityContext", "runAsUser"}, user));
  out.set_run_as_group(kube::integer(container, {"securityContext", "runAsGroup"}, group));
  out.set_read_only_root(kube::boolean(container, {"securityContext", "readOnlyRootFilesystem"}));
  const bool not_root = kube::boolean(pod, {"spec", "securityContext", "runAsNonRoot"});
  out.set_run_as_non_root(kube::boolean(container, {"securityContext", "runAsNonRoot"}, not_root));
}

Status setAmounts(const kube::Object& container, site::v1::Container& out) {
  const auto amount = [&](std::string_view name) -> Result<int64_t> {
    std::string text = quantityText(kube::child(container, {"resources", "limits"}), name);
    if (text.empty()) text = quantityText(kube::child(container, {"resources", "requests"}), name);
    return text.empty() ? Result<int64_t>(0) : milliValue(text);
  };
  TRY(const int64_t cpu, amount("cpu"));
  TRY(const int64_t memory, amount("memory"));
  out.set_cpu_millis(cpu);
  out.set_memory_bytes(memory / 1000);
  return {};
}

void setRestartRules(const kube::Object& container, site::v1::Container& out) {
  for (const auto& item : kube::items(container, {"restartPolicyRules"})) {
    const kube::Object& from = kube::objectOf(item);
    site::v1::RestartRule& rule = *out.add_restart_rules();
    rule.set_action(std::string(kube::text(from, {"action"})));
    rule.set_operator_(std::string(kube::text(from, {"exitCodes", "operator"})));
    for (const auto& code : kube::items(from, {"exitCodes", "values"})) {
      if (code.is_number()) rule.add_exit_codes(code.to_number<int32_t>());
    }
  }
}

Task<Status> buildContainer(const kube::Object& container, const Shared& shared, site::v1::Container& out) {
  CO_TRY(const Environment environment,
         co_await buildEnvironment(shared.pod, container, shared.services, shared.options.node, shared.references));
  const Variables& variables = environment.values;
  const Lookup find = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  bool secret_words = false;
  const Lookup lookup = noting(find, environment.secret, secret_words);
  out.set_name(std::string(kube::text(container, {"name"})));
  out.set_image(std::string(kube::text(container, {"image"})));
  out.set_image_pull_policy(pullPolicyOf(kube::text(container, {"imagePullPolicy"}), out.image()));
  out.set_working_dir(std::string(kube::text(container, {"workingDir"})));
  for (const auto& word : kube::items(container, {"command"})) out.add_command(expand(kube::textOf(word), lookup));
  for (const auto& word : kube::items(container, {"args"})) out.add_args(expand(kube::textOf(word), lookup));
  out.set_secret_words(secret_words);
  for (const auto& [name, value] : variables) {
    auto* variable = out.add_env();
    variable->set_name(name);
    variable->set_value(value);
    variable->set_field(jobFieldsIn(value));
    variable->set_secret(environment.secret.contains(name));
  }
  for (const auto& [name, key] : environment.files) {
    auto* variable = out.add_env();
    variable->set_name(name);
    *variable->mutable_file() = key;
  }
  for (const auto& mount : kube::items(container, {"volumeMounts"})) {
    CO_TRY_STATUS(addMount(kube::objectOf(mount), shared, variables, out));
  }
  CO_TRY_STATUS(setProbes(container, out));
  CO_TRY_STATUS(setAmounts(container, out));
  setSecurity(shared.pod, container, out);
  out.set_restart_always(kube::text(container, {"restartPolicy"}) == "Always");
  out.set_restart_policy(std::string(kube::text(container, {"restartPolicy"})));
  setRestartRules(container, out);
  std::string_view signal = kube::text(container, {"lifecycle", "stopSignal"});
  if (signal.starts_with("SIG")) signal.remove_prefix(3);
  out.set_stop_signal(std::string(signal));
  out.set_termination_message_path(orElse(kube::text(container, {"terminationMessagePath"}), "/dev/termination-log"));
  out.set_termination_message_policy(orElse(kube::text(container, {"terminationMessagePolicy"}), "File"));
  out.set_tty(kube::boolean(container, {"tty"}));
  out.set_stdin(kube::boolean(container, {"stdin"}));
  out.set_stdin_once(kube::boolean(container, {"stdinOnce"}));
  co_return Status();
}

/// dnsPolicy and dnsConfig merged; what is the node's own the supervisor adds.
void setDns(const kube::Object& pod, const PlanOptions& options, site::v1::DnsConfig& out) {
  std::string policy = orElse(kube::text(pod, {"spec", "dnsPolicy"}), "ClusterFirst");
  if (policy == "ClusterFirst" && kube::boolean(pod, {"spec", "hostNetwork"})) policy = "Default";
  if (policy.starts_with("ClusterFirst")) {
    if (options.cluster_dns.empty()) {
      policy = "Default";
    } else {
      const std::string_view ns = kube::nameSpace(pod);
      for (const std::string& server : options.cluster_dns) out.add_nameservers(server);
      out.add_searches(fmt::format("{}.svc.{}", ns, options.cluster_domain));
      out.add_searches(fmt::format("svc.{}", options.cluster_domain));
      out.add_searches(options.cluster_domain);
      out.add_options("ndots:5");
    }
  }
  out.set_policy(policy);
  const kube::Object& config = kube::child(pod, {"spec", "dnsConfig"});
  for (const auto& server : kube::items(config, {"nameservers"}))
    out.add_nameservers(std::string(kube::textOf(server)));
  for (const auto& search : kube::items(config, {"searches"})) out.add_searches(std::string(kube::textOf(search)));
  for (const auto& item : kube::items(config, {"options"})) {
    const std::string name(kube::text(kube::objectOf(item), {"name"}));
    const std::string value(kube::text(kube::objectOf(item), {"value"}));
    out.add_options(value.empty() ? name : name + ":" + value);
  }
}

Status setRuntime(const kube::Object& pod, const PlanOptions& options, site::v1::PodPlan& plan) {
  plan.set_runtime(options.default_runtime);
  const std::string name(kube::text(pod, {"spec", "runtimeClassName"}));
  if (name.empty()) return {};
  const auto known = options.runtime_classes.find(name);
  if (known == options.runtime_classes.end()) {
    return failure(Code::Invalid, "spec.runtimeClassName: \"{}\" is not a runtime class of this site", name);
  }
  plan.set_runtime(known->second);
  return {};
}

Status setSlurm(const kube::Object& pod, const PlanOptions& options, site::v1::PodPlan& plan) {
  site::v1::SlurmOptions& slurm = *plan.mutable_slurm();
  for (const std::string& node : options.node_list) slurm.add_node_list(node);
  slurm.set_partition(options.partition);
  TRY_STATUS(applyResources(pod, options.node, slurm));
  // A minute more than the pod's own deadline, so that the pod ends by the latter and says so.
  if (plan.active_deadline_seconds() > 0) {
    slurm.set_time_limit_seconds(plan.active_deadline_seconds() + plan.grace_seconds() + 60);
  }
  TRY_STATUS(applyAnnotations(pod, slurm));
  slurm.set_job_name(fmt::format("{}.{}", kube::nameSpace(pod), kube::name(pod)));
  return {};
}

Status setPod(const kube::Object& pod, const PlanOptions& options, site::v1::PodPlan& plan) {
  plan.set_pod_uid(std::string(kube::uid(pod)));
  plan.set_attempt(options.attempt);
  plan.set_namespace_(std::string(kube::nameSpace(pod)));
  plan.set_name(std::string(kube::name(pod)));
  plan.set_restart_policy(orElse(kube::text(pod, {"spec", "restartPolicy"}), "Always"));
  plan.set_grace_seconds(
      std::clamp<int64_t>(kube::integer(pod, {"spec", "terminationGracePeriodSeconds"}, kDefaultGrace), 0, kMostGrace));
  plan.set_active_deadline_seconds(kube::integer(pod, {"spec", "activeDeadlineSeconds"}));
  plan.set_hostname(orElse(kube::text(pod, {"spec", "hostname"}), kube::name(pod).substr(0, 63)));
  if (const auto name = kube::text(pod, {"spec", "hostnameOverride"}); !name.empty()) {
    plan.set_hostname(std::string(name));
  }
  plan.set_subdomain(std::string(kube::text(pod, {"spec", "subdomain"})));
  plan.set_share_process_namespace(kube::boolean(pod, {"spec", "shareProcessNamespace"}));
  for (const auto& item : kube::items(pod, {"spec", "hostAliases"})) {
    auto* alias = plan.add_host_aliases();
    alias->set_ip(std::string(kube::text(kube::objectOf(item), {"ip"})));
    for (const auto& name : kube::items(kube::objectOf(item), {"hostnames"}))
      alias->add_hostnames(std::string(kube::textOf(name)));
  }
  plan.set_cluster_domain(options.cluster_domain);
  plan.set_host_network(kube::boolean(pod, {"spec", "hostNetwork"}));
  plan.set_hostname_as_fqdn(kube::boolean(pod, {"spec", "setHostnameAsFQDN"}) && !plan.subdomain().empty());
  if (const auto* group = kube::find(pod, {"spec", "securityContext", "fsGroup"}); group != nullptr) {
    plan.set_fs_group(kube::integer(pod, {"spec", "securityContext", "fsGroup"}));
  }
  for (std::string& note : notesOn(pod)) {
    site::v1::PodEvent& event = *plan.add_notes();
    event.set_type("Warning");
    event.set_reason("WorksDifferently");
    event.set_message(std::move(note));
  }
  setDns(pod, options, *plan.mutable_dns());
  TRY_STATUS(setRuntime(pod, options, plan));
  return setSlurm(pod, options, plan);
}

Task<Result<Variables>> buildServiceVariables(const kube::Object& pod, PlanSource& source, const PlanOptions& options) {
  Variables out;
  if (!options.api_host.empty()) {
    out["KUBERNETES_SERVICE_HOST"] = options.api_host;
    out["KUBERNETES_SERVICE_PORT"] = options.api_port;
    out["KUBERNETES_SERVICE_PORT_HTTPS"] = options.api_port;
  }
  const std::string ns(kube::nameSpace(pod));
  const bool links = kube::boolean(pod, {"spec", "enableServiceLinks"}, true);
  if (out.empty() && (!links || ns != "default")) {
    // The API server's own service is told to every pod, whatever its namespace (kubelet, getServiceEnvVarMap).
    const std::string home = "default";
    CO_TRY(std::vector<kube::Object> services, co_await source.services(home));
    std::erase_if(services, [](const kube::Object& service) { return kube::name(service) != "kubernetes"; });
    out = serviceVariables(services);
  }
  if (links) {
    CO_TRY(const std::vector<kube::Object> services, co_await source.services(ns));
    Variables linked = serviceVariables(services);
    linked.merge(out);
    out = std::move(linked);
  }
  co_return out;
}

}  // namespace

Task<Result<site::v1::PodPlan>> buildPlan(kube::Object pod, PlanSource& source, PlanOptions options) {
  CO_TRY_STATUS(checkSupported(pod));
  site::v1::PodPlan plan;
  CO_TRY_STATUS(setPod(pod, options, plan));
  References references(source, std::string(kube::nameSpace(pod)));
  Shared shared{pod, options, references, {}, {}};
  CO_TRY(shared.services, co_await buildServiceVariables(pod, source, options));
  CO_TRY(shared.volumes, co_await resolveVolumes(pod, references, options));
  for (const ResolvedVolume& each : shared.volumes) *plan.add_volumes() = each.volume;
  for (const bool init : {true, false}) {
    for (const auto& item : kube::items(pod, {"spec", init ? "initContainers" : "containers"})) {
      site::v1::Container* to = init ? plan.add_init_containers() : plan.add_containers();
      const Status built = co_await buildContainer(kube::objectOf(item), shared, *to);
      if (!built)
        co_return failure(built.error().wrap(fmt::format("container {}", kube::text(kube::objectOf(item), {"name"}))));
    }
  }
  CO_TRY_STATUS(co_await addRegistryAuth(pod, references, plan));
  co_return plan;
}

Task<Result<std::vector<site::v1::Container>>> buildEphemeral(kube::Object pod, PlanSource& source,
                                                              PlanOptions options) {
  CO_TRY_STATUS(checkEphemeral(pod));
  References references(source, std::string(kube::nameSpace(pod)));
  Shared shared{pod, options, references, {}, {}};
  CO_TRY(shared.services, co_await buildServiceVariables(pod, source, options));
  CO_TRY(shared.volumes, co_await resolveVolumes(pod, references, options));
  std::vector<site::v1::Container> out;
  for (const auto& item : kube::items(pod, {"spec", "ephemeralContainers"})) {
    const kube::Object& container = kube::objectOf(item);
    const Status built = co_await buildContainer(container, shared, out.emplace_back());
    if (!built) co_return failure(built.error().wrap(fmt::format("container {}", kube::text(container, {"name"}))));
    out.back().set_target(std::string(kube::text(container, {"targetContainerName"})));
  }
  co_return out;
}

Task<Result<std::vector<site::v1::Volume>>> buildVolumes(kube::Object pod, PlanSource& source, PlanOptions options) {
  References references(source, std::string(kube::nameSpace(pod)));
  CO_TRY(const auto resolved, co_await resolveVolumes(pod, references, options));
  std::vector<site::v1::Volume> out;
  for (const ResolvedVolume& each : resolved) {
    if (each.volume.has_files()) out.push_back(each.volume);
  }
  co_return out;
}

}  // namespace slipway::pod
