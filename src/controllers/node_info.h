#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "kube/informer.h"
#include "kube/quantity.h"

namespace slipway::controllers {

/// Amounts by resource name, in the units that are compared: thousandths of a CPU, whole units of everything else.
class Amounts {
 public:
  static Amounts of(const kube::Object& quantities);
  /// What a pod asks for in all: the sum over containers and sidecars, or the largest init container if that is more
  /// (k8s.io/component-helpers/resource), plus overhead and "pods": 1.
  static Amounts ofPod(const kube::Object& pod);
  /// What it may use at most, by the same sums; without "pods".
  static Amounts limitsOfPod(const kube::Object& pod);

  void add(const Amounts& other, int64_t times = 1);
  void raiseTo(const Amounts& other);
  int64_t get(const std::string& resource) const;
  const std::map<std::string, int64_t>& all() const { return amounts_; }

 private:
  static Amounts ofContainers(const kube::Object& pod, std::string_view which);

  std::map<std::string, int64_t> amounts_;
};

/// A node, and what the pods bound to it ask for.
struct NodeInfo {
  kube::ObjectPtr node;
  Amounts allocatable;
  Amounts requested;
};

/// All nodes with their pods, kept from informer events. A pod that was just bound counts at once (assume()), before
/// the watch shows its nodeName.
class NodeTable {
 public:
  void setNode(const kube::ObjectPtr& node);
  void removeNode(const std::string& name);
  /// A pod as it is now: counts while it has a node and has not ended.
  void setPod(const kube::Object& pod);
  void removePod(const kube::Object& pod);
  void assume(const kube::Object& pod, const std::string& node);

  const std::map<std::string, NodeInfo>& nodes() const { return nodes_; }

 private:
  struct Placed {
    std::string node;
    Amounts amounts;
  };
  void place(const std::string& uid, Placed placed);
  void take(const std::string& uid);

  Amounts& requestedOn(const std::string& node);

  std::map<std::string, NodeInfo> nodes_;
  std::unordered_map<std::string, Amounts> homeless_;  ///< what pods on nodes that are not known ask for, by node
  std::unordered_map<std::string, Placed> placed_;     ///< by pod uid
};

}  // namespace slipway::controllers
