#pragma once

#include <functional>
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
  };

  /// "app=web,tier in (a, b),!legacy,gpu>2".
  static Result<LabelSelector> parse(std::string_view text);
  /// matchLabels and matchExpressions.
  static Result<LabelSelector> fromObject(const Object& selector);

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
  static Result<FieldSelector> parse(std::string_view text);

  bool matches(const std::function<std::string(const std::string& path)>& value_of) const;
  /// Looks the dotted paths up in the object itself; a missing field is "".
  bool matchesObject(const Object& object) const;
  bool empty() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Requirement> requirements_;
};

}  // namespace slipway::kube
