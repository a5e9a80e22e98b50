#include "apiserver/namespace_keeper.h"

#include "apiserver/api/object_meta.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr const char* kNamespaces = "core/namespaces";
constexpr const char* kAccounts = "core/serviceaccounts";
constexpr const char* kConfigMaps = "core/configmaps";
constexpr const char* kRootMap = "kube-root-ca.crt";
constexpr auto kLookAgain = std::chrono::seconds(1);
constexpr auto kRest = std::chrono::seconds(60);
constexpr size_t kChangesAtOnce = 10000;

json::object named(std::string_view kind, std::string_view ns, std::string_view name) {
  return {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", json::object{{"name", name}, {"namespace", ns}}}};
}

/// Asks for the deletion of all objects of a kind; true if none is left.
Task<bool> emptyTable(Registry* registry, KindPtr kind, std::string ns, WriteContext writing) {
  Table& table = registry->store().table(kind->table);
  const std::string prefix = ns + "/";
  for (const StoredPtr& object : table.list(prefix, "", 0).objects) {
    DeletePlan plan;
    plan.propagation = "Background";
    Answer<Written> removed = co_await registry->remove(kind, ns, object->key.substr(prefix.size()), plan, writing);
    if (!removed && removed.error().code != 404) {
      log::warn("namespace {}: delete {} {}: {}", ns, kind->table, object->key, removed.error().message);
    }
  }
  co_return table.list(prefix, "", 1).objects.empty();
}

}  // namespace

NamespaceKeeper::NamespaceKeeper(Registry& registry, std::string root_certificate)
    : registry_(registry), root_certificate_(std::move(root_certificate)) {
  for (const auto& [name, stored] : registry_.store().table(kNamespaces).objects()) dirty_.insert(name);
  for (const char* table : {kNamespaces, kAccounts, kConfigMaps}) seen_[table] = registry_.store().revision();
}

void NamespaceKeeper::collect() {
  for (auto& [table, seen] : seen_) {
    for (const ChangePtr& change : registry_.store().table(table).changesAfter(seen, kChangesAtOnce)) {
      seen = change->revision;
      const auto [ns, name] = splitOnce(change->now->key, '/');
      const bool concerns = table == kNamespaces || (table == kAccounts && name == "default" && change->deleted) ||
                            (table == kConfigMaps && name == kRootMap);
      if (concerns) dirty_.emplace(ns);
    }
  }
}

Task<void> NamespaceKeeper::run() {
  async::Event wake;
  const Table::Subscription a(registry_.store().table(kNamespaces), wake);
  const Table::Subscription b(registry_.store().table(kAccounts), wake);
  const Table::Subscription c(registry_.store().table(kConfigMaps), wake);
  while (true) {
    wake.reset();
    collect();
    while (!dirty_.empty()) {
      const std::string name = *dirty_.begin();
      dirty_.erase(dirty_.begin());
      co_await reconcile(name);
    }
    co_await wake.waitFor(emptying_.empty() ? kRest : kLookAgain);
    dirty_.insert(emptying_.begin(), emptying_.end());
  }
}

Task<void> NamespaceKeeper::reconcile(std::string name) {
  const StoredPtr stored = registry_.store().table(kNamespaces).find(name);
  emptying_.erase(name);
  if (!stored) co_return;
  const json::value ns = json::parse(stored->bytes);
  if (!meta::deleting(ns.as_object())) {
    co_await furnish(name);
    co_return;
  }
  emptying_.insert(name);
  const bool is_empty = co_await empty(name);
  if (is_empty) co_await letGo(name);
}

Task<void> NamespaceKeeper::furnish(std::string name) {
  WriteContext writing = ownContext();
  const KindPtr accounts = registry_.kinds().find("", "v1", "serviceaccounts");
  if (!registry_.store().table(kAccounts).find(name + "/default")) {
    co_await registry_.create(accounts, name, named("ServiceAccount", name, "default"), writing);
  }
  const KindPtr maps = registry_.kinds().find("", "v1", "configmaps");
  json::object wanted = named("ConfigMap", name, kRootMap);
  meta::of(wanted)["annotations"] = json::object{
      {"kubernetes.io/description",
       "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such "
       "as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
       "distributions of Kubernetes clusters."}};
  wanted["data"] = json::object{{"ca.crt", root_certificate_}};
  if (!registry_.store().table(kConfigMaps).find(fmt::format("{}/{}", name, kRootMap))) {
    co_await registry_.create(maps, name, std::move(wanted), writing);
    co_return;
  }
  Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
    json::object out = live;
    out["data"] = wanted["data"];
    return out;
  };
  co_await registry_.update(maps, name, kRootMap, change, writing);
}

Task<bool> NamespaceKeeper::empty(std::string name) {
  // Pods go first, and while one is left nothing else does: it may need its ConfigMaps to end well.
  const bool podless = co_await emptyTable(&registry_, registry_.kinds().find("", "v1", "pods"), name, ownContext());
  if (!podless) co_return false;
  std::map<std::string, KindPtr> kinds;
  for (const KindPtr& kind : registry_.kinds().all()) {
    if (kind->namespaced && kind->hasVerb("delete")) kinds.try_emplace(kind->table, kind);
  }
  bool is_empty = true;
  for (const auto& [table, kind] : kinds) {
    const bool nothing_left = co_await emptyTable(&registry_, kind, name, ownContext());
    is_empty = is_empty && nothing_left;
  }
  co_return is_empty;
}

Task<void> NamespaceKeeper::letGo(std::string name) {
  WriteContext writing = ownContext();
  writing.subresource = "finalize";
  const KindPtr kind = registry_.kinds().find("", "v1", "namespaces");
  Registry::Change change = [](const json::object& live) -> Answer<json::object> {
    json::object out = live;
    json::array kept;
    if (const json::array* finalizers = json::findArray(live, {"spec", "finalizers"})) {
      for (const json::value& entry : *finalizers) {
        if (entry != "kubernetes") kept.push_back(entry);
      }
    }
    json::object& spec = json::ensureObject(out, "spec");
    if (kept.empty()) {
      json::removeKey(spec, "finalizers");
    } else {
      spec["finalizers"] = std::move(kept);
    }
    return out;
  };
  Answer<Written> done = co_await registry_.update(kind, "", name, change, writing);
  if (!done && done.error().code != 404) log::warn("namespace {}: finalize: {}", name, done.error().message);
}

}  // namespace slipway::apiserver
