#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/types.h"

namespace slipway::schema {

/// Which kind: group "" is core.
struct Gvk {
  std::string group, version, kind;

  std::string apiVersion() const { return group.empty() ? version : group + "/" + version; }
  auto operator<=>(const Gvk&) const = default;
};
/// "apps/v1" and "Deployment" as a Gvk.
Gvk gvkOf(std::string_view api_version, std::string_view kind);

/// "pods/status" and its like.
struct Subresource {
  std::string_view name;         ///< "status"
  std::string_view kind;         ///< "Pod", "Scale", "Eviction"
  std::string_view api_version;  ///< if it is not the resource's: "autoscaling/v1"
  std::vector<std::string_view> verbs;
};

/// One resource as discovery shows it.
struct ResourceInfo {
  std::string_view group, version, plural, singular, kind;
  bool namespaced = true;
  std::vector<std::string_view> verbs, short_names, categories;
  std::string_view storage_hash;  ///< storageVersionHash, as the real server computes it
  std::vector<Subresource> subresources;
  const Type* type = nullptr;

  bool can(std::string_view verb) const;
  const Subresource* subresource(std::string_view name) const;
};

/// One group and version, in the order of discovery; the first version of a group is the preferred one.
struct GroupVersion {
  std::string_view group, version;
  std::vector<ResourceInfo> resources;
};

/// All kinds of the Kubernetes API that the program knows. Loading takes a few milliseconds; the texts stay where they
/// are. Immutable afterwards: any thread may read it, and it must outlive whoever holds a Type of it.
class Schema {
 public:
  /// The program's own. A failure is a fault of the build.
  static std::unique_ptr<const Schema> builtin();
  /// Other texts of the same form (data/kubernetes.txt, data/defaults.txt), which must outlive the schema. BadRequest
  /// names the line.
  static Result<std::unique_ptr<const Schema>> load(std::string_view text, std::string_view defaults = "");

  const Type* find(const Gvk& gvk) const;
  const Type* find(std::string_view api_version, std::string_view kind) const;
  /// By the name of the type: "api.core.v1.PodSpec".
  const Type* findType(std::string_view name) const { return types_.find(name); }
  const std::deque<Type>& types() const { return types_.types(); }
  const ResourceInfo* resource(std::string_view group, std::string_view version, std::string_view plural) const;
  const ResourceInfo* resourceOfKind(const Gvk& gvk) const;
  const std::vector<GroupVersion>& groups() const { return groups_; }

 private:
  class Loader;
  Schema() = default;

  TypeSet types_;
  std::vector<GroupVersion> groups_;
  std::map<std::string, const Type*, std::less<>> by_gvk_;  ///< "apps/v1/Deployment"
};

}  // namespace slipway::schema
