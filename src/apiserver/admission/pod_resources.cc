#include "apiserver/admission/pod_resources.h"

#include "json/document.h"

namespace slipway::apiserver {
namespace {

void addAll(ResourceAmounts& sum, const ResourceAmounts& part) {
  for (const auto& [name, amount] : part) {
    const auto [known, is_new] = sum.try_emplace(name, amount);
    if (!is_new) known->second = known->second + amount;
  }
}

void raiseTo(ResourceAmounts& most, const ResourceAmounts& part) {
  for (const auto& [name, amount] : part) {
    const auto [known, is_new] = most.try_emplace(name, amount);
    if (!is_new && known->second < amount) known->second = amount;
  }
}

}  // namespace

ResourceAmounts readAmounts(const json::object* from) {
  ResourceAmounts out;
  if (from == nullptr) return out;
  for (const auto& [name, value] : *from) {
    if (!value.is_string()) continue;
    const Result<schema::Quantity> amount = schema::Quantity::parse(value.get_string());
    if (amount) out.emplace(std::string(name), *amount);
  }
  return out;
}

ResourceAmounts amountsOfPod(const json::object& pod, std::string_view kind) {
  ResourceAmounts running, starting;
  if (const json::array* containers = json::findArray(pod, {"spec", "containers"})) {
    for (const json::value& container : *containers)
      addAll(running, readAmounts(json::findObject(container.as_object(), {"resources", kind})));
  }
  // Sidecars start in order and stay, so an init container runs beside those before it.
  ResourceAmounts sidecars;
  if (const json::array* containers = json::findArray(pod, {"spec", "initContainers"})) {
    for (const json::value& entry : *containers) {
      const json::object& container = entry.as_object();
      ResourceAmounts amounts = readAmounts(json::findObject(container, {"resources", kind}));
      if (json::text(container, {"restartPolicy"}) == "Always") {
        addAll(running, amounts);
        addAll(sidecars, amounts);
        raiseTo(starting, sidecars);
      } else {
        addAll(amounts, sidecars);
        raiseTo(starting, amounts);
      }
    }
  }
  raiseTo(running, starting);
  const ResourceAmounts overhead = readAmounts(json::findObject(pod, {"spec", "overhead"}));
  for (const auto& [name, amount] : overhead) {
    if (kind == "requests" || running.contains(name)) addAll(running, {{name, amount}});
  }
  return running;
}

}  // namespace slipway::apiserver
