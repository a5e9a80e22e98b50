#include "kube/selector.h"

#include "base/strings.h"

namespace slipway::kube {
namespace {

using Operator = LabelSelector::Operator;
using Requirement = LabelSelector::Requirement;

bool isLabelKey(std::string_view key) {
  const size_t slash = key.rfind('/');
  if (slash != std::string_view::npos && !isDnsSubdomain(key.substr(0, slash))) return false;
  const std::string_view name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  return !name.empty() && toLabelValue(name) == name;
}

bool isLabelValue(std::string_view value) {
  return value.empty() || toLabelValue(value) == value;
}

/// Reads the grammar of labels.Parse.
class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : text_(text) {}

  Result<std::vector<Requirement>> parse() {
    std::vector<Requirement> found;
    skipSpace();
    if (at_ == text_.size()) return found;
    while (true) {
      TRY(Requirement term, readTerm());
      found.push_back(std::move(term));
      skipSpace();
      if (at_ == text_.size()) return found;
      if (text_[at_] != ',') return unexpected(readWord(), "',' or 'end of string'");
      ++at_;
      skipSpace();
      if (at_ == text_.size() || text_[at_] == ',') {
        return unexpected(at_ == text_.size() ? "" : ",", "identifier after ','");
      }
    }
  }

 private:
  Result<Requirement> readTerm() {
    skipSpace();
    Requirement term{{}, Operator::Exists, {}};
    if (take('!')) {
      term.op = Operator::DoesNotExist;
      skipSpace();
    }
    term.key = readWord();
    if (term.key.empty()) {
      const std::string op = take(',') ? "," : readOperator();
      return unexpected(op, "!, identifier, or 'end of string'");
    }
    if (!isLabelKey(term.key)) return badKey(term.key);
    skipSpace();
    if (term.op == Operator::DoesNotExist || at_ == text_.size() || text_[at_] == ',') return term;
    return readOperation(std::move(term));
  }

  Result<Requirement> readOperation(Requirement term) {
    const std::string op = readOperator();
    if (op == "=" || op == "==" || op == "!=") {
      term.op = op == "!=" ? Operator::NotIn : Operator::In;
      skipSpace();
      term.values.push_back(readWord());
    } else if (op == ">" || op == "<") {
      term.op = op == ">" ? Operator::GreaterThan : Operator::LessThan;
      skipSpace();
      term.values.push_back(readWord());
      if (!parseInt(term.values[0])) {
        return failure(Code::BadRequest,
                       "unable to parse requirement: values[0]: Invalid value: \"{}\": for 'Gt', 'Lt' operators, the "
                       "value must be an integer",
                       term.values[0]);
      }
      return term;
    } else {
      const std::string word = op.empty() ? readWord() : op;
      if (word != "in" && word != "notin") return inRequirement(word, "in, notin, =, ==, !=, gt, lt");
      term.op = word == "in" ? Operator::In : Operator::NotIn;
      TRY(term.values, readSet());
    }
    for (const std::string& value : term.values) {
      if (!isLabelValue(value)) return badValue(term.key, value);
    }
    return term;
  }

  Result<std::vector<std::string>> readSet() {
    skipSpace();
    if (!take('(')) {
      return failure(Code::BadRequest, "unable to parse requirement: found '{}' expected: '('", readWord());
    }
    std::vector<std::string> values;
    while (true) {
      skipSpace();
      values.push_back(readWord());
      skipSpace();
      if (take(')')) return values;
      if (!take(',')) return inRequirement(readWord(), "',' or ')'");
    }
  }

  static tl::unexpected<Error> unexpected(std::string_view found, std::string_view wanted) {
    return failure(Code::BadRequest, "found '{}', expected: {}", found, wanted);
  }
  static tl::unexpected<Error> inRequirement(std::string_view found, std::string_view wanted) {
    return failure(Code::BadRequest, "unable to parse requirement: found '{}', expected: {}", found, wanted);
  }
  static tl::unexpected<Error> badKey(std::string_view key) {
    return failure(
        Code::BadRequest,
        "unable to parse requirement: <nil>: Invalid value: \"{}\": name part must consist of alphanumeric characters, "
        "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
        "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        key);
  }
  static tl::unexpected<Error> badValue(std::string_view key, std::string_view value) {
    const std::string_view why =
        value.size() > 63 ? "must be no more than 63 bytes"
                          : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
                            "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
                            "'my_value',  or '12345', regex used for validation is "
                            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    return failure(Code::BadRequest, "unable to parse requirement: values[0][{}]: Invalid value: \"{}\": {}", key,
                   value, why);
  }

  static bool isSpecial(char c) { return std::string_view("=!(),><").find(c) != std::string_view::npos; }
  void skipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string readWord() {
    const size_t start = at_;
    while (at_ < text_.size() && !isSpecial(text_[at_]) && text_[at_] != ' ' && text_[at_] != '\t') ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  std::string readOperator() {
    const size_t start = at_;
    while (at_ < text_.size() && std::string_view("=!><").find(text_[at_]) != std::string_view::npos) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  std::string_view text_;
  size_t at_ = 0;
};

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
  TRY(selector.requirements_, SelectorParser(text).parse());
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

bool LabelSelector::Requirement::holds(std::optional<std::string_view> value) const {
  if (op == Operator::Exists) return value.has_value();
  if (op == Operator::DoesNotExist) return !value;
  if (!value) return op == Operator::NotIn;
  if (op == Operator::GreaterThan || op == Operator::LessThan) {
    const auto have = parseInt(*value);
    const auto limit = parseInt(values.front());
    if (!have || !limit) return false;
    return op == Operator::GreaterThan ? *have > *limit : *have < *limit;
  }
  const bool among = std::find(values.begin(), values.end(), *value) != values.end();
  return among == (op == Operator::In);
}

bool LabelSelector::matches(const Object& labels) const {
  return matchesBy([&](std::string_view key) -> std::optional<std::string_view> {
    const json::value* found = labels.if_contains(key);
    if (found == nullptr || !found->is_string()) return std::nullopt;
    return std::string_view(found->get_string());
  });
}

bool LabelSelector::matchesObject(const Object& object) const {
  return matches(child(object, {"metadata", "labels"}));
}

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  FieldSelector selector;
  for (const std::string_view part : split(text, ',')) {
    if (part.empty()) continue;
    const size_t at = part.find('=');
    if (at == std::string_view::npos) {
      return failure(Code::BadRequest, "invalid selector: '{}'; can't understand '{}'", text, part);
    }
    const bool differs = at > 0 && part[at - 1] == '!';
    std::string_view value = part.substr(at + 1);
    if (!differs && value.starts_with('=')) value.remove_prefix(1);
    selector.requirements_.push_back(
        {std::string(part.substr(0, differs ? at - 1 : at)), !differs, std::string(value)});
  }
  return selector;
}

const std::string* FieldSelector::required(std::string_view path) const {
  for (const Requirement& wanted : requirements_) {
    if (wanted.equal && wanted.path == path) return &wanted.value;
  }
  return nullptr;
}

bool FieldSelector::matchesObject(const Object& object) const {
  return matchesBy([&](const std::string& path) {
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
