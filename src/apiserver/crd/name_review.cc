#include "apiserver/crd/name_review.h"

#include "apiserver/api/object_meta.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

using Names = std::set<std::string, std::less<>>;

struct Taken {
  Names resources;
  Names kinds;
};

void takeText(Names& into, const json::object& names, std::string_view key) {
  const std::string_view text = json::text(names, {key});
  if (!text.empty()) into.emplace(text);
}

/// The names that others in the group have: built-in kinds, and definitions by what they were granted.
Taken takenNames(Registry& registry, std::string_view group, std::string_view self) {
  Taken taken;
  for (const KindPtr& kind : registry.kinds().all()) {
    if (kind->group != group || kind->custom) continue;
    taken.resources.insert({kind->plural, kind->singular});
    taken.kinds.insert({kind->kind, kind->kind + "List"});
  }
  for (const auto& [name, stored] :
       registry.store().table("apiextensions.k8s.io/customresourcedefinitions").objects()) {
    if (name == self || !name.ends_with("." + std::string(group))) continue;
    const json::value document = json::parse(stored->bytes);
    const json::object* names = json::findObject(document.as_object(), {"status", "acceptedNames"});
    if (names == nullptr) continue;
    takeText(taken.resources, *names, "plural");
    takeText(taken.resources, *names, "singular");
    if (const json::array* shorts = json::findArray(*names, {"shortNames"})) {
      for (const json::value& one : *shorts) taken.resources.emplace(one.as_string());
    }
    takeText(taken.kinds, *names, "kind");
    takeText(taken.kinds, *names, "listKind");
  }
  return taken;
}

std::string inUse(std::string_view name) {
  return fmt::format("\"{}\" is already in use", name);
}

}  // namespace

NameReview reviewNames(Registry& registry, const json::object& definition) {
  NameReview review;
  const Taken taken = takenNames(registry, json::text(definition, {"spec", "group"}), meta::name(definition));
  const json::object* before = json::findObject(definition, {"status", "acceptedNames"});
  if (before != nullptr) review.accepted = *before;
  for (const char* needed : {"plural", "kind"}) review.accepted.insert({{needed, ""}});
  const auto refuse = [&](std::string_view reason, std::string message) {
    review.reason = reason;
    review.conflict = std::move(message);
  };
  const auto one = [&](std::string_view key, const Names& others, std::string_view reason) {
    const std::string_view wanted = json::text(definition, {"spec", "names", key});
    if (!wanted.empty() && others.contains(wanted)) return refuse(reason, inUse(wanted));
    if (wanted.empty()) {
      json::removeKey(review.accepted, key);
    } else {
      review.accepted[key] = wanted;
    }
  };
  one("plural", taken.resources, "PluralConflict");
  one("singular", taken.resources, "SingularConflict");
  const json::array* shorts = json::findArray(definition, {"spec", "names", "shortNames"});
  std::vector<std::string> clashing;
  for (size_t i = 0; shorts != nullptr && i < shorts->size(); ++i) {
    const std::string_view name = (*shorts)[i].as_string();
    if (taken.resources.contains(name)) clashing.push_back(inUse(name));
  }
  if (!clashing.empty()) refuse("ShortNamesConflict", join(clashing, ", "));
  if (clashing.empty()) json::removeKey(review.accepted, "shortNames");
  if (clashing.empty() && shorts != nullptr) review.accepted["shortNames"] = *shorts;
  one("kind", taken.kinds, "KindConflict");
  one("listKind", taken.kinds, "ListKindConflict");
  json::removeKey(review.accepted, "categories");
  if (const json::array* categories = json::findArray(definition, {"spec", "names", "categories"}))
    review.accepted["categories"] = *categories;
  return review;
}

}  // namespace slipway::apiserver
