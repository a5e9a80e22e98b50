#include "pod/resources.h"

#include "base/strings.h"
#include "kube/quantity.h"

namespace slipway::pod {
namespace {

using Amounts = std::map<std::string, int64_t>;

Result<Amounts> amountsOf(const kube::Object& container, std::string_view list) {
  Amounts out;
  // A request that is not given is the limit, as the API server would default it.
  const auto add = [&](std::string_view from) -> Status {
    const kube::Object& amounts = kube::child(container, {"resources", from});
    for (const auto& entry : amounts) {
      const std::string_view name = entry.key();
      auto milli = milliValue(quantityText(amounts, name));
      if (!milli) {
        return failure(milli.error().wrap(
            fmt::format("container {}: resources.{}.{}", kube::text(container, {"name"}), from, name)));
      }
      out.emplace(name, *milli);
    }
    return {};
  };
  TRY_STATUS(add(list));
  TRY_STATUS(add(list == "requests" ? "limits" : "requests"));
  return out;
}

void addTo(Amounts& sum, const Amounts& more) {
  for (const auto& [name, amount] : more) sum[name] += amount;
}

void raiseTo(Amounts& most, const Amounts& other) {
  for (const auto& [name, amount] : other) most[name] = std::max(most[name], amount);
}

int64_t ceilDiv(int64_t amount, int64_t unit) {
  return amount / unit + (amount % unit > 0 ? 1 : 0);
}

int64_t valueOf(const Amounts& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second;
}

void addGres(site::v1::SlurmOptions& options, std::string_view name, int64_t count) {
  for (auto& gres : *options.mutable_gres()) {
    if (gres.name() == name) {
      gres.set_count(gres.count() + count);
      return;
    }
  }
  auto* gres = options.add_gres();
  gres->set_name(std::string(name));
  gres->set_count(count);
}

/// The GRES that an extended resource stands for; "" for those that are none.
std::string_view gresName(std::string_view resource) {
  constexpr std::string_view kOwn = "slipway.dev/gres-";
  if (resource.starts_with(kOwn)) return resource.substr(kOwn.size());
  if (resource == "nvidia.com/gpu" || resource == "amd.com/gpu" || resource == "gpu.intel.com/i915" ||
      resource == "gpu.intel.com/xe") {
    return "gpu";
  }
  return "";
}

}  // namespace

std::string quantityText(const kube::Object& list, std::string_view key) {
  const kube::json::value* value = list.if_contains(key);
  if (value == nullptr) return "";
  if (value->is_string()) return std::string(value->get_string());
  return kube::json::serialize(*value);
}

Result<int64_t> milliValue(std::string_view quantity) {
  TRY(const kube::Quantity amount, kube::Quantity::parse(quantity));
  return amount.millis();
}

Result<Amounts> podResources(const kube::Object& pod, std::string_view list) {
  Amounts sidecars;
  Amounts most_at_init;
  for (const auto& item : kube::items(pod, {"spec", "initContainers"})) {
    TRY(const Amounts amounts, amountsOf(kube::objectOf(item), list));
    Amounts now = sidecars;
    addTo(now, amounts);
    raiseTo(most_at_init, now);
    if (kube::text(kube::objectOf(item), {"restartPolicy"}) == "Always") addTo(sidecars, amounts);
  }
  Amounts total = sidecars;
  for (const auto& item : kube::items(pod, {"spec", "containers"})) {
    TRY(const Amounts amounts, amountsOf(kube::objectOf(item), list));
    addTo(total, amounts);
  }
  raiseTo(total, most_at_init);
  // What is said of the pod as a whole holds instead of the sum.
  TRY(const Amounts whole, amountsOf(kube::child(pod, {"spec"}), list));
  for (const auto& [name, amount] : whole) total[name] = amount;
  const kube::Object& overhead = kube::child(pod, {"spec", "overhead"});
  for (const auto& entry : overhead) {
    TRY(const int64_t milli, milliValue(quantityText(overhead, entry.key())));
    total[std::string(entry.key())] += milli;
  }
  return total;
}

Status applyResources(const kube::Object& pod, const kube::Object& node, site::v1::SlurmOptions& options) {
  TRY(const Amounts requests, podResources(pod, "requests"));
  TRY(const Amounts limits, podResources(pod, "limits"));
  options.set_cpus_per_task(ceilDiv(valueOf(requests, "cpu"), 1000));
  int64_t memory = std::max(valueOf(requests, "memory"), valueOf(limits, "memory"));
  const std::string allocatable = quantityText(kube::child(node, {"status", "allocatable"}), "memory");
  if (!allocatable.empty()) {
    TRY(const int64_t most, milliValue(allocatable));
    memory = std::max(std::min(memory, most), valueOf(requests, "memory"));
  }
  options.set_memory_mib(ceilDiv(ceilDiv(memory, 1000), 1 << 20));
  for (const auto& [name, amount] : requests) {
    const std::string_view gres = gresName(name);
    if (!gres.empty() && amount > 0) addGres(options, gres, ceilDiv(amount, 1000));
  }
  return {};
}

}  // namespace slipway::pod
