#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/api/object_rules.h"
#include "apiserver/store/stored.h"

namespace slipway::apiserver {

/// "pods/status", "deployments/scale".
struct Subresource {
  std::string name;
  std::string kind;
  std::string group;  ///< of `kind`, when it is not the resource's own
  std::string version;
  std::set<std::string, std::less<>> verbs;
};

/// One resource in one version, as it is served.
struct Kind {
  std::string group;
  std::string version;
  std::string plural;
  std::string singular;
  std::string kind;
  bool namespaced = true;
  std::set<std::string, std::less<>> verbs;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::string storage_hash;
  std::vector<Subresource> subresources;
  std::set<std::string, std::less<>> selectable;  ///< fields for field selectors, metadata.* included
  std::shared_ptr<const ObjectRules> rules;
  std::string table;            ///< where its objects are stored
  bool custom = false;          ///< of a CustomResourceDefinition
  std::string storage_version;  ///< apiVersion that is stored when it is another one, converted on the way
  json::object scale_paths;     ///< custom: spec.versions[].subresources.scale
  json::object open_api;        ///< custom: its schema, for /openapi
  std::string deprecation;      ///< what who uses this version is warned of; empty: nothing

  std::string apiVersion() const { return group.empty() ? version : group + "/" + version; }
  Qualified resource() const { return {plural, group}; }
  /// Events are checked as those of the core group, whichever they came to.
  Qualified qualifiedKind() const { return {kind, table == "core/events" ? std::string() : group}; }
  bool hasVerb(std::string_view verb) const { return verbs.contains(verb); }
  const Subresource* subresource(std::string_view name) const;
  bool hasStatus() const { return subresource("status") != nullptr; }
  /// "<namespace>/<name>" or "<name>".
  std::string key(std::string_view ns, std::string_view name) const;
  /// Labels and selectable fields of a stored object, taken out of it the first time.
  const Traits& traitsOf(const Stored& stored) const;
  Traits traitsOf(const json::object& object) const;
};
using KindPtr = std::shared_ptr<const Kind>;

/// All that is served, by group, version and plural. Changes as CustomResourceDefinitions come and go: whoever holds a
/// KindPtr may finish with it. Loop thread only.
class Kinds {
 public:
  struct Group {
    std::string name;
    std::vector<std::string> versions;  ///< preferred first
  };

  void add(KindPtr kind);
  void removeCustom(const std::string& group, const std::string& plural);
  KindPtr find(std::string_view group, std::string_view version, std::string_view plural) const;
  KindPtr findKind(std::string_view api_version, std::string_view kind) const;
  /// Any version of it.
  KindPtr findResource(std::string_view group, std::string_view plural) const;
  bool hasGroup(std::string_view group) const;
  bool hasVersion(std::string_view group, std::string_view version) const;
  std::vector<KindPtr> of(std::string_view group, std::string_view version) const;
  const std::vector<Group>& groups() const { return groups_; }
  std::vector<KindPtr> all() const;
  /// Grows with every change.
  uint64_t version() const { return version_; }

 private:
  std::map<std::string, std::map<std::string, std::vector<KindPtr>>> kinds_;  ///< group → version → kinds
  std::vector<Group> groups_;
  uint64_t version_ = 1;
};

/// Fields that the built-in kind offers to field selectors beside metadata.
std::set<std::string, std::less<>> selectableFields(std::string_view group, std::string_view plural);

}  // namespace slipway::apiserver
