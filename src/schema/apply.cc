#include "schema/apply.h"

#include <tuple>

#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/managed_fields.h"
#include "schema/ownership.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

constexpr size_t kMaxUpdaters = 10;
const std::vector<std::string> kManagedFieldsPath{"f:metadata", "f:managedFields"};

/// What nobody can own: the identity of the object and what only the server writes.
const FieldSet& unowned() {
  static const FieldSet set = [] {
    FieldSet out;
    for (const char* top : {"apiVersion", "kind", "metadata"}) out.insert({fieldElement(top)});
    for (const char* name : {"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
                             "managedFields", "resourceVersion"}) {
      out.insert({"f:metadata", fieldElement(name)});
    }
    return out;
  }();
  return set;
}

/// FieldSet::remove() on FieldsV1 as it is written.
void takeUnowned(object& fields, const FieldSet& gone) {
  for (const auto& [element, below] : gone.children) {
    value* part = fields.if_contains(element);
    if (part == nullptr) continue;
    object& node = part->get_object();
    const bool was_member = node.empty() || node.contains(".");
    takeUnowned(node, below);
    if (below.member) json::removeKey(node, ".");
    if (node.empty() && (below.member || !was_member)) json::removeKey(fields, element);
  }
}

void ignorePaths(FieldSet& set, const std::vector<std::string>& ignored) {
  for (const std::string& path : ignored) {
    std::vector<std::string> elements;
    for (std::string_view word : split(path, '.')) elements.push_back(fieldElement(word));
    set.prune(elements);
  }
}

FieldChanges changesOf(const object& live, const object& updated, const Type& type,
                       const std::vector<std::string>& ignored) {
  FieldChanges changes = compareFields(live, updated, type);
  for (FieldSet* set : {&changes.added, &changes.removed, &changes.modified}) ignorePaths(*set, ignored);
  return changes;
}

object withoutManagedFields(const object& document) {
  object out = document;
  if (object* metadata = json::findObject(out, {"metadata"})) json::removeKey(*metadata, "managedFields");
  return out;
}

ManagedFields managedFieldsOf(const object& document) {
  const json::array* entries = json::findArray(document, {"metadata", "managedFields"});
  if (entries == nullptr) return {};
  Result<ManagedFields> read = readManagedFields(*entries);
  return read ? std::move(*read) : ManagedFields();
}

/// Everybody but one loses what was changed or is gone.
void takeAway(ManagedFields& managers, const ManagedEntry& winner, const FieldChanges& changes) {
  for (ManagedEntry& entry : managers) {
    if (entry.sameOwner(winner)) continue;
    for (const FieldSet* taken : {&changes.modified, &changes.added, &changes.removed}) entry.fields.remove(*taken);
  }
}

/// An object remembers at most ten updaters: the oldest become one.
void capUpdaters(ManagedFields& managers) {
  auto updaters = [&] { return std::ranges::count_if(managers, [](const ManagedEntry& e) { return !e.applied(); }); };
  std::ranges::sort(managers, {}, [](const ManagedEntry& entry) { return std::tie(entry.time, entry.manager); });
  while (updaters() > static_cast<ptrdiff_t>(kMaxUpdaters)) {
    auto oldest = std::ranges::find_if(
        managers, [](const ManagedEntry& e) { return !e.applied() && e.manager != "ancient-changes"; });
    if (oldest == managers.end()) return;
    ManagedEntry bucket = std::move(*oldest);
    managers.erase(oldest);
    bucket.manager = "ancient-changes";
    bucket.subresource.clear();
    if (ManagedEntry* same = findOwner(managers, bucket)) {
      same->fields = same->fields.unite(bucket.fields);
      same->time = std::max(same->time, bucket.time);
    } else {
      managers.push_back(std::move(bucket));
    }
  }
}

void store(object& document, ManagedFields managers) {
  json::array written = writeManagedFields(std::move(managers));
  object& metadata = json::ensureObject(document, "metadata");
  if (written.empty()) {
    json::removeKey(metadata, "managedFields");
  } else {
    metadata["managedFields"] = std::move(written);
  }
}

/// Removes what the manager applied before and does not any more, and nobody else owns.
object pruneAbandoned(const object& merged, const FieldSet& last, const ManagedFields& managers, const Type& type) {
  Result<FieldSet> merged_fields = fieldsOf(merged, type);
  if (!merged_fields) return merged;
  FieldSet last_named = withNamedFields(last, type);
  FieldSet all = withNamedFields(*merged_fields, type);
  auto gone = [&](const object& pruned) {
    Result<FieldSet> left = fieldsOf(pruned, type);
    return left ? all.subtract(withNamedFields(*left, type)) : FieldSet();
  };
  object pruned = removeFields(merged, last_named, type);
  FieldSet owned;
  for (const ManagedEntry& entry : managers) owned = owned.unite(entry.fields);
  pruned = removeFields(merged, gone(pruned).subtract(withNamedFields(owned, type)), type);
  return removeFields(merged, gone(pruned).intersect(last_named), type);
}

/// "failed to create typed patch object (ns/name; apps/v1, Kind=Deployment)".
std::string whatFailed(const object& applied) {
  return fmt::format("failed to create typed patch object ({}/{}; {}, Kind={})",
                     json::text(applied, {"metadata", "namespace"}), json::text(applied, {"metadata", "name"}),
                     json::text(applied, {"apiVersion"}), json::text(applied, {"kind"}));
}

std::vector<ApplyConflict> conflictsOf(const ManagedFields& managers, const ManagedEntry& self,
                                       const FieldChanges& changes) {
  std::vector<ApplyConflict> out;
  FieldSet touched = changes.modified.unite(changes.added);
  for (const ManagedEntry& entry : managers) {
    if (entry.sameOwner(self)) continue;
    for (std::string& path : entry.fields.intersect(touched).paths()) out.push_back({entry.shown(), std::move(path)});
  }
  return out;
}

}  // namespace

std::string ApplyOutcome::message() const {
  if (conflicts.size() == 1) {
    return fmt::format("Apply failed with 1 conflict: conflict with {}: {}", conflicts[0].manager, conflicts[0].path);
  }
  std::map<std::string, std::vector<std::string>> by_manager;
  for (const ApplyConflict& one : conflicts) by_manager[one.manager].push_back(one.path);
  std::vector<std::string> lines;
  for (const auto& [manager, paths] : by_manager) {
    lines.push_back(fmt::format("conflicts with {}:", manager));
    for (const std::string& path : paths) lines.push_back("- " + path);
  }
  return fmt::format("Apply failed with {} conflicts: {}", conflicts.size(), join(lines, "\n"));
}

Result<ApplyOutcome> applyConfiguration(const json::object& live, const json::object& applied, const Type& type,
                                        const FieldManager& manager, bool force, WallTime now,
                                        const std::vector<std::string>& ignored) {
  const value* sent = json::find(applied, {"metadata", "managedFields"});
  if (sent != nullptr && !sent->is_null()) {
    return failure(Code::BadRequest, "metadata.managedFields must be nil");
  }
  object before = withoutManagedFields(live);
  ManagedFields managers = managedFieldsOf(live);
  ManagedEntry self{manager.name, "Apply", manager.api_version, manager.subresource, formatTime(now), {}};
  Result<FieldSet> claimed = fieldsOf(applied, type);
  if (!claimed) return failure(claimed.error().wrap(whatFailed(applied)));
  self.fields = std::move(*claimed);
  ignorePaths(self.fields, ignored);

  object merged = mergeApplied(before, applied, type);
  FieldSet last;
  if (ManagedEntry* previous = findOwner(managers, self)) {
    last = std::move(previous->fields);
    *previous = self;
  } else {
    managers.push_back(self);
  }
  if (!last.empty()) merged = pruneAbandoned(merged, last, managers, type);

  FieldChanges changes = changesOf(before, merged, type, ignored);
  ApplyOutcome outcome;
  if (!force) outcome.conflicts = conflictsOf(managers, self, changes);
  if (!outcome.conflicts.empty()) return outcome;
  takeAway(managers, self, changes);
  ManagedEntry* own = findOwner(managers, self);
  own->fields = own->fields.subtract(unowned());
  outcome.object = std::move(merged);
  store(outcome.object, std::move(managers));
  return outcome;
}

void trackUpdate(const json::object& live, json::object& updated, const Type& type, const FieldManager& manager,
                 WallTime now, const std::vector<std::string>& ignored) {
  ManagedFields managers = managedFieldsOf(live);
  const json::array* sent = json::findArray(updated, {"metadata", "managedFields"});
  if (manager.subresource.empty() && sent != nullptr) {
    bool reset = sent->size() == 1 && (*sent)[0].is_object() && (*sent)[0].get_object().empty();
    ManagedFields given = reset ? ManagedFields() : managedFieldsOf(updated);
    if (reset || !given.empty()) managers = std::move(given);
  }
  FieldChanges changes = changesOf(live, updated, type, ignored);
  for (FieldSet* set : {&changes.added, &changes.removed, &changes.modified}) set->prune(kManagedFieldsPath);
  ManagedEntry self{manager.name, "Update", manager.api_version, manager.subresource, formatTime(now), {}};
  // Whoever else owned a changed field loses it, the same manager's applied fields as well.
  takeAway(managers, {}, changes);
  self.fields = std::move(changes.modified);
  self.fields.absorb(std::move(changes.added));
  self.fields.remove(unowned());
  if (!self.fields.empty()) {
    if (ManagedEntry* previous = findOwner(managers, self)) {
      self.fields.absorb(std::move(previous->fields));
      *previous = std::move(self);
    } else {
      managers.push_back(std::move(self));
    }
  }
  capUpdaters(managers);
  store(updated, std::move(managers));
}

void trackCreate(const json::object& nothing, json::object& created, const Type& type, const FieldManager& manager,
                 WallTime now, const std::vector<std::string>& ignored) {
  object fields = newFields(nothing, created, type);
  for (const std::string& path : ignored) json::removeKey(fields, fieldElement(path));
  takeUnowned(fields, unowned());
  object& metadata = json::ensureObject(created, "metadata");
  json::removeKey(metadata, "managedFields");
  if (fields.empty()) return;
  object entry({{"manager", manager.name},
                {"operation", "Update"},
                {"apiVersion", manager.api_version},
                {"time", formatTime(now)},
                {"fieldsType", "FieldsV1"}},
               created.storage());
  entry["fieldsV1"] = std::move(fields);
  if (!manager.subresource.empty()) entry["subresource"] = manager.subresource;
  metadata["managedFields"].emplace_array().push_back(std::move(entry));
}

std::string managerOfUserAgent(std::string_view user_agent) {
  std::string_view name = user_agent.substr(0, user_agent.find('/'));
  std::string out;
  for (char letter : name.substr(0, 128)) {
    if (letter >= ' ' && letter <= '~') out.push_back(letter);
  }
  return out.empty() ? "unknown" : out;
}

namespace {

/// Two managedFields entries that say the same at different times.
bool sameEntry(const value& a, const value& b) {
  const object *one = a.if_object(), *two = b.if_object();
  if (one == nullptr || two == nullptr) return json::equal(a, b);
  const auto timeless = [](const object& entry) { return entry.size() - (entry.contains("time") ? 1 : 0); };
  return timeless(*one) == timeless(*two) && std::ranges::all_of(*one, [&](const auto& field) {
           const value* other = two->if_contains(field.key());
           return field.key() == "time" || (other != nullptr && json::equal(field.value(), *other));
         });
}

using SameField = bool (*)(std::string_view key, const value& a, const value& b);

bool sameFields(const value& a, const value& b, SameField same) {
  const object *one = a.if_object(), *two = b.if_object();
  if (one == nullptr || two == nullptr) return json::equal(a, b);
  return one->size() == two->size() && std::ranges::all_of(*one, [&](const auto& field) {
           const value* other = two->if_contains(field.key());
           return other != nullptr && same(field.key(), field.value(), *other);
         });
}

bool sameMetadataField(std::string_view key, const value& a, const value& b) {
  if (key != "managedFields" || !a.is_array() || !b.is_array()) return json::equal(a, b);
  return std::ranges::equal(a.get_array(), b.get_array(), sameEntry);
}

bool sameTopField(std::string_view key, const value& a, const value& b) {
  return key == "metadata" ? sameFields(a, b, sameMetadataField) : json::equal(a, b);
}

}  // namespace

bool sameButForTimes(const json::object& a, const json::object& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const auto& field) {
           const value* other = b.if_contains(field.key());
           return other != nullptr && sameTopField(field.key(), field.value(), *other);
         });
}

}  // namespace slipway::schema
