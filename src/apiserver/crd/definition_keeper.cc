#include "apiserver/crd/definition_keeper.h"

#include "apiserver/api/object_meta.h"
#include "apiserver/crd/custom_rules.h"
#include "apiserver/crd/definition_check.h"
#include "apiserver/crd/name_review.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr const char* kTable = "apiextensions.k8s.io/customresourcedefinitions";
constexpr auto kRest = std::chrono::seconds(60);
constexpr auto kLookAgain = std::chrono::seconds(1);

bool isEstablished(const json::object& definition) {
  const json::array* conditions = json::findArray(definition, {"status", "conditions"});
  return conditions != nullptr && std::any_of(conditions->begin(), conditions->end(), [](const json::value& entry) {
           return json::text(entry.as_object(), {"type"}) == "Established" &&
                  json::text(entry.as_object(), {"status"}) == "True";
         });
}

json::object condition(std::string_view type, bool holds, std::string_view reason, std::string_view message,
                       const std::string& now) {
  return {{"type", type},
          {"status", holds ? "True" : "False"},
          {"lastTransitionTime", now},
          {"reason", reason},
          {"message", message}};
}

/// Replaces the condition of that type, keeping its time when nothing changed.
void setCondition(json::object& status, json::object wanted) {
  json::value& list = status["conditions"];
  if (!list.is_array()) list = json::array();
  for (json::value& entry : list.get_array()) {
    if (entry.as_object()["type"] != wanted["type"]) continue;
    if (entry.as_object()["status"] == wanted["status"])
      wanted["lastTransitionTime"] = entry.as_object()["lastTransitionTime"];
    entry = std::move(wanted);
    return;
  }
  list.get_array().push_back(std::move(wanted));
}

void noteStoredVersion(json::object& status, const json::object& definition) {
  json::value& stored = status["storedVersions"];
  if (!stored.is_array()) stored = json::array();
  const json::array* versions = json::findArray(definition, {"spec", "versions"});
  for (size_t i = 0; versions != nullptr && i < versions->size(); ++i) {
    const json::object& version = (*versions)[i].as_object();
    if (!json::isTrue(version, {"storage"})) continue;
    const json::value name(json::text(version, {"name"}));
    json::array& list = stored.get_array();
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  }
}

}  // namespace

void DefinitionKeeper::serve(const std::string& name, const json::object& definition) {
  std::string& version = served_[name];
  const std::string wanted = json::serialize(definition.at("spec"));
  if (version == wanted) return;
  const std::string group(json::text(definition, {"spec", "group"}));
  registry_.kinds().removeCustom(group, std::string(json::text(definition, {"spec", "names", "plural"})));
  for (KindPtr kind : kindsOf(definition, builtin_)) registry_.kinds().add(std::move(kind));
  version = wanted;
}

void DefinitionKeeper::withdraw(const std::string& name) {
  if (served_.erase(name) == 0) return;
  const auto [plural, group] = splitOnce(name, '.');
  registry_.kinds().removeCustom(std::string(group), std::string(plural));
}

void DefinitionKeeper::serveAll() {
  for (const auto& [name, stored] : registry_.store().table(kTable).objects()) {
    const json::value definition = json::parse(stored->bytes);
    if (isEstablished(definition.as_object())) serve(name, definition.as_object());
  }
}

Task<void> DefinitionKeeper::run() {
  async::Event wake;
  Table& table = registry_.store().table(kTable);
  const Table::Subscription subscription(table, wake);
  while (true) {
    wake.reset();
    std::set<std::string> names;
    for (const auto& [name, stored] : table.objects()) names.insert(name);
    for (const auto& [name, version] : served_) names.insert(name);
    bool again = false;
    for (const std::string& name : names) {
      co_await reconcile(name);
      const StoredPtr stored = table.find(name);
      again = again || (stored && stored->bytes.find("deletionTimestamp") != std::string::npos);
    }
    co_await wake.waitFor(again ? kLookAgain : kRest);
  }
}

Task<void> DefinitionKeeper::reconcile(std::string name) {
  const StoredPtr stored = registry_.store().table(kTable).find(name);
  if (!stored) {
    withdraw(name);
    co_return;
  }
  const json::value document = json::parse(stored->bytes);
  const json::object& definition = document.as_object();
  if (meta::deleting(definition)) {
    co_await cleanUp(name, definition);
  } else {
    co_await establish(name, definition);
  }
}

Task<void> DefinitionKeeper::establish(std::string name, const json::object& definition) {
  const NameReview names = reviewNames(registry_, definition);
  const std::string now = formatTime(registry_.clock().now());
  Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
    json::object out = live;
    json::object& status = json::ensureObject(out, "status");
    const bool fine = names.conflict.empty();
    setCondition(status, condition("NamesAccepted", fine, fine ? "NoConflicts" : names.reason,
                                   fine ? "no conflicts found" : names.conflict, now));
    if (fine || !isEstablished(live)) {
      setCondition(status,
                   condition("Established", fine, fine ? "InitialNamesAccepted" : "NotAccepted",
                             fine ? "the initial names have been accepted" : "not all names are accepted", now));
    }
    status["acceptedNames"] = names.accepted;
    noteStoredVersion(status, live);
    return out;
  };
  const KindPtr kind = registry_.kinds().find("apiextensions.k8s.io", "v1", "customresourcedefinitions");
  // Served before it says so: whoever waits for Established finds the resource.
  if (names.conflict.empty()) serve(name, definition);
  WriteContext status = ownContext("status");
  Answer<Written> done = co_await registry_.update(kind, "", name, change, status);
  if (!done) log::warn("CustomResourceDefinition {}: status: {}", name, done.error().message);
}

Task<void> DefinitionKeeper::cleanUp(std::string name, const json::object& definition) {
  if (!meta::hasFinalizer(definition, kCleanUpFinalizer)) co_return;
  const std::vector<KindPtr> kinds = kindsOf(definition, builtin_);
  bool is_empty = true;
  if (!kinds.empty()) {
    const KindPtr& kind = kinds.front();
    for (const StoredPtr& object : registry_.store().table(kind->table).list("", "", 0).objects) {
      const auto [first, second] = splitOnce(object->key, '/');
      WriteContext writing = ownContext();
      const std::string ns(kind->namespaced ? first : std::string_view());
      co_await registry_.remove(kind, ns, std::string(kind->namespaced ? second : first), {}, writing);
    }
    is_empty = registry_.store().table(kind->table).objects().empty();
  }
  if (!is_empty) co_return;
  Registry::Change release = [](const json::object& live) -> Answer<json::object> {
    json::object out = live;
    meta::removeFinalizer(out, kCleanUpFinalizer);
    return out;
  };
  const KindPtr kind = registry_.kinds().find("apiextensions.k8s.io", "v1", "customresourcedefinitions");
  WriteContext writing = ownContext();
  co_await registry_.update(kind, "", name, release, writing);
  withdraw(name);
}

}  // namespace slipway::apiserver
