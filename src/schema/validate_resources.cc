#include "base/strings.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

bool podLevelResource(std::string_view name) {
  return name == "cpu" || name == "memory" || name.starts_with("hugepages-");
}

bool isHugePages(std::string_view name) {
  return name.starts_with("hugepages-");
}

/// Huge pages come whole: "hugepages-2Mi" in multiples of 2Mi.
bool wholePages(std::string_view name, const Quantity& amount) {
  const Result<Quantity> page = Quantity::parse(name.substr(std::string_view("hugepages-").size()));
  if (!page || !amount.isInteger() || page->sign() <= 0) return false;
  return amount.sign() > 0 && amount.value() % page->value() == 0;
}

void checkResourceNames(const Check& resources, std::string_view key, bool of_pod) {
  const json::value* list = resources.value(key);
  if (list == nullptr || !list->is_object()) return;
  for (const auto& [name_view, part] : list->get_object()) {
    std::string_view name(name_view);
    std::string path = fmt::format("{}[{}]", resources.path(key), name);
    for (const std::string& problem : qualifiedName(name)) resources.invalidAt(path, name, problem);
    bool qualified = name.find('/') != std::string_view::npos;
    if (of_pod && qualifiedName(name).empty() && !podLevelResource(name)) {
      resources.notSupportedAt(path, name, {"cpu", "hugepages-", "memory"});
    } else if (!of_pod && !qualified && !standardContainerResource(name)) {
      if (name != "storage" && name != "pods") {
        resources.invalidAt(path, name, "must be a standard resource type or fully qualified");
      }
      resources.invalidAt(path, name, "must be a standard resource for containers");
    }
    Result<Quantity> quantity = Quantity::parse(part.is_string() ? std::string_view(part.get_string()) : "");
    if (!quantity) continue;
    if (quantity->sign() < 0) resources.invalidAt(path, part, "must be greater than or equal to 0");
    if (qualified && !quantity->isInteger()) resources.invalidAt(path, part, "must be an integer");
    if (isHugePages(name) && !wholePages(name, *quantity)) {
      resources.invalidAt(
          path, part,
          fmt::format("{} is not positive integer multiple of {}", std::string_view(part.get_string()), name));
    }
  }
}

void checkRequests(const Check& resources) {
  const json::object* limits = json::findObject(resources.object(), {"limits"});
  const json::object* requests = json::findObject(resources.object(), {"requests"});
  if (requests == nullptr) return;
  for (const auto& [name_view, part] : *requests) {
    std::string_view name(name_view);
    bool overcommits = name.find('/') == std::string_view::npos && !isHugePages(name);
    std::string_view limit = limits == nullptr ? "" : json::text(*limits, {name});
    if (limit.empty()) {
      if (!overcommits) resources.required("limits", "Limit must be set for non overcommitable resources");
      continue;
    }
    Result<Quantity> wanted = Quantity::parse(part.is_string() ? std::string_view(part.get_string()) : "");
    Result<Quantity> most = Quantity::parse(limit);
    if (!wanted || !most) continue;
    std::string path = resources.path("requests");
    if (!overcommits && *wanted != *most) {
      resources.invalidAt(path, part, fmt::format("must be equal to {} limit of {}", name, limit));
    } else if (*wanted > *most) {
      resources.invalidAt(path, part, fmt::format("must be less than or equal to {} limit of {}", name, limit));
    }
  }
}

}  // namespace

void checkResources(const Check& holder, bool of_pod, const std::set<std::string_view>& claims) {
  Check resources = holder.child("resources");
  if (!resources.present()) return;
  checkResourceNames(resources, "limits", of_pod);
  checkResourceNames(resources, "requests", of_pod);
  checkRequests(resources);
  bool pages = false, others = false;
  for (std::string_view list : {"limits", "requests"}) {
    const json::object* named = json::findObject(resources.object(), {list});
    if (named == nullptr) continue;
    for (const auto& [name, part] : *named) {
      pages = pages || isHugePages(name);
      others = others || name == "cpu" || name == "memory";
    }
  }
  if (pages && !others) {
    resources.add(FieldError::Type::Forbidden, resources.path(), "Forbidden: HugePages require cpu or memory");
  }
  std::set<std::string_view> seen;
  resources.list("claims", [&](const Check& claim) {
    const std::string_view name = claim.text("name");
    if (name.empty()) return claim.add(FieldError::Type::Required, claim.path(), "Required value");
    if (claim.text("request").empty() && !seen.insert(name).second) claim.duplicateAt(claim.path(), name);
    if (claims.contains(name)) return;
    claim.add(FieldError::Type::NotFound, claim.path(),
              fmt::format("Not found: {:?}: must be one of the names in pod.spec.resourceClaims{}{}", name,
                          claims.empty() ? " which is empty" : ": ", fmt::join(claims, ", ")));
  });
}

void checkResizePolicy(const Check& container, std::string_view pod_restart) {
  std::set<std::string_view> seen;
  const std::string path = container.path("resizePolicy");
  container.list("resizePolicy", [&](const Check& policy) {
    const std::string_view resource = policy.text("resourceName"), restart = policy.text("restartPolicy");
    if (!seen.insert(resource).second) policy.duplicateAt(policy.path(), resource);
    const auto known = [&](std::string_view word, std::initializer_list<std::string_view> words) {
      if (word.empty()) return policy.add(FieldError::Type::Required, path, "Required value");
      if (std::ranges::find(words, word) == words.end()) policy.notSupportedAt(path, word, words);
    };
    known(resource, {"cpu", "memory"});
    known(restart, {"NotRequired", "RestartContainer"});
    if (pod_restart == "Never" && restart != "NotRequired") {
      policy.invalidAt(path, restart, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
  });
}

bool standardContainerResource(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
}

void checkPodResources(const Check& spec) {
  const Check resources = spec.child("resources");
  if (resources.has("claims")) resources.forbidden("claims", "claims may not be set for Resources at pod-level");
  checkResources(spec, true, {});
}

}  // namespace slipway::schema
