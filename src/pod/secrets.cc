#include "pod/secrets.h"

#include <algorithm>

namespace slipway::pod {

using site::v1::Container;
using site::v1::ContainerSecrets;
using site::v1::EnvVar;
using site::v1::PodPlan;
using site::v1::PodSecrets;

namespace {

void takeFrom(Container& container, PodSecrets& out) {
  ContainerSecrets taken;
  for (EnvVar& variable : *container.mutable_env()) {
    if (!variable.secret()) continue;
    *taken.add_env() = variable;
    variable.clear_value();
  }
  if (container.secret_words()) {
    taken.mutable_command()->Swap(container.mutable_command());
    taken.mutable_args()->Swap(container.mutable_args());
  }
  if (taken.env().empty() && !container.secret_words()) return;
  taken.set_name(container.name());
  *out.add_containers() = std::move(taken);
}

void putInto(Container& container, const ContainerSecrets& secrets) {
  auto* env = container.mutable_env();
  const auto isSecret = [](const EnvVar& variable) { return variable.secret(); };
  env->erase(std::remove_if(env->begin(), env->end(), isSecret), env->end());
  for (const EnvVar& variable : secrets.env()) {
    const auto known =
        std::find_if(env->begin(), env->end(), [&](const EnvVar& each) { return each.name() == variable.name(); });
    *(known == env->end() ? env->Add() : &*known) = variable;
  }
  if (!container.secret_words()) return;
  *container.mutable_command() = secrets.command();
  *container.mutable_args() = secrets.args();
}

}  // namespace

PodSecrets takeSecrets(PodPlan& plan) {
  PodSecrets out;
  out.set_pod_uid(plan.pod_uid());
  out.set_attempt(plan.attempt());
  for (site::v1::Volume& volume : *plan.mutable_volumes()) {
    if (!volume.files().secret()) continue;
    *out.add_volumes() = volume;
    volume.mutable_files()->clear_files();
  }
  out.mutable_registry_auth()->Swap(plan.mutable_registry_auth());
  for (Container& container : *plan.mutable_init_containers()) takeFrom(container, out);
  for (Container& container : *plan.mutable_containers()) takeFrom(container, out);
  plan.set_secrets_apart(!out.volumes().empty() || !out.registry_auth().empty() || !out.containers().empty());
  return out;
}

void putSecrets(PodPlan& plan, const PodSecrets& secrets) {
  for (site::v1::Volume& volume : *plan.mutable_volumes()) {
    for (const site::v1::Volume& each : secrets.volumes()) {
      if (each.name() == volume.name()) volume = each;
    }
  }
  *plan.mutable_registry_auth() = secrets.registry_auth();
  for (auto* containers : {plan.mutable_init_containers(), plan.mutable_containers()}) {
    for (Container& container : *containers) {
      for (const ContainerSecrets& each : secrets.containers()) {
        if (each.name() == container.name()) putInto(container, each);
      }
    }
  }
  plan.clear_secrets_apart();
}

}  // namespace slipway::pod
