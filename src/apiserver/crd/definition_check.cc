#include "apiserver/crd/definition_check.h"

#include "apiserver/api/object_meta.h"
#include "apiserver/crd/schema_check.h"
#include "apiserver/crd/version_check.h"
#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/field_error.h"
#include "schema/formats.h"

namespace slipway::apiserver {
namespace {

using schema::Check;
using Type = schema::FieldError::Type;

constexpr std::string_view kApproval = "api-approved.kubernetes.io";
constexpr std::string_view kMixedCase = "may have mixed case, but should otherwise match: ";

bool isProtected(std::string_view group) {
  for (const std::string_view suffix : {"k8s.io", "kubernetes.io"}) {
    if (group == suffix || group.ends_with("." + std::string(suffix))) return true;
  }
  return false;
}

/// The checks of one definition, in the order of upstream's messages.
class DefinitionCheck {
 public:
  DefinitionCheck(schema::FieldErrors& errors, const json::object& definition)
      : root_(errors, definition),
        spec_(root_.child("spec")),
        versions_(definitionList(definition, {"spec", "versions"})),
        each_(root_, versions_) {}

  void name() const {
    const std::string wanted = fmt::format("{}.{}", json::text(root_.object(), {"spec", "names", "plural"}),
                                           json::text(root_.object(), {"spec", "group"}));
    const std::string name(meta::name(root_.object()));
    if (name != wanted) root_.invalidAt("metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
  }

  void approval() const {
    const std::string_view group = spec_.text("group");
    if (!isProtected(group)) return;
    const std::string_view value = json::text(root_.object(), {"metadata", "annotations", kApproval});
    const std::string field = fmt::format("metadata.annotations[{}]", kApproval);
    constexpr std::string_view kSee = "see https://github.com/kubernetes/enhancements/pull/1111";
    if (value.empty()) {
      return root_.add(
          Type::Required, field,
          fmt::format("Required value: protected groups must have approval annotation \"{}\", {}", kApproval, kSee));
    }
    const bool link = value.find("://") != std::string_view::npos;
    if (link || value.starts_with("unapproved")) return;
    root_.invalidAt(field, value,
                    fmt::format("protected groups must have approval annotation \"{}\" with either a URL or a reason "
                                "starting with \"unapproved\", {}",
                                kApproval, kSee));
  }

  void group() const {
    const std::string_view group = spec_.text("group");
    if (group.empty()) return spec_.required("group");
    spec_.format("group", schema::dnsSubdomain);
    if (group.find('.') == std::string_view::npos) spec_.invalid("group", "should be a domain with at least one dot");
  }

  void versions(std::string& storage) const {
    size_t storing = 0;
    std::set<std::string, std::less<>> names;
    bool unique = true;
    spec_.list("versions", [&](const Check& version) {
      const std::string_view name = version.text("name");
      const bool first = names.empty();
      unique = names.emplace(name).second && unique;
      if (version.flag("storage")) {
        ++storing;
        storage = name;
      }
      version.format("name", schema::dns1035Label);
      // The field that the first of them stood in before there were several.
      for (const std::string& problem : first ? schema::dns1035Label(name) : schema::Problems()) {
        version.invalidAt("spec.version", name, problem);
      }
      if (!version.text("deprecationWarning").empty() && !version.flag("deprecated"))
        version.invalid("deprecationWarning", "can only be set for deprecated versions");
      if (json::findObject(version.object(), {"schema", "openAPIV3Schema"}) == nullptr)
        version.add(Type::Required, version.path("schema") + ".openAPIV3Schema", "Required value");
    });
    if (spec_.flag("preserveUnknownFields")) {
      spec_.invalid("preserveUnknownFields",
                    "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema "
                    "instead");
    }
    if (!unique) root_.invalidAt("spec.versions", shownVersions(), "must contain unique version names");
    if (storing != 1)
      root_.invalidAt("spec.versions", shownVersions(), "must have exactly one version marked as storage version");
  }

  void names() const {
    const Check names = spec_.child("names");
    for (const char* key : {"plural", "singular", "kind", "listKind"}) {
      const std::string_view name = names.text(key);
      if (name.empty()) {
        names.required(key);
        continue;
      }
      const bool mixed = std::string_view(key) == "kind" || std::string_view(key) == "listKind";
      for (const std::string& problem : schema::dns1035Label(mixed ? toLower(name) : std::string(name)))
        names.invalid(key, mixed ? std::string(kMixedCase) + problem : problem);
    }
    for (const char* key : {"shortNames", "categories"}) {
      names.strings(key, [&](std::string_view name, size_t index) {
        for (const std::string& problem : schema::dns1035Label(name))
          names.invalidAt(fmt::format("spec.names.{}[{}]", key, index), name, problem);
      });
    }
    if (!names.text("kind").empty() && names.text("kind") == names.text("listKind"))
      names.invalid("listKind", "kind and listKind may not be the same");
  }

  void schemas(std::vector<Cause>& causes) const {
    for (size_t i = 0; i < versions_.size(); ++i) {
      const json::object* schema = json::findObject(versions_[i].as_object(), {"schema", "openAPIV3Schema"});
      const std::string path = each_.place(i, "schema", "validation");
      if (schema == nullptr || path.empty()) continue;
      std::vector<Cause> found = checkCustomSchema(*schema, path + ".openAPIV3Schema");
      std::move(found.begin(), found.end(), std::back_inserter(causes));
    }
  }

  void conversion() const {
    const Check conversion = spec_.child("conversion");
    const std::string_view strategy = conversion.text("strategy");
    if (strategy != "None" && strategy != "Webhook" && !strategy.empty()) {
      return conversion.notSupportedAt("spec.conversion.strategy", strategy, {"None", "Webhook"});
    }
    if (strategy == "Webhook") {
      return conversion.forbidden("strategy", "conversion by webhook is not supported by this server yet; use None");
    }
    if (!conversion.has("webhook")) return;
    for (const char* field : {"webhookClientConfig", "conversionReviewVersions"})
      conversion.forbidden(field, "should not be set when strategy is not set to Webhook");
  }

  void stored(const std::string& storage) const {
    std::set<std::string, std::less<>> known;
    for (const json::value& version : versions_) known.emplace(json::text(version.as_object(), {"name"}));
    const json::array& stored = definitionList(root_.object(), {"status", "storedVersions"});
    if (stored.empty() && storage.empty())
      root_.invalidAt("status.storedVersions", json::value(), "must have at least one stored version");
    for (size_t i = 0; i < stored.size(); ++i) {
      const std::string name(stored[i].is_string() ? std::string_view(stored[i].get_string()) : std::string_view());
      if (known.contains(name)) continue;
      root_.invalidAt(fmt::format("status.storedVersions[{}]", i), name,
                      fmt::format("missing from spec.versions; {0} was previously a storage version, and must remain "
                                  "in spec.versions until a storage migration ensures no data remains persisted in "
                                  "{0} and removes {0} from status.storedVersions",
                                  name));
    }
  }

  void unchanged(const json::object& old) const {
    for (const std::initializer_list<std::string_view> path : {std::initializer_list<std::string_view>{"spec", "group"},
                                                               {"spec", "scope"},
                                                               {"spec", "names", "kind"},
                                                               {"spec", "names", "plural"}}) {
      const std::string_view now = json::text(root_.object(), path);
      if (now != json::text(old, path))
        root_.invalidAt(fmt::format("{}", fmt::join(path, ".")), now, "field is immutable");
    }
  }

  const VersionCheck& each() const { return each_; }
  const Check& spec() const { return spec_; }
  size_t count() const { return versions_.size(); }

 private:
  /// As Go prints the versions when what they say alike was moved to the top.
  json::array shownVersions() const {
    json::array out;
    for (const json::value& entry : versions_) {
      const json::object& version = entry.as_object();
      json::object one{{"Name", json::text(version, {"name"})},
                       {"Served", json::isTrue(version, {"served"})},
                       {"Storage", json::isTrue(version, {"storage"})},
                       {"Deprecated", json::isTrue(version, {"deprecated"})}};
      for (const char* name :
           {"DeprecationWarning", "Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields"}) {
        one[name] = nullptr;
      }
      out.push_back(std::move(one));
    }
    return out;
  }

  Check root_;
  Check spec_;
  const json::array& versions_;
  VersionCheck each_;
};

void take(schema::FieldErrors& errors, std::vector<Cause>& causes) {
  for (const schema::FieldError& error : errors)
    causes.push_back({std::string(error.reason()), error.detail, error.field});
  errors.clear();
}

bool specDiffers(const json::object& now, const json::object& old) {
  const json::value* a = now.if_contains("spec");
  const json::value* b = old.if_contains("spec");
  return a == nullptr || b == nullptr || !json::equal(*a, *b);
}

}  // namespace

std::vector<Cause> checkDefinition(const json::object& definition, const json::object* old) {
  std::vector<Cause> causes;
  // What was accepted once, perhaps by an older server, can still be let go.
  if (old != nullptr && !specDiffers(definition, *old)) return causes;
  schema::FieldErrors errors;
  const DefinitionCheck check(errors, definition);
  std::string storage;
  if (old == nullptr) check.name();
  check.group();
  check.spec().oneOf("scope", {"Cluster", "Namespaced"}, true);
  check.versions(storage);
  check.names();
  for (size_t i = 0; i < check.count(); ++i) check.each().columns(i);
  for (size_t i = 0; i < check.count(); ++i) check.each().selectable(i);
  take(errors, causes);
  check.schemas(causes);
  for (size_t i = 0; i < check.count(); ++i) check.each().subresources(i);
  check.conversion();
  if (old == nullptr) check.approval();
  check.stored(storage);
  if (old != nullptr) check.unchanged(*old);
  take(errors, causes);
  return causes;
}

void addDefinitionStrategy(Strategies& strategies) {
  Strategy& definitions = strategies.at("apiextensions.k8s.io/customresourcedefinitions");
  definitions.finalizer_on_delete = kCleanUpFinalizer;
  definitions.validate = [](const json::object& definition, const json::object* old, std::string_view subresource) {
    return subresource.empty() ? checkDefinition(definition, old) : std::vector<Cause>();
  };
}

}  // namespace slipway::apiserver
