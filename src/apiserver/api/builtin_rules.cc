#include "apiserver/api/builtin_rules.h"

#include "base/strings.h"
#include "json/document.h"
#include "schema/apply.h"
#include "schema/conform.h"
#include "schema/defaults.h"
#include "schema/ownership.h"
#include "schema/prepare.h"
#include "schema/table.h"
#include "schema/validation.h"
#include "schema/warnings.h"

namespace slipway::apiserver {
namespace {

schema::FieldManager managerOf(const FieldOwner& owner) {
  return {owner.manager, owner.api_version, owner.subresource};
}

StatusError conflictsOf(const schema::ApplyOutcome& outcome) {
  json::array causes;
  for (const schema::ApplyConflict& conflict : outcome.conflicts) {
    causes.push_back(json::object{{"reason", "FieldManagerConflict"},
                                  {"message", "conflict with " + conflict.manager},
                                  {"field", conflict.path}});
  }
  return {409, "Conflict", outcome.message(), {{"causes", std::move(causes)}}};
}

class BuiltinRules final : public ObjectRules {
 public:
  BuiltinRules(const schema::ResourceInfo& resource, std::shared_ptr<const schema::Defaults> defaults)
      : resource_(resource),
        gvk_{std::string(resource.group), std::string(resource.version), std::string(resource.kind)},
        defaults_(std::move(defaults)) {}

  Answer<std::vector<std::string>> normalise(json::object& object) const override {
    if (resource_.type == nullptr) return std::vector<std::string>();
    Result<std::vector<std::string>> unknown = schema::conform(object, *resource_.type);
    if (unknown) return schema::warnings(*unknown, {});
    return failure(refuse::badRequest(fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", gvk_.kind,
                                                  gvk_.version, gvk_.kind, unknown.error().message)));
  }
  void setDefaults(json::object& object) const override {
    if (resource_.type != nullptr) defaults_->apply(object, *resource_.type);
  }
  std::vector<Cause> validate(const json::object& object, const json::object* old,
                              std::string_view subresource) const override {
    const schema::FieldErrors errors = old == nullptr ? schema::validateCreate(resource_, object)
                                                      : schema::validateUpdate(resource_, subresource, object, *old);
    std::vector<Cause> causes;
    const auto add = [&](const schema::FieldError& error) {
      // Only core kinds ask for standard names; the API server's own finalizer of definitions is none.
      const bool standard_only = error.detail.find("neither a standard finalizer") != std::string::npos;
      if (standard_only && gvk_.group == "apiextensions.k8s.io") return;
      causes.push_back({std::string(error.reason()), error.detail, error.field});
    };
    // An update's metadata is checked by the registry and once more by the kind: each cause stands there twice.
    for (const schema::FieldError& error : errors) {
      if (old != nullptr && error.field.starts_with("metadata.")) add(error);
    }
    for (const schema::FieldError& error : errors) add(error);
    return causes;
  }
  std::vector<std::string> warnings(const json::object& object, const json::object* old) const override {
    return schema::objectWarnings(resource_, object, old);
  }
  void prepareForCreate(json::object& object, WallTime now) const override {
    schema::prepareForCreate(resource_, object, now);
  }
  void prepareForUpdate(std::string_view subresource, json::object& object, const json::object& old,
                        WallTime now) const override {
    schema::prepareForUpdate(resource_, subresource, object, old, now);
  }
  void countGeneration(json::object& object, const json::object& old) const override {
    schema::countGeneration(resource_, object, old);
  }
  const json::MergeSchema* mergeSchema() const override { return resource_.type; }
  void noteOwner(const json::object* before, json::object& after, const FieldOwner& owner) const override {
    if (resource_.type == nullptr) return;
    const schema::Type& type = *resource_.type;
    if (before == nullptr) {
      schema::trackCreate(schema::emptyObject(type), after, type, managerOf(owner), owner.now,
                          ignored(owner.subresource));
    } else {
      schema::trackUpdate(*before, after, type, managerOf(owner), owner.now, ignored(owner.subresource));
    }
  }
  Answer<json::object> apply(const json::object* live, const json::object& config, const FieldOwner& owner,
                             bool force) const override {
    if (resource_.type == nullptr) return failure(refuse::methodNotAllowed());
    json::object nothing;
    if (live == nullptr) {
      nothing = schema::emptyObject(*resource_.type);
      nothing["apiVersion"] = gvk_.apiVersion();
      nothing["kind"] = gvk_.kind;
      json::ensureObject(nothing, "metadata")["name"] = json::text(config, {"metadata", "name"});
    }
    Result<schema::ApplyOutcome> outcome =
        schema::applyConfiguration(live == nullptr ? nothing : *live, config, *resource_.type, managerOf(owner), force,
                                   owner.now, ignored(owner.subresource));
    if (!outcome && outcome.error().is(Code::InternalError)) {
      // Go writes a core kind's version with the slash of its empty group.
      return failure(refuse::plain(replaceAll(outcome.error().message, fmt::format("; {}, Kind=", gvk_.version),
                                              fmt::format("; /{}, Kind=", gvk_.version))));
    }
    if (!outcome) return failure(StatusError(outcome.error()));
    if (outcome->conflicts.empty()) return std::move(outcome->object);
    return failure(conflictsOf(*outcome));
  }
  json::array columns() const override { return schema::columnDefinitions(schema::tableColumns(gvk_)); }
  json::array cells(const json::object& object, WallTime now) const override {
    return schema::tableCells(gvk_, object, now);
  }
  json::array rowConditions(const json::object& object) const override { return schema::tableConditions(gvk_, object); }

 private:
  /// What an endpoint resets is nobody's.
  std::vector<std::string> ignored(std::string_view subresource) const {
    if (subresource == "status") return {"spec"};
    if (subresource.empty() && resource_.subresource("status") != nullptr) return {"status"};
    return {};
  }

  const schema::ResourceInfo& resource_;
  schema::Gvk gvk_;
  std::shared_ptr<const schema::Defaults> defaults_;
};

}  // namespace

std::shared_ptr<const ObjectRules> builtinRules(const schema::ResourceInfo& resource,
                                                std::shared_ptr<const schema::Defaults> defaults) {
  return std::make_shared<BuiltinRules>(resource, std::move(defaults));
}

}  // namespace slipway::apiserver
