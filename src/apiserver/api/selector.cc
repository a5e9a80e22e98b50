#include "apiserver/api/selector.h"

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

const std::string* valueOf(const std::vector<std::pair<std::string, std::string>>& all, std::string_view key) {
  for (const auto& [name, value] : all) {
    if (name == key) return &value;
  }
  return nullptr;
}

bool isLabelKey(std::string_view key) {
  const size_t slash = key.rfind('/');
  if (slash != std::string_view::npos && !isDnsSubdomain(key.substr(0, slash))) return false;
  const std::string_view name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  return !name.empty() && toLabelValue(name) == name;
}

bool isLabelValue(std::string_view value) {
  return value.empty() || toLabelValue(value) == value;
}

}  // namespace

/// Reads the grammar of labels.Parse.
class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : text_(text) {}

  Answer<LabelSelector> parse() {
    LabelSelector selector;
    skipSpace();
    if (at_ == text_.size()) return selector;
    while (true) {
      TRY(LabelSelector::Term term, readTerm());
      selector.terms_.push_back(std::move(term));
      skipSpace();
      if (at_ == text_.size()) return selector;
      if (text_[at_] != ',') return failure(unexpected(readWord(), "',' or 'end of string'"));
      ++at_;
      skipSpace();
      if (at_ == text_.size() || text_[at_] == ',') {
        return failure(unexpected(at_ == text_.size() ? "" : ",", "identifier after ','"));
      }
    }
  }

 private:
  using Kind = LabelSelector::Kind;

  Answer<LabelSelector::Term> readTerm() {
    skipSpace();
    LabelSelector::Term term{Kind::Exists, {}, {}};
    if (take('!')) {
      term.kind = Kind::Absent;
      skipSpace();
    }
    term.key = readWord();
    if (term.key.empty()) {
      const std::string op = take(',') ? "," : readOperator();
      return failure(unexpected(op, "!, identifier, or 'end of string'"));
    }
    if (!isLabelKey(term.key)) return failure(badKey(term.key));
    skipSpace();
    if (term.kind == Kind::Absent || at_ == text_.size() || text_[at_] == ',') return term;
    return readOperation(std::move(term));
  }

  Answer<LabelSelector::Term> readOperation(LabelSelector::Term term) {
    const std::string op = readOperator();
    if (op == "=" || op == "==" || op == "!=") {
      term.kind = op == "!=" ? Kind::NotIn : Kind::In;
      skipSpace();
      term.values.push_back(readWord());
    } else if (op == ">" || op == "<") {
      term.kind = op == ">" ? Kind::Greater : Kind::Less;
      skipSpace();
      term.values.push_back(readWord());
      if (!parseInt(term.values[0])) {
        return failure(
            refuse::badRequest(fmt::format("unable to parse requirement: values[0]: Invalid value: \"{}\": for 'Gt', "
                                           "'Lt' operators, the value must be an integer",
                                           term.values[0])));
      }
      return term;
    } else {
      const std::string word = op.empty() ? readWord() : op;
      if (word != "in" && word != "notin") return failure(inRequirement(word, "in, notin, =, ==, !=, gt, lt"));
      term.kind = word == "in" ? Kind::In : Kind::NotIn;
      TRY(term.values, readSet());
    }
    for (const std::string& value : term.values) {
      if (!isLabelValue(value)) return failure(badValue(term.key, value));
    }
    return term;
  }

  Answer<std::vector<std::string>> readSet() {
    skipSpace();
    if (!take('(')) {
      return failure(
          refuse::badRequest(fmt::format("unable to parse requirement: found '{}' expected: '('", readWord())));
    }
    std::vector<std::string> values;
    while (true) {
      skipSpace();
      values.push_back(readWord());
      skipSpace();
      if (take(')')) return values;
      if (!take(',')) return failure(inRequirement(readWord(), "',' or ')'"));
    }
  }

  static StatusError unexpected(std::string_view found, std::string_view wanted) {
    return refuse::badRequest(fmt::format("found '{}', expected: {}", found, wanted));
  }
  static StatusError inRequirement(std::string_view found, std::string_view wanted) {
    StatusError error = unexpected(found, wanted);
    error.message = "unable to parse requirement: " + error.message;
    return error;
  }
  static StatusError badKey(std::string_view key) {
    return refuse::badRequest(fmt::format(
        "unable to parse requirement: <nil>: Invalid value: \"{}\": name part must consist of alphanumeric characters, "
        "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
        "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        key));
  }
  static StatusError badValue(std::string_view key, std::string_view value) {
    const std::string_view why =
        value.size() > 63 ? "must be no more than 63 bytes"
                          : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
                            "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
                            "'my_value',  or '12345', regex used for validation is "
                            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    return refuse::badRequest(
        fmt::format("unable to parse requirement: values[0][{}]: Invalid value: \"{}\": {}", key, value, why));
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

Answer<LabelSelector> LabelSelector::parse(std::string_view text) {
  return SelectorParser(text).parse();
}

LabelSelector LabelSelector::fromObject(const json::object& selector) {
  LabelSelector out;
  if (const auto* labels = selector.if_contains("matchLabels"); labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      if (value.is_string()) out.terms_.push_back({Kind::In, std::string(key), {std::string(value.get_string())}});
    }
  }
  const auto* expressions = selector.if_contains("matchExpressions");
  if (expressions == nullptr || !expressions->is_array()) return out;
  for (const json::value& entry : expressions->get_array()) {
    if (!entry.is_object()) continue;
    const auto* op = entry.get_object().if_contains("operator");
    const auto* key = entry.get_object().if_contains("key");
    if (op == nullptr || key == nullptr || !op->is_string() || !key->is_string()) continue;
    Term term{Kind::In, std::string(key->get_string()), {}};
    if (*op == "NotIn") term.kind = Kind::NotIn;
    if (*op == "Exists") term.kind = Kind::Exists;
    if (*op == "DoesNotExist") term.kind = Kind::Absent;
    if (const auto* values = entry.get_object().if_contains("values"); values != nullptr && values->is_array()) {
      for (const json::value& value : values->get_array()) {
        if (value.is_string()) term.values.emplace_back(value.get_string());
      }
    }
    out.terms_.push_back(std::move(term));
  }
  return out;
}

bool LabelSelector::holds(const Term& term, const std::string* value) {
  const auto listed = [&] { return std::find(term.values.begin(), term.values.end(), *value) != term.values.end(); };
  switch (term.kind) {
    case Kind::In:
      return value != nullptr && listed();
    case Kind::NotIn:
      return value == nullptr || !listed();
    case Kind::Exists:
      return value != nullptr;
    case Kind::Absent:
      return value == nullptr;
    case Kind::Greater:
    case Kind::Less:
      break;
  }
  const auto number = value == nullptr ? std::nullopt : parseInt(*value);
  const auto bound = parseInt(term.values[0]);
  if (!number || !bound) return false;
  return term.kind == Kind::Greater ? *number > *bound : *number < *bound;
}

bool LabelSelector::matches(const Traits& traits) const {
  return std::all_of(terms_.begin(), terms_.end(),
                     [&](const Term& term) { return holds(term, valueOf(traits.labels, term.key)); });
}

bool LabelSelector::matches(const json::object& labels) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const auto* value = labels.if_contains(term.key);
    if (value == nullptr || !value->is_string()) return holds(term, nullptr);
    const std::string text(value->get_string());
    return holds(term, &text);
  });
}

Answer<FieldSelector> FieldSelector::parse(std::string_view text, const std::set<std::string, std::less<>>& offered) {
  FieldSelector selector;
  for (const std::string_view part : split(text, ',')) {
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return failure(refuse::badRequest(fmt::format("invalid selector: '{}'; can't understand '{}'", text, part)));
    }
    Term term;
    term.equal = equals == 0 || part[equals - 1] != '!';
    term.field = std::string(part.substr(0, term.equal ? equals : equals - 1));
    std::string_view value = part.substr(equals + 1);
    if (term.equal && value.starts_with('=')) value.remove_prefix(1);
    term.value = std::string(value);
    if (!offered.contains(term.field)) {
      return failure(refuse::badRequest(fmt::format("field label not supported: {}", term.field)));
    }
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

bool FieldSelector::matches(const Traits& traits) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const std::string* value = valueOf(traits.fields, term.field);
    return ((value == nullptr ? std::string_view() : std::string_view(*value)) == term.value) == term.equal;
  });
}

const std::string* FieldSelector::required(std::string_view field) const {
  for (const Term& term : terms_) {
    if (term.equal && term.field == field) return &term.value;
  }
  return nullptr;
}

}  // namespace slipway::apiserver
