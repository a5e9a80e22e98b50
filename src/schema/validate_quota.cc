#include "base/strings.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

bool standardQuotaResource(std::string_view name) {
  constexpr std::array kNames = {"cpu",
                                 "memory",
                                 "ephemeral-storage",
                                 "requests.cpu",
                                 "requests.memory",
                                 "requests.storage",
                                 "requests.ephemeral-storage",
                                 "limits.cpu",
                                 "limits.memory",
                                 "limits.ephemeral-storage",
                                 "pods",
                                 "resourcequotas",
                                 "services",
                                 "replicationcontrollers",
                                 "secrets",
                                 "persistentvolumeclaims",
                                 "configmaps",
                                 "services.nodeports",
                                 "services.loadbalancers"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("requests.hugepages-") ||
         name.starts_with("hugepages-");
}

bool standardResource(std::string_view name) {
  return standardQuotaResource(name) || name == "storage";
}

/// Names of resources are checked as such before what the kind makes of them.
bool checkResourceName(const Check& at, const std::string& path, std::string_view name) {
  const Problems problems = qualifiedName(name);
  for (const std::string& problem : problems) at.invalidAt(path, name, problem);
  if (!problems.empty()) return false;
  if (name.find('/') != std::string_view::npos || standardResource(name)) return true;
  at.invalidAt(path, name, "must be a standard resource type or fully qualified");
  return false;
}

bool isAnyOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

bool knownScope(std::string_view scope) {
  return isAnyOf(scope, {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
                         "CrossNamespacePodAffinity", "VolumeAttributesClass"});
}

bool scopeFits(std::string_view scope, std::string_view resource) {
  if (!knownScope(scope)) return true;
  if (scope == "VolumeAttributesClass") return isAnyOf(resource, {"persistentvolumeclaims", "requests.storage"});
  if (resource == "pods") return true;
  return scope != "BestEffort" &&
         isAnyOf(resource, {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"});
}

/// Scopes that cannot stand together, and resources that a scope says nothing about.
void checkScopes(const Check& spec, const std::vector<std::string_view>& scopes, const std::string& path,
                 std::string_view key) {
  const object* hard = json::findObject(spec.object(), {"hard"});
  const value* shown = spec.value(key);
  const auto refuse = [&](const std::string& at, std::string_view detail) {
    spec.invalidAt(at, shown == nullptr ? value() : *shown, detail);
  };
  for (std::string_view scope : scopes) {
    if (key == "scopes" && !knownScope(scope)) refuse(path, "unsupported scope");
    if (hard == nullptr) continue;
    for (const auto& [name, part] : *hard) {
      if (!standardQuotaResource(name) || scopeFits(scope, name)) continue;
      refuse(path, "unsupported scope applied to resource");
    }
  }
  const auto has = [&](std::string_view scope) { return std::ranges::find(scopes, scope) != scopes.end(); };
  if ((has("BestEffort") && has("NotBestEffort")) || (has("Terminating") && has("NotTerminating"))) {
    spec.invalidAt("spec.scopes", spec.has("scopes") ? *spec.value("scopes") : value(), "conflicting scopes");
  }
}

void checkScopeSelector(const Check& spec) {
  const Check selector = spec.child("scopeSelector");
  const std::string path = "spec.scopeSelector.matchExpressions";
  std::vector<std::string_view> scopes;
  selector.list("matchExpressions", [&](const Check& expression) {
    const std::string_view scope = expression.text("scopeName"), word = expression.text("operator");
    scopes.push_back(scope);
    const auto refuse = [&](std::string_view key, std::string_view detail) {
      const value* bad = expression.value(key);
      expression.invalidAt(fmt::format("{}.{}", path, key), bad == nullptr ? value("") : *bad, detail);
    };
    if (!knownScope(scope)) refuse("scopeName", "unsupported scope");
    if (knownScope(scope) && scope != "PriorityClass" && scope != "VolumeAttributesClass" && word != "Exists") {
      refuse("operator",
             "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
             "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
             "ResourceQuotaScopeCrossNamespacePodAffinity");
    }
    if (word == "In" || word == "NotIn") {
      if (expression.count("values") > 0) return;
      expression.add(
          FieldError::Type::Required, path + ".values",
          "Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
    } else if (word == "Exists" || word == "DoesNotExist") {
      if (expression.count("values") == 0) return;
      refuse("values", "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
    } else {
      refuse("operator", "not a valid selector operator");
    }
  });
  checkScopes(spec, scopes, path, "scopeSelector");
}

void checkAmounts(const Check& at, std::string_view key) {
  const object* amounts = json::findObject(at.object(), {key});
  if (amounts == nullptr) return;
  for (const auto& [name_view, part] : *amounts) {
    const std::string name(name_view), path = fmt::format("{}[{}]", at.path(key), name);
    const bool qualified = name.find('/') != std::string::npos;
    checkResourceName(at, path, name);
    if (!qualified && !standardQuotaResource(name)) {
      at.invalidAt(path, value(name), "must be a standard resource for quota");
    }
    Result<Quantity> quantity = Quantity::parse(part.is_string() ? std::string_view(part.get_string()) : "");
    if (quantity && quantity->sign() < 0) at.invalidAt(path, part, "must be greater than or equal to 0");
    bool counts = !name.ends_with("cpu") && !name.ends_with("memory") && !name.ends_with("storage") && !qualified;
    if (quantity && counts && !quantity->isInteger()) at.invalidAt(path, part, "must be an integer");
  }
}

void createResourceQuota(const Check& root) {
  Check spec = root.child("spec");
  checkAmounts(spec, "hard");
  std::vector<std::string_view> scopes;
  spec.strings("scopes", [&](std::string_view scope, size_t) { scopes.push_back(scope); });
  checkScopes(spec, scopes, "spec.scopes", "scopes");
  if (spec.has("scopeSelector")) checkScopeSelector(spec);
}
void updateResourceQuota(const Check& root, const object& old) {
  checkImmutable(root, old, {"spec", "scopes"});
}
void statusOfResourceQuota(const Check& root, const object&) {
  const Check status = root.child("status");
  checkAmounts(status, "hard");
  checkAmounts(status, "used");
}

void checkRange(const Check& item) {
  const std::string_view type = item.text("type");
  const bool container = type == "Pod" || type == "Container";
  std::set<std::string> names;
  const auto take = [&](std::string_view key) {
    const object* list = json::findObject(item.object(), {key});
    if (list == nullptr) return;
    for (const auto& [name_view, part] : *list) {
      const std::string name(name_view), path = fmt::format("{}[{}]", item.path(key), name);
      names.insert(name);
      const bool plain = name.find('/') == std::string::npos;
      checkResourceName(item, path, name);
      if (container && plain && !standardContainerResource(name)) {
        item.invalidAt(path, name, "must be a standard resource for containers");
      }
    }
  };
  take("max");
  take("min");
  for (std::string_view key : {"default", "defaultRequest"}) {
    if (type != "Pod") take(key);
    if (type == "Pod" && item.count(key) > 0) item.forbidden(key, "may not be specified when `type` is 'Pod'");
  }
  const auto storage = [&](std::string_view key) { return json::find(item.object(), {key, "storage"}) != nullptr; };
  if (type == "PersistentVolumeClaim" && !storage("min") && !storage("max")) {
    item.required("limits", "either minimum or maximum storage value is required, but neither was provided");
  }
  take("maxLimitRequestRatio");
  for (const std::string& name : names) {
    auto of = [&](std::string_view key) { return json::text(item.object(), {key, name}); };
    auto more = [&](std::string_view a, std::string_view b) {
      Result<Quantity> left = Quantity::parse(of(a)), right = Quantity::parse(of(b));
      return !of(a).empty() && !of(b).empty() && left && right && *left > *right;
    };
    auto refuse = [&](std::string_view key, std::string_view bad, std::string detail) {
      item.invalidAt(fmt::format("{}[{}]", item.path(key), name), value(of(bad)), detail);
    };
    struct Order {
      std::string_view less, more, at, bad, words;
    };
    constexpr std::array kOrders = {
        Order{"min", "max", "min", "min", "min value {} is greater than max value {}"},
        Order{"min", "defaultRequest", "defaultRequest", "defaultRequest",
              "min value {} is greater than default request value {}"},
        Order{"defaultRequest", "max", "defaultRequest", "defaultRequest",
              "default request value {} is greater than max value {}"},
        Order{"defaultRequest", "default", "defaultRequest", "defaultRequest",
              "default request value {} is greater than default limit value {}"},
        Order{"min", "default", "default", "min", "min value {} is greater than default value {}"},
        Order{"default", "max", "default", "max", "default value {} is greater than max value {}"},
    };
    for (const Order& order : kOrders) {
      if (!more(order.less, order.more)) continue;
      refuse(order.at, order.bad, fmt::format(fmt::runtime(order.words), of(order.less), of(order.more)));
    }
    Result<Quantity> ratio = Quantity::parse(of("maxLimitRequestRatio"));
    if (ratio && !of("maxLimitRequestRatio").empty() && *Quantity::parse("1") > *ratio) {
      refuse("maxLimitRequestRatio", "maxLimitRequestRatio",
             fmt::format("ratio {} is less than 1", of("maxLimitRequestRatio")));
    }
  }
}

void createLimitRange(const Check& root) {
  std::set<std::string_view> types;
  const Check spec = root.child("spec");
  spec.list("limits", [&](const Check& item) {
    const std::string_view type = item.text("type");
    const Problems problems = qualifiedName(type);
    for (const std::string& problem : problems) item.invalidAt(item.path("type"), type, problem);
    if (problems.empty() && type.find('/') == std::string_view::npos &&
        !isAnyOf(type, {"Pod", "Container", "PersistentVolumeClaim"})) {
      item.invalid("type", "must be a standard limit type or fully qualified");
    }
    if (!types.insert(type).second) item.duplicateAt(item.path("type"), type);
    checkRange(item);
  });
}

constexpr std::array kQuotaRules = {
    KindRules{"ResourceQuota", createResourceQuota, updateResourceQuota, When::After, statusOfResourceQuota},
    KindRules{"LimitRange", createLimitRange},
};

}  // namespace

std::span<const KindRules> quotaRules() {
  return kQuotaRules;
}

}  // namespace slipway::schema
