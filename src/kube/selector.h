#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/resource.h"

namespace slipway::kube {

/// Chooses objects by their labels, as `kubectl -l` and metav1.LabelSelector do. An empty selector matches everything.
class LabelSelector {
 public:
  enum class Operator { In, NotIn, Exists, DoesNotExist, GreaterThan, LessThan };
  struct Requirement {
    std::string key;
    Operator op;
    std::vector<std::string> values;

    /// Whether a label with this value, or without one, is as required.
    bool holds(std::optional<std::string_view> value) const;
  };

  /// "app=web,tier in (a, b),!legacy,gpu>2". Errors: BadRequest in the words of Kubernetes.
  static Result<LabelSelector> parse(std::string_view text);
  /// matchLabels and matchExpressions.
  static Result<LabelSelector> fromObject(const Object& selector);

  /// `value_of(key)` gives a label's value as std::optional<std::string_view>.
  template <typename Lookup>
  bool matchesBy(const Lookup& value_of) const {
    return std::all_of(requirements_.begin(), requirements_.end(),
                       [&](const Requirement& wanted) { return wanted.holds(value_of(wanted.key)); });
  }
  bool matches(const Object& labels) const;
  /// The object's metadata.labels.
  bool matchesObject(const Object& object) const;
  bool empty() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Requirement> requirements_;
};

/// Chooses objects by fields: "spec.nodeName=n1,status.phase!=Failed". Which fields a kind has is the server's
/// business.
class FieldSelector {
 public:
  struct Requirement {
    std::string path;
    bool equal;
    std::string value;
  };
  /// Errors: BadRequest in the words of Kubernetes.
  static Result<FieldSelector> parse(std::string_view text);

  /// `value_of(path)` gives a field's value, "" for a missing one.
  template <typename Lookup>
  bool matchesBy(const Lookup& value_of) const {
    return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& wanted) {
      return (value_of(wanted.path) == wanted.value) == wanted.equal;
    });
  }
  /// Looks the dotted paths up in the object itself; a missing field is "".
  bool matchesObject(const Object& object) const;
  /// The value that the field must have, or null.
  const std::string* required(std::string_view path) const;
  bool empty() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Requirement> requirements_;
};

}  // namespace slipway::kube
