#include "apiserver/crd/custom_rules.h"

#include "apiserver/api/object_meta.h"
#include "apiserver/crd/custom_type.h"
#include "apiserver/crd/json_path.h"
#include "apiserver/crd/structural.h"
#include "apiserver/crd/validator.h"
#include "base/strings.h"
#include "json/compare.h"
#include "schema/apply.h"
#include "schema/conform.h"
#include "schema/ownership.h"
#include "schema/table.h"
#include "schema/validation.h"

namespace slipway::apiserver {
namespace {

struct PrinterColumn {
  json::object definition;
  std::string path;
  std::string type;
};

json::object columnDefinition(const json::object& column) {
  return {{"name", json::text(column, {"name"})},
          {"type", json::text(column, {"type"})},
          {"format", json::text(column, {"format"})},
          {"description", json::text(column, {"description"})},
          {"priority", json::findInt(column, {"priority"}).value_or(0)}};
}

std::vector<PrinterColumn> printerColumns(const json::object& version) {
  std::vector<PrinterColumn> columns;
  const json::array* given = json::findArray(version, {"additionalPrinterColumns"});
  for (size_t i = 0; given != nullptr && i < given->size(); ++i) {
    const json::object& column = (*given)[i].as_object();
    columns.push_back({columnDefinition(column), std::string(json::text(column, {"jsonPath"})),
                       std::string(json::text(column, {"type"}))});
  }
  if (!columns.empty()) return columns;
  const json::object age{
      {"name", "Age"},
      {"type", "date"},
      {"description", "CreationTimestamp is a timestamp representing the server time when this object was created."}};
  columns.push_back({columnDefinition(age), ".metadata.creationTimestamp", "date"});
  return columns;
}

/// Rules of one version of one CustomResourceDefinition.
class CustomRules final : public ObjectRules {
 public:
  CustomRules(schema::Gvk gvk, bool namespaced, bool has_status, const json::object& version,
              const schema::Schema& builtin)
      : gvk_(std::move(gvk)), namespaced_(namespaced), has_status_(has_status), columns_(printerColumns(version)) {
    static const json::object kAnything{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
    const json::object* given = json::findObject(version, {"schema", "openAPIV3Schema"});
    structural_ = readStructural(given == nullptr ? kAnything : *given);
    type_ = std::make_unique<CustomType>(*structural_, builtin);
    metadata_type_ = builtin.findType("apimachinery.pkg.apis.meta.v1.ObjectMeta");
  }

  Answer<std::vector<std::string>> normalise(json::object& object) const override {
    std::vector<std::string> warnings;
    for (const std::string& path : pruneUnknown(object, *structural_)) {
      warnings.push_back(fmt::format("unknown field \"{}\"", path));
    }
    const Status metadata = pruneMetadata(object, *structural_, "", true, warnings);
    if (!metadata) {
      return failure(refuse::badRequest(fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", gvk_.kind,
                                                    gvk_.version, gvk_.kind, metadata.error().message)));
    }
    return warnings;
  }
  std::vector<std::string> warnings(const json::object& object, const json::object* old) const override {
    std::vector<std::string> out;
    const json::array* before = old == nullptr ? nullptr : json::findArray(*old, {"metadata", "finalizers"});
    const json::array* names = json::findArray(object, {"metadata", "finalizers"});
    for (size_t i = 0; names != nullptr && i < names->size(); ++i) {
      const std::string_view name = (*names)[i].as_string();
      const bool known = before != nullptr && std::ranges::find(*before, (*names)[i]) != before->end();
      if (known || name.find('/') != std::string_view::npos || name == "orphan" || name == "foregroundDeletion")
        continue;
      out.push_back(fmt::format(
          "metadata.finalizers: {:?}: prefer a domain-qualified finalizer name to avoid accidental conflicts with "
          "other finalizer writers",
          name));
    }
    return out;
  }
  void setDefaults(json::object& object) const override { applyDefaults(object, *structural_); }
  std::vector<Cause> validate(const json::object& object, const json::object* old, std::string_view) const override {
    schema::FieldErrors errors;
    const schema::Check root(errors, object);
    schema::validateMetadata(root, namespaced_, schema::nameRuleOf(gvk_.kind), false);
    if (old != nullptr) schema::validateMetadataUpdate(root, *old);
    std::vector<Cause> causes;
    for (const schema::FieldError& error : errors) {
      causes.push_back({std::string(error.reason()), error.detail, error.field});
    }
    std::vector<Cause> own = validateCustom(object, *structural_);
    std::move(own.begin(), own.end(), std::back_inserter(causes));
    return causes;
  }
  void prepareForCreate(json::object& object, WallTime) const override {
    if (has_status_) json::removeKey(object, "status");
    meta::of(object)["generation"] = 1;
  }
  void prepareForUpdate(std::string_view subresource, json::object& object, const json::object& old,
                        WallTime) const override {
    if (subresource == "status") return keepAllButStatus(object, old);
    if (has_status_) {
      json::removeKey(object, "status");
      if (const json::value* status = old.if_contains("status")) object["status"] = *status;
    }
    const int64_t before = meta::generation(old);
    const bool changed = differs(object, old) || differs(old, object);
    meta::of(object)["generation"] = before + (changed ? 1 : 0);
  }
  const json::MergeSchema* mergeSchema() const override { return nullptr; }
  void noteOwner(const json::object* before, json::object& after, const FieldOwner& owner) const override {
    if (before == nullptr) {
      schema::trackCreate(emptyCustom(), after, type_->root(), managerOf(owner), owner.now, ignored(owner.subresource));
    } else {
      schema::trackUpdate(*before, after, type_->root(), managerOf(owner), owner.now, ignored(owner.subresource));
    }
  }
  Answer<json::object> apply(const json::object* live, const json::object& config, const FieldOwner& owner,
                             bool force) const override {
    json::object nothing;
    if (live == nullptr) {
      nothing = emptyCustom();
      json::ensureObject(nothing, "metadata")["name"] = json::text(config, {"metadata", "name"});
    }
    Result<schema::ApplyOutcome> outcome =
        schema::applyConfiguration(live == nullptr ? nothing : *live, config, type_->root(), managerOf(owner), force,
                                   owner.now, ignored(owner.subresource));
    if (!outcome && outcome.error().is(Code::InternalError)) return failure(refuse::plain(outcome.error().message));
    if (!outcome) return failure(StatusError(outcome.error()));
    if (outcome->conflicts.empty()) return std::move(outcome->object);
    json::array causes;
    for (const schema::ApplyConflict& conflict : outcome->conflicts) {
      causes.push_back(json::object{{"reason", "FieldManagerConflict"},
                                    {"message", "conflict with " + conflict.manager},
                                    {"field", conflict.path}});
    }
    return failure(StatusError(409, "Conflict", outcome->message(), {{"causes", std::move(causes)}}));
  }
  json::array columns() const override {
    json::array out{json::object{{"name", "Name"},
                                 {"type", "string"},
                                 {"format", "name"},
                                 {"description", "Name must be unique within a namespace."},
                                 {"priority", 0}}};
    for (const PrinterColumn& column : columns_) out.push_back(column.definition);
    return out;
  }
  json::array cells(const json::object& object, WallTime now) const override {
    json::array out{meta::name(object)};
    for (const PrinterColumn& column : columns_) out.push_back(cell(object, column, now));
    return out;
  }

 private:
  static json::value cell(const json::object& object, const PrinterColumn& column, WallTime now) {
    json::value value = evaluateJsonPath(object, column.path);
    if (column.type == "date") {
      return json::value(value.is_string() ? schema::ageOf(value.get_string(), now) : std::string("<unknown>"));
    }
    if (column.type == "string" && !value.is_null() && !value.is_string()) return json::value(json::serialize(value));
    return value;
  }
  /// What metadata has that no metadata has goes: the object's own, and that of whole objects within it.
  Status pruneMetadata(json::object& object, const Structural& schema, const std::string& path, bool whole,
                       std::vector<std::string>& unknown) const {
    json::object* metadata = whole ? json::findObject(object, {"metadata"}) : nullptr;
    if (metadata != nullptr) {
      TRY(const std::vector<std::string> found, schema::conform(*metadata, *metadata_type_));
      for (const std::string& name : found)
        unknown.push_back(fmt::format("unknown field \"{}metadata.{}\"", path, name));
    }
    for (const auto& [name, property] : schema.properties) {
      json::object* below = json::findObject(object, {name});
      if (below == nullptr) continue;
      TRY_STATUS(pruneMetadata(*below, *property, fmt::format("{}{}.", path, name), property->embedded, unknown));
    }
    return {};
  }
  static schema::FieldManager managerOf(const FieldOwner& owner) {
    return {owner.manager, owner.api_version, owner.subresource};
  }
  std::vector<std::string> ignored(std::string_view subresource) const {
    if (subresource == "status") return {"spec"};
    return has_status_ ? std::vector<std::string>{"status"} : std::vector<std::string>();
  }
  json::object emptyCustom() const {
    return {{"apiVersion", gvk_.apiVersion()}, {"kind", gvk_.kind}, {"metadata", json::object()}};
  }
  /// Whether a field of the wanted state stands in `one` and not so in `other`.
  bool differs(const json::object& one, const json::object& other) const {
    return std::any_of(one.begin(), one.end(), [&](const auto& field) {
      if (field.key() == "metadata" || (has_status_ && field.key() == "status")) return false;
      const json::value* there = other.if_contains(field.key());
      return there == nullptr || !json::equal(field.value(), *there);
    });
  }
  /// The old object's, with the new one's managedFields.
  static json::object metadataBut(const json::object& old, json::object& object) {
    json::object out;
    for (const auto& [key, part] : meta::of(old)) {
      if (key != "managedFields") out[key] = part;
    }
    json::value* managed = meta::of(object).if_contains("managedFields");
    if (managed != nullptr) out["managedFields"] = std::move(*managed);
    return out;
  }
  static void keepAllButStatus(json::object& object, const json::object& old) {
    json::object out;
    for (const auto& [key, before] : old) {
      json::value* now = object.if_contains(key);
      if (key == "metadata") {
        out[key] = metadataBut(old, object);
      } else if (key != "status" && now != nullptr && json::equal(*now, before)) {
        out[key] = std::move(*now);
      } else if (key != "status") {
        out[key] = before;
      }
    }
    if (json::value* status = object.if_contains("status")) out["status"] = std::move(*status);
    object = std::move(out);
  }

  schema::Gvk gvk_;
  bool namespaced_;
  bool has_status_;
  std::vector<PrinterColumn> columns_;
  StructuralPtr structural_;
  const schema::Type* metadata_type_ = nullptr;
  std::unique_ptr<CustomType> type_;
};

std::vector<std::string> strings(const json::object& from, std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  if (const json::array* list = json::findArray(from, path)) {
    for (const json::value& entry : *list) out.emplace_back(entry.as_string());
  }
  return out;
}

void addSubresources(Kind& kind, const json::object& version) {
  const json::object* given = json::findObject(version, {"subresources"});
  if (given == nullptr) return;
  if (given->contains("status")) kind.subresources.push_back({"status", kind.kind, "", "", {"get", "patch", "update"}});
  if (const json::object* scale = json::findObject(*given, {"scale"})) {
    kind.scale_paths = *scale;
    kind.subresources.push_back({"scale", "Scale", "autoscaling", "v1", {"get", "patch", "update"}});
  }
}

std::string deprecationOf(const json::object& version, const Kind& kind, std::string_view better) {
  const std::string_view own = json::text(version, {"deprecationWarning"});
  if (!own.empty()) return std::string(own);
  std::string out = fmt::format("{} {} is deprecated", kind.apiVersion(), kind.kind);
  if (better != kind.version) out += fmt::format("; use {}/{} {}", kind.group, better, kind.kind);
  return out;
}

/// By which clients see that objects are to be stored anew: eight bytes of a digest.
std::string storageHash(std::string_view gvk) {
  const std::string hex = sha256Hex(gvk);
  std::string bytes;
  for (size_t i = 0; i < 16; i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return base64Encode(bytes);
}

}  // namespace

std::vector<KindPtr> kindsOf(const json::object& definition, const schema::Schema& builtin) {
  std::vector<KindPtr> out;
  const std::string group(json::text(definition, {"spec", "group"}));
  const json::array* versions = json::findArray(definition, {"spec", "versions"});
  std::string storage;
  for (size_t i = 0; versions != nullptr && i < versions->size(); ++i) {
    const json::object& version = (*versions)[i].as_object();
    if (json::isTrue(version, {"storage"})) storage = json::text(version, {"name"});
  }
  for (size_t i = 0; versions != nullptr && i < versions->size(); ++i) {
    const json::object& version = (*versions)[i].as_object();
    if (!json::isTrue(version, {"served"})) continue;
    auto kind = std::make_shared<Kind>();
    kind->custom = true;
    kind->group = group;
    kind->version = json::text(version, {"name"});
    kind->plural = json::text(definition, {"spec", "names", "plural"});
    kind->singular = json::text(definition, {"spec", "names", "singular"});
    kind->kind = json::text(definition, {"spec", "names", "kind"});
    kind->namespaced = json::text(definition, {"spec", "scope"}) == "Namespaced";
    kind->verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
    kind->storage_hash = storageHash(fmt::format("{}/{}/{}", group, storage, kind->kind));
    kind->short_names = strings(definition, {"spec", "names", "shortNames"});
    kind->categories = strings(definition, {"spec", "names", "categories"});
    kind->table = group + "/" + kind->plural;
    kind->storage_version = group + "/" + storage;
    kind->selectable.insert("metadata.name");
    if (kind->namespaced) kind->selectable.insert("metadata.namespace");
    const json::array* selectable = json::findArray(version, {"selectableFields"});
    for (size_t f = 0; selectable != nullptr && f < selectable->size(); ++f) {
      const std::string_view path = json::text((*selectable)[f].as_object(), {"jsonPath"});
      kind->selectable.emplace(path.substr(path.starts_with('.') ? 1 : 0));
    }
    if (const json::object* open_api = json::findObject(version, {"schema", "openAPIV3Schema"}))
      kind->open_api = *open_api;
    addSubresources(*kind, version);
    if (json::isTrue(version, {"deprecated"})) kind->deprecation = deprecationOf(version, *kind, storage);
    kind->rules = std::make_shared<CustomRules>(schema::Gvk{group, kind->version, kind->kind}, kind->namespaced,
                                                kind->hasStatus(), version, builtin);
    out.push_back(std::move(kind));
  }
  return out;
}

}  // namespace slipway::apiserver
