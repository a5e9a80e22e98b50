#include "schema/managed_fields.h"

#include <tuple>

#include "json/document.h"

namespace slipway::schema {

bool ManagedEntry::sameOwner(const ManagedEntry& other) const {
  return manager == other.manager && operation == other.operation && subresource == other.subresource &&
         (applied() || api_version == other.api_version);
}

std::string ManagedEntry::shown() const {
  std::string out = fmt::format("{:?}", manager);
  if (!subresource.empty()) out += fmt::format(" with subresource {:?}", subresource);
  // Appliers have no version of their own; the time is no part of an owner's identity.
  if (operation == "Update") out += fmt::format(" using {}", api_version);
  return out;
}

Result<ManagedFields> readManagedFields(const json::array& entries) {
  ManagedFields out;
  for (const json::value& one : entries) {
    const json::object* map = one.if_object();
    if (map == nullptr) return failure(Code::BadRequest, "managedFields has an entry that is no object");
    ManagedEntry entry;
    entry.manager = json::text(*map, {"manager"});
    entry.operation = json::text(*map, {"operation"});
    entry.api_version = json::text(*map, {"apiVersion"});
    entry.subresource = json::text(*map, {"subresource"});
    entry.time = json::text(*map, {"time"});
    bool known = entry.operation == "Apply" || entry.operation == "Update";
    if (!known)
      return failure(Code::BadRequest, "operation is `{}` but should be `Apply` or `Update`", entry.operation);
    if (const json::value* fields = map->if_contains("fieldsV1")) {
      TRY(entry.fields, FieldSet::fromJson(*fields));
    }
    if (ManagedEntry* same = findOwner(out, entry)) {
      same->fields = same->fields.unite(entry.fields);
    } else {
      out.push_back(std::move(entry));
    }
  }
  return out;
}

json::array writeManagedFields(ManagedFields entries) {
  std::erase_if(entries, [](const ManagedEntry& entry) { return entry.fields.empty(); });
  std::ranges::sort(entries, {}, [](const ManagedEntry& entry) {
    static const std::string kNone;
    return std::tie(entry.operation, entry.subresource == "scale" ? kNone : entry.time, entry.manager,
                    entry.api_version, entry.subresource);
  });
  json::array out;
  for (const ManagedEntry& entry : entries) {
    json::object one = {{"manager", entry.manager}, {"operation", entry.operation}, {"apiVersion", entry.api_version}};
    // What a Scale's owners own is kept without a time.
    if (!entry.time.empty() && entry.subresource != "scale") one["time"] = entry.time;
    one["fieldsType"] = "FieldsV1";
    one["fieldsV1"] = entry.fields.toJson();
    if (!entry.subresource.empty()) one["subresource"] = entry.subresource;
    out.push_back(std::move(one));
  }
  return out;
}

ManagedEntry* findOwner(ManagedFields& entries, const ManagedEntry& owner) {
  auto at = std::ranges::find_if(entries, [&](const ManagedEntry& entry) { return entry.sameOwner(owner); });
  return at == entries.end() ? nullptr : &*at;
}

}  // namespace slipway::schema
