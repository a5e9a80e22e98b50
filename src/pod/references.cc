#include "pod/references.h"

#include "base/strings.h"

namespace slipway::pod {

Task<Result<kube::Object>> References::configMap(std::string name) {
  if (const auto known = config_maps_.find(name); known != config_maps_.end()) co_return known->second;
  Result<kube::Object> got = co_await source_.configMap(namespace_, name);
  if (!got && got.error().is(Code::NotFound)) {
    got = failure(Code::NotFound, "configmap \"{}\" not found", name);
  }
  config_maps_.insert_or_assign(name, got);
  co_return got;
}

Task<Result<kube::Object>> References::secret(std::string name) {
  if (const auto known = secrets_.find(name); known != secrets_.end()) co_return known->second;
  Result<kube::Object> got = co_await source_.secret(namespace_, name);
  if (!got && got.error().is(Code::NotFound)) got = failure(Code::NotFound, "secret \"{}\" not found", name);
  secrets_.insert_or_assign(name, got);
  co_return got;
}

Result<std::map<std::string, std::string>> dataOf(const kube::Object& object, bool only_text) {
  std::map<std::string, std::string> out;
  const bool secret = kube::text(object, {"kind"}) == "Secret" || object.contains("type");
  const auto decode = [&](std::string_view field) -> Status {
    for (const auto& [key, value] : kube::child(object, {field})) {
      if (!value.is_string()) continue;
      auto bytes = base64Decode(kube::textOf(value));
      if (!bytes)
        return failure(bytes.error().wrap(fmt::format("{} of {}", std::string_view(key), kube::name(object))));
      out[std::string(key)] = std::move(*bytes);
    }
    return {};
  };
  if (secret) {
    TRY_STATUS(decode("data"));
    return out;
  }
  for (const auto& [key, value] : kube::child(object, {"data"})) {
    if (value.is_string()) out[std::string(key)] = std::string(value.get_string());
  }
  if (!only_text) TRY_STATUS(decode("binaryData"));
  return out;
}

}  // namespace slipway::pod
