#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/api/status_error.h"
#include "apiserver/store/stored.h"

namespace slipway::apiserver {

/// A label selector as in a list's query: "a=b,c!=d,e in (f,g),!h,i".
class LabelSelector {
 public:
  /// BadRequest with the words of the real server.
  static Answer<LabelSelector> parse(std::string_view text);
  /// metav1.LabelSelector; an empty one matches everything.
  static LabelSelector fromObject(const json::object& selector);

  bool matches(const Traits& traits) const;
  bool matches(const json::object& labels) const;
  bool empty() const { return terms_.empty(); }

 private:
  friend class SelectorParser;
  enum class Kind { In, NotIn, Exists, Absent, Greater, Less };
  struct Term {
    Kind kind;
    std::string key;
    std::vector<std::string> values;
  };
  static bool holds(const Term& term, const std::string* value);

  std::vector<Term> terms_;
};

/// A field selector: "spec.nodeName=n1,status.phase!=Failed". Only fields that the kind offers.
class FieldSelector {
 public:
  static Answer<FieldSelector> parse(std::string_view text, const std::set<std::string, std::less<>>& offered);

  bool matches(const Traits& traits) const;
  bool empty() const { return terms_.empty(); }
  /// The value that the field must have, or null.
  const std::string* required(std::string_view field) const;

 private:
  struct Term {
    std::string field;
    std::string value;
    bool equal = true;
  };
  std::vector<Term> terms_;
};

}  // namespace slipway::apiserver
