#include "base/strings.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

bool expressionMatches(const json::object& expression, const json::object* labels) {
  const json::value* label = labels == nullptr ? nullptr : labels->if_contains(json::text(expression, {"key"}));
  std::string_view word = json::text(expression, {"operator"});
  if (word == "Exists") return label != nullptr;
  if (word == "DoesNotExist") return label == nullptr;
  const json::array* values = json::findArray(expression, {"values"});
  bool listed = label != nullptr && values != nullptr && std::ranges::find(*values, *label) != values->end();
  return word == "In" ? listed : word == "NotIn" && !listed;
}

}  // namespace

bool checkSelector(const Check& at, std::string_view key) {
  Check selector = at.child(key);
  bool fine = true;
  if (const json::value* labels = selector.value("matchLabels"); labels != nullptr && labels->is_object()) {
    for (const auto& [name, part] : labels->get_object()) {
      Problems problems = qualifiedName(name);
      for (const std::string& problem : problems)
        selector.invalidAt(selector.path("matchLabels"), json::value(name), problem);
      fine = fine && problems.empty();
      if (!part.is_string()) continue;
      problems = labelValue(part.get_string());
      for (const std::string& problem : problems) selector.invalidAt(selector.path("matchLabels"), part, problem);
      fine = fine && problems.empty();
    }
  }
  selector.list("matchExpressions", [&](const Check& expression) {
    std::string_view word = expression.text("operator");
    size_t values = expression.count("values");
    if (word == "In" || word == "NotIn") {
      if (values == 0) expression.required("values", "must be specified when `operator` is 'In' or 'NotIn'");
      fine = fine && values > 0;
    } else if (word == "Exists" || word == "DoesNotExist") {
      if (values > 0)
        expression.forbidden("values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      fine = fine && values == 0;
    } else {
      expression.invalid("operator", "not a valid selector operator");
      fine = false;
    }
    Problems problems = qualifiedName(expression.text("key"));
    for (const std::string& problem : problems) expression.invalid("key", problem);
    fine = fine && problems.empty();
  });
  return fine;
}

bool selectorMatches(const json::object& selector, const json::object* labels) {
  bool any = false;
  if (const json::object* wanted = json::findObject(selector, {"matchLabels"})) {
    for (const auto& [key, part] : *wanted) {
      const json::value* label = labels == nullptr ? nullptr : labels->if_contains(key);
      if (label == nullptr || *label != part) return false;
      any = true;
    }
  }
  if (const json::array* expressions = json::findArray(selector, {"matchExpressions"})) {
    for (const json::value& one : *expressions) {
      if (!one.is_object() || !expressionMatches(one.get_object(), labels)) return false;
      any = true;
    }
  }
  return any;
}

namespace {

void checkNodeExpressions(const Check& term, std::string_view key) {
  term.list(key, [](const Check& expression) {
    std::string_view word = expression.text("operator");
    size_t values = expression.count("values");
    if (word == "In" || word == "NotIn") {
      if (values == 0) expression.required("values", "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (word == "Exists" || word == "DoesNotExist") {
      if (values > 0)
        expression.forbidden("values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else if (word == "Gt" || word == "Lt") {
      if (values != 1) expression.required("values", "must be specified single value when `operator` is 'Lt' or 'Gt'");
    } else {
      expression.invalid("operator", "not a valid selector operator");
    }
    for (const std::string& problem : qualifiedName(expression.text("key"))) expression.invalid("key", problem);
  });
}

void checkPodAffinityTerm(const Check& term) {
  checkSelector(term, "labelSelector");
  checkSelector(term, "namespaceSelector");
  term.strings("namespaces", [&](std::string_view ns, size_t index) {
    for (const std::string& problem : dnsLabel(ns)) {
      term.invalidAt(fmt::format("{}[{}]", term.path("namespaces"), index), ns, problem);
    }
  });
  if (term.text("topologyKey").empty()) term.required("topologyKey", "can not be empty");
  for (const std::string& problem : qualifiedName(term.text("topologyKey"))) {
    term.invalidAt(term.path("topologyKey"), term.text("topologyKey"), problem);
  }
}

void checkWeight(const Check& preferred) {
  int64_t weight = preferred.number("weight").value_or(0);
  if (weight < 1 || weight > 100) preferred.invalid("weight", "must be in the range 1-100");
}

}  // namespace

void checkNodeSelector(const Check& selector) {
  if (selector.count("nodeSelectorTerms") == 0) {
    selector.required("nodeSelectorTerms", "must have at least one node selector term");
  }
  selector.list("nodeSelectorTerms", [](const Check& term) {
    checkNodeExpressions(term, "matchExpressions");
    checkNodeExpressions(term, "matchFields");
  });
}

void checkAffinity(const Check& affinity) {
  Check node = affinity.child("nodeAffinity");
  Check needed = node.child("requiredDuringSchedulingIgnoredDuringExecution");
  if (needed.present()) checkNodeSelector(needed);
  node.list("preferredDuringSchedulingIgnoredDuringExecution", [](const Check& preferred) {
    checkWeight(preferred);
    checkNodeExpressions(preferred.child("preference"), "matchExpressions");
    checkNodeExpressions(preferred.child("preference"), "matchFields");
  });
  for (std::string_view key : {"podAffinity", "podAntiAffinity"}) {
    Check pods = affinity.child(key);
    pods.list("requiredDuringSchedulingIgnoredDuringExecution", checkPodAffinityTerm);
    pods.list("preferredDuringSchedulingIgnoredDuringExecution", [](const Check& preferred) {
      checkWeight(preferred);
      Check term = preferred.child("podAffinityTerm");
      checkPodAffinityTerm(term);
    });
  }
}

void checkQuantities(const Check& at, std::string_view key) {
  const json::value* list = at.value(key);
  if (list == nullptr || !list->is_object()) return;
  for (const auto& [name, part] : list->get_object()) {
    if (!part.is_string()) continue;
    Result<Quantity> quantity = Quantity::parse(part.get_string());
    if (quantity && quantity->sign() < 0) {
      at.invalidAt(fmt::format("{}[{}]", at.path(key), std::string_view(name)), part,
                   "must be greater than or equal to 0");
    }
  }
}

void checkCounters(const Check& status, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) status.atLeast(name, 0);
}

void checkPrefixedPath(const Check& at, std::string_view key) {
  const std::string_view text = at.text(key);
  if (text.empty()) return at.required(key);
  const auto [domain, path] = splitOnce(text, '/');
  if (domain.empty() || path.empty()) {
    return at.invalid(key, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  }
  for (const std::string& problem : dnsSubdomain(domain)) at.invalidAt(at.path(key), domain, problem);
}

void checkIntOrPercent(const Check& at, std::string_view key) {
  const json::value* given = at.value(key);
  if (given == nullptr) return;
  if (given->is_string()) {
    Problems problems = percent(given->get_string());
    for (const std::string& problem : problems) at.invalid(key, problem);
    std::string_view text = given->get_string();
    if (problems.empty() && parseInt(text.substr(0, text.size() - 1)).value_or(101) > 100) {
      at.invalid(key, "must not be greater than 100%");
    }
  } else {
    at.atLeast(key, 0);
  }
}

}  // namespace slipway::schema
