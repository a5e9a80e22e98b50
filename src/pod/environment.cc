#include "pod/environment.h"

#include "base/strings.h"
#include "pod/expansion.h"
#include "pod/fields.h"
#include "pod/resources.h"

namespace slipway::pod {
namespace {

/// What can be a name in an environment; Kubernetes skips other keys of an envFrom source with an event.
bool isVariableName(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7F && c != '='; });
}

/// The object that a reference names, or an empty one when it is optional and missing.
Task<Result<kube::Object>> fetch(References& references, bool secret, std::string name, bool optional) {
  Result<kube::Object> object = secret ? co_await references.secret(name) : co_await references.configMap(name);
  if (!object && object.error().is(Code::NotFound) && optional) co_return kube::Object();
  co_return object;
}

void markSecret(Environment& environment, const std::string& name, bool secret) {
  if (secret) {
    environment.secret.insert(name);
  } else {
    environment.secret.erase(name);
  }
}

Task<Status> addSource(const kube::Object& from, References& references, Environment& out) {
  const std::string prefix(kube::text(from, {"prefix"}));
  for (const bool secret : {false, true}) {
    const kube::Object& reference = kube::child(from, {secret ? "secretRef" : "configMapRef"});
    if (reference.empty()) continue;
    CO_TRY(const kube::Object object, co_await fetch(references, secret, std::string(kube::text(reference, {"name"})),
                                                     kube::boolean(reference, {"optional"})));
    CO_TRY(const auto data, dataOf(object, true));
    for (const auto& [key, value] : data) {
      const std::string name = prefix + key;
      if (!isVariableName(name)) continue;
      out.values[name] = value;
      markSecret(out, name, secret);
    }
  }
  co_return Status();
}

/// The value of a configMapKeyRef or secretKeyRef; nothing when it is optional and missing.
Task<Result<std::optional<std::string>>> keyValue(const kube::Object& reference, bool secret, References& references) {
  const bool optional = kube::boolean(reference, {"optional"});
  const std::string name(kube::text(reference, {"name"}));
  const std::string key(kube::text(reference, {"key"}));
  CO_TRY(const kube::Object object, co_await fetch(references, secret, name, optional));
  CO_TRY(const auto data, dataOf(object, true));
  if (const auto found = data.find(key); found != data.end()) co_return std::optional<std::string>(found->second);
  if (optional) co_return std::optional<std::string>();
  co_return failure(Code::NotFound, "couldn't find key {} in {} {}/{}", key, secret ? "Secret" : "ConfigMap",
                    references.ns(), name);
}

Task<Result<std::optional<std::string>>> referredValue(const kube::Object& pod, const kube::Object& container,
                                                       const kube::Object& from, const kube::Object& node,
                                                       References& references) {
  for (const bool secret : {false, true}) {
    const kube::Object& reference = kube::child(from, {secret ? "secretKeyRef" : "configMapKeyRef"});
    if (!reference.empty()) co_return co_await keyValue(reference, secret, references);
  }
  Result<std::string> value;
  if (const auto& field = kube::child(from, {"fieldRef"}); !field.empty()) {
    value = fieldValue(pod, kube::text(field, {"fieldPath"}));
  } else if (const auto& resource = kube::child(from, {"resourceFieldRef"}); !resource.empty()) {
    value = resourceFieldValue(pod, resource, kube::text(container, {"name"}), node);
  } else {
    value = failure(Code::Invalid, "valueFrom has no source that is known here");
  }
  if (!value) co_return failure(value.error());
  co_return std::optional<std::string>(*value);
}

site::v1::FileKey fileKeyOf(const kube::Object& reference) {
  site::v1::FileKey out;
  out.set_volume(std::string(kube::text(reference, {"volumeName"})));
  out.set_path(std::string(kube::text(reference, {"path"})));
  out.set_key(std::string(kube::text(reference, {"key"})));
  out.set_optional(kube::boolean(reference, {"optional"}));
  return out;
}

std::string upperName(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

void addService(const kube::Object& service, Variables& out) {
  const std::string ip(kube::text(service, {"spec", "clusterIP"}));
  const auto& ports = kube::items(service, {"spec", "ports"});
  if (ip.empty() || ip == "None" || ports.empty()) return;
  const std::string prefix = upperName(kube::name(service));
  const std::string host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  out[prefix + "_SERVICE_HOST"] = ip;
  bool first = true;
  for (const auto& item : ports) {
    const kube::Object& port = kube::objectOf(item);
    const std::string number = std::to_string(kube::integer(port, {"port"}));
    const std::string_view named = kube::text(port, {"protocol"});
    const std::string protocol(named.empty() ? "TCP" : named);
    const std::string url = fmt::format("{}://{}:{}", toLower(protocol), host, number);
    if (first) {
      out[prefix + "_SERVICE_PORT"] = number;
      out[prefix + "_PORT"] = url;
    }
    first = false;
    if (const auto name = kube::text(port, {"name"}); !name.empty()) {
      out[prefix + "_SERVICE_PORT_" + upperName(name)] = number;
    }
    const std::string link = fmt::format("{}_PORT_{}_{}", prefix, number, upperName(protocol));
    out[link] = url;
    out[link + "_PROTO"] = toLower(protocol);
    out[link + "_PORT"] = number;
    out[link + "_ADDR"] = ip;
  }
}

}  // namespace

Variables serviceVariables(const std::vector<kube::Object>& services) {
  Variables out;
  for (const kube::Object& service : services) addService(service, out);
  return out;
}

Task<Result<Environment>> buildEnvironment(const kube::Object& pod, const kube::Object& container,
                                           const Variables& services, const kube::Object& node,
                                           References& references) {
  Environment out;
  for (const auto& from : kube::items(container, {"envFrom"})) {
    CO_TRY_STATUS(co_await addSource(kube::objectOf(from), references, out));
  }
  // A variable may refer to those before it and to those of services; a service's variable that the container defines
  // itself is not seen any more (kubelet, makeEnvironmentVariables).
  Variables hidden = services;
  const Lookup lookup = [&](const std::string& name) -> std::optional<std::string> {
    if (const auto found = out.values.find(name); found != out.values.end()) return found->second;
    if (const auto found = hidden.find(name); found != hidden.end()) return found->second;
    return std::nullopt;
  };
  for (const auto& item : kube::items(container, {"env"})) {
    const kube::Object& variable = kube::objectOf(item);
    const std::string name(kube::text(variable, {"name"}));
    const kube::Object& from = kube::child(variable, {"valueFrom"});
    if (const kube::Object& file = kube::child(from, {"fileKeyRef"}); !file.empty()) {
      out.files[name] = fileKeyOf(file);
      out.values.erase(name);
      hidden.erase(name);
      continue;
    }
    bool secret = !kube::child(from, {"secretKeyRef"}).empty();
    const Lookup noted = noting(lookup, out.secret, secret);
    std::optional<std::string> value = expand(kube::text(variable, {"value"}), noted);
    if (!from.empty()) {
      auto referred = co_await referredValue(pod, container, from, node, references);
      if (!referred) {
        co_return failure(referred.error().wrap(fmt::format("env {}", name)));
      }
      value = std::move(*referred);
    }
    if (!value) continue;
    hidden.erase(name);
    out.files.erase(name);
    out.values[name] = std::move(*value);
    markSecret(out, name, secret);
  }
  out.values.insert(services.begin(), services.end());
  for (const auto& [name, value] : out.values) {
    if (value.find('\0') != std::string::npos) {
      co_return failure(Code::Invalid, "env {}: a value cannot hold a zero byte", name);
    }
  }
  for (const auto& [name, key] : out.files) out.values.erase(name);
  co_return out;
}

}  // namespace slipway::pod
