#include "kube/selector.h"

#include "base/strings.h"

namespace slipway::kube {
namespace {

using Operator = LabelSelector::Operator;

/// Splits at commas that are not inside parentheses.
std::vector<std::string_view> splitRequirements(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    parts.push_back(trim(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

bool isLabelKey(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash != std::string_view::npos && !isDnsSubdomain(key.substr(0, slash))) return false;
  const std::string_view last = slash == std::string_view::npos ? key : key.substr(slash + 1);
  return !last.empty() && toLabelValue(last) == last;
}

Result<LabelSelector::Requirement> requirement(std::string_view key, Operator op, std::vector<std::string> values) {
  key = trim(key);
  if (!isLabelKey(key)) return failure(Code::BadRequest, "\"{}\" is not a label key", key);
  for (const std::string& value : values) {
    const bool number = op == Operator::GreaterThan || op == Operator::LessThan;
    if (number ? !parseInt(value) : !value.empty() && toLabelValue(value) != value) {
      return failure(Code::BadRequest, "\"{}\" is not a value for label {}", value, key);
    }
  }
  return LabelSelector::Requirement{std::string(key), op, std::move(values)};
}

Result<LabelSelector::Requirement> setRequirement(std::string_view text, size_t open) {
  if (text.back() != ')') return failure(Code::BadRequest, "selector \"{}\": \")\" is missing", text);
  const std::string_view head = trim(text.substr(0, open));
  const size_t space = head.find_last_of(" \t");
  if (space == std::string_view::npos) return failure(Code::BadRequest, "selector \"{}\": in or notin expected", text);
  const std::string_view word = head.substr(space + 1);
  if (word != "in" && word != "notin") return failure(Code::BadRequest, "selector \"{}\": unknown \"{}\"", text, word);
  std::vector<std::string> values;
  for (const std::string_view value : split(text.substr(open + 1, text.size() - open - 2), ',')) {
    values.emplace_back(trim(value));
  }
  if (values.empty()) values.emplace_back();
  return requirement(head.substr(0, space), word == "in" ? Operator::In : Operator::NotIn, std::move(values));
}

Result<LabelSelector::Requirement> parseRequirement(std::string_view text) {
  if (text.empty()) return failure(Code::BadRequest, "a label selector has an empty requirement");
  if (const size_t open = text.find('('); open != std::string_view::npos) return setRequirement(text, open);
  if (text[0] == '!') return requirement(text.substr(1), Operator::DoesNotExist, {});
  const size_t at = text.find_first_of("=!<>");
  if (at == std::string_view::npos) return requirement(text, Operator::Exists, {});
  const std::string_view key = text.substr(0, at);
  const char sign = text[at];
  std::string_view value = text.substr(at + 1);
  if (sign == '!' && !value.starts_with('=')) return failure(Code::BadRequest, "selector \"{}\": != expected", text);
  if ((sign == '!' || sign == '=') && value.starts_with('=')) value.remove_prefix(1);
  const Operator op = sign == '='   ? Operator::In
                      : sign == '!' ? Operator::NotIn
                      : sign == '>' ? Operator::GreaterThan
                                    : Operator::LessThan;
  return requirement(key, op, {std::string(trim(value))});
}

bool holds(const LabelSelector::Requirement& wanted, const Object& labels) {
  const json::value* found = labels.if_contains(wanted.key);
  const bool exists = found != nullptr && found->is_string();
  if (wanted.op == Operator::Exists) return exists;
  if (wanted.op == Operator::DoesNotExist) return !exists;
  if (!exists) return wanted.op == Operator::NotIn;
  const std::string_view value(found->get_string().data(), found->get_string().size());
  if (wanted.op == Operator::GreaterThan || wanted.op == Operator::LessThan) {
    const auto have = parseInt(value);
    const auto limit = parseInt(wanted.values.front());
    if (!have || !limit) return false;
    return wanted.op == Operator::GreaterThan ? *have > *limit : *have < *limit;
  }
  const bool among = std::find(wanted.values.begin(), wanted.values.end(), value) != wanted.values.end();
  return among == (wanted.op == Operator::In);
}

Result<Operator> operatorOf(std::string_view name) {
  if (name == "In") return Operator::In;
  if (name == "NotIn") return Operator::NotIn;
  if (name == "Exists") return Operator::Exists;
  if (name == "DoesNotExist") return Operator::DoesNotExist;
  return failure(Code::Invalid, "\"{}\" is not an operator of a label selector", name);
}

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector selector;
  if (trim(text).empty()) return selector;
  for (const std::string_view part : splitRequirements(text)) {
    TRY(Requirement parsed, parseRequirement(part));
    selector.requirements_.push_back(std::move(parsed));
  }
  return selector;
}

Result<LabelSelector> LabelSelector::fromObject(const Object& object) {
  LabelSelector selector;
  for (const auto& [name, value] : child(object, {"matchLabels"})) {
    if (!value.is_string()) return failure(Code::Invalid, "matchLabels: {} is not a string", std::string_view(name));
    selector.requirements_.push_back({std::string(name), Operator::In, {std::string(value.get_string())}});
  }
  for (const json::value& item : items(object, {"matchExpressions"})) {
    if (!item.is_object()) return failure(Code::Invalid, "matchExpressions: an element is not an object");
    const Object& expression = item.get_object();
    TRY(const Operator op, operatorOf(kube::text(expression, {"operator"})));
    Requirement wanted{std::string(kube::text(expression, {"key"})), op, {}};
    for (const json::value& value : items(expression, {"values"})) {
      if (value.is_string()) wanted.values.emplace_back(value.get_string());
    }
    const bool needs_values = op == Operator::In || op == Operator::NotIn;
    if (needs_values == wanted.values.empty()) {
      return failure(Code::Invalid, "matchExpressions: {}: wrong number of values", wanted.key);
    }
    selector.requirements_.push_back(std::move(wanted));
  }
  return selector;
}

bool LabelSelector::matches(const Object& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const auto& wanted) { return holds(wanted, labels); });
}

bool LabelSelector::matchesObject(const Object& object) const {
  return matches(child(object, {"metadata", "labels"}));
}

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  FieldSelector selector;
  for (const std::string_view raw : split(text, ',')) {
    const std::string_view part = trim(raw);
    if (part.empty()) continue;
    const size_t at = part.find('=');
    if (at == std::string_view::npos || at == 0) {
      return failure(Code::BadRequest, "field selector \"{}\": =, == or != expected", part);
    }
    const bool differs = part[at - 1] == '!';
    std::string_view value = part.substr(at + 1);
    if (!differs && value.starts_with('=')) value.remove_prefix(1);
    selector.requirements_.push_back(
        {std::string(trim(part.substr(0, differs ? at - 1 : at))), !differs, std::string(trim(value))});
  }
  return selector;
}

bool FieldSelector::matches(const std::function<std::string(const std::string& path)>& value_of) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const auto& wanted) { return (value_of(wanted.path) == wanted.value) == wanted.equal; });
}

bool FieldSelector::matchesObject(const Object& object) const {
  return matches([&](const std::string& path) {
    const Object* here = &object;
    const json::value* found = nullptr;
    for (const std::string_view step : split(path, '.')) {
      found = here == nullptr ? nullptr : here->if_contains(step);
      if (found == nullptr) return std::string();
      here = found->if_object();
    }
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  });
}

}  // namespace slipway::kube
