#include "controllers/namespace_controller.h"

#include "base/log.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

constexpr const char* kFinalizer = "kubernetes";

bool isDeleted(const Object& object) {
  return kube::find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

/// What must be known of an object that is to go.
struct Item {
  std::string name;
  bool deleted;
  std::vector<std::string> finalizers;
};

Item itemOf(const Object& object) {
  Item item{std::string(kube::name(object)), isDeleted(object), {}};
  for (const auto& finalizer : kube::items(object, {"metadata", "finalizers"})) {
    if (finalizer.is_string()) item.finalizers.emplace_back(finalizer.get_string());
  }
  return item;
}

Task<Result<std::vector<Item>>> listItems(kube::Client& client, kube::Resource resource, std::string ns) {
  std::vector<Item> found;
  kube::ListOptions options;
  options.sink = [&found](const Object& object) { found.push_back(itemOf(object)); };
  CO_TRY_STATUS(co_await client.list(resource, ns, std::move(options)));
  co_return found;
}

/// The namespace's own finalizer taken away; those of others stay.
Object withoutFinalizer(Object object) {
  kube::json::array kept;
  for (const auto& finalizer : kube::items(object, {"spec", "finalizers"})) {
    if (finalizer != kFinalizer) kept.push_back(finalizer);
  }
  kube::ensure(object, {"spec"})["finalizers"] = std::move(kept);
  return object;
}

}  // namespace

NamespaceController::NamespaceController(Executor executor, kube::Client& client, kube::Client& metadata,
                                         SharedInformers& informers, Random& random, const Clock& clock,
                                         ResourceDiscovery discover)
    : client_(client),
      metadata_(metadata),
      clock_(clock),
      discover_(std::move(discover)),
      namespaces_(informers.of(kube::kNamespaces)),
      loop_("namespace controller", executor, random, [this](std::string name) { return reconcile(std::move(name)); },
            {.workers = 4, .backoff = {.initial = 200ms, .max = 5s}}) {
  namespaces_.addHandler({.added =
                              [this](const kube::ObjectPtr& object) {
                                if (isDeleted(*object)) loop_.add(kube::key(*object));
                              },
                          // Our own status writes come back here: only the deletion is news.
                          .updated =
                              [this](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
                                if (isDeleted(*after) && !isDeleted(*before)) loop_.add(kube::key(*after));
                              },
                          .deleted = nullptr});
}

Task<void> NamespaceController::run() {
  co_await loop_.run({&namespaces_});
}

Task<Result<Outcome>> NamespaceController::reconcile(std::string name) {
  Result<Object> live = co_await client_.get(kube::kNamespaces, "", name);
  if (!live && live.error().is(Code::NotFound)) co_return Outcome::done();
  if (!live) co_return failure(live.error());
  if (!isDeleted(*live)) co_return Outcome::done();
  if (kube::text(*live, {"status", "phase"}) != "Terminating") {
    kube::ensure(*live, {"status"})["phase"] = "Terminating";
    live = co_await client_.update(kube::kNamespaces, std::move(*live), "status");
    if (!live) co_return failure(live.error());
  }
  if (kube::items(*live, {"spec", "finalizers"}).empty()) co_return Outcome::done();

  const NamespaceContent content = co_await empty(name);
  Result<Object> shown = co_await showContent(std::move(*live), content);
  if (!shown) co_return failure(shown.error());
  if (!content.empty()) co_return Outcome::retry();
  const Result<Object> finalized =
      co_await client_.update(kube::kNamespaces, withoutFinalizer(std::move(*shown)), "finalize");
  if (!finalized && !finalized.error().is(Code::NotFound)) co_return failure(finalized.error());
  log::info("namespace {}: emptied and finalized", name);
  co_return Outcome::done();
}

Task<NamespaceContent> NamespaceController::empty(std::string ns) {
  NamespaceContent content;
  Task<Result<Discovered>> asking = discover_();
  const Result<Discovered> discovered = co_await std::move(asking);
  if (!discovered) {
    content.discovery_errors.push_back(discovered.error().message);
    co_return content;
  }
  for (const Discovered::Gap& gap : discovered->gaps) {
    content.discovery_errors.push_back(
        fmt::format("unable to retrieve the complete list of server APIs: {}/{}: {}", gap.group, gap.version, gap.why));
  }
  std::vector<kube::Resource> others;
  for (const ApiResource& served : discovered->preferred({"list", "delete"})) {
    if (!served.resource.namespaced) continue;
    if (served.resource.group.empty() && served.resource.plural == "pods") {
      co_await emptyOf(served.resource, ns, content);
    } else {
      others.push_back(served.resource);
    }
  }
  if (!content.resources.empty() || !content.delete_errors.empty()) co_return content;
  for (const kube::Resource& resource : others) co_await emptyOf(resource, ns, content);
  co_return content;
}

Task<void> NamespaceController::emptyOf(kube::Resource resource, std::string ns, NamespaceContent& content) {
  const std::string shown_name = resource.plural + "." + resource.group;
  Result<std::vector<Item>> items = co_await listItems(metadata_, resource, ns);
  // A kind that is listed in discovery and yet not there has no objects.
  if (!items && (items.error().is(Code::NotFound) || items.error().is(Code::MethodNotAllowed))) co_return;
  bool tried = false;
  if (items) {
    for (const Item& item : *items) {
      if (item.deleted) continue;
      tried = true;
      kube::DeleteOptions options;
      options.propagation = "Background";
      const auto removed = co_await client_.remove(resource, ns, item.name, options);
      if (removed || removed.error().is(Code::NotFound)) continue;
      content.delete_errors.push_back(fmt::format("{} {}: {}", shown_name, item.name, removed.error().message));
    }
    if (tried) items = co_await listItems(metadata_, resource, ns);
  }
  if (!items) {
    content.delete_errors.push_back(fmt::format("{}: {}", shown_name, items.error().message));
    co_return;
  }
  if (items->empty()) co_return;
  content.resources[shown_name] = static_cast<int64_t>(items->size());
  for (const Item& item : *items) {
    for (const std::string& finalizer : item.finalizers) ++content.finalizers[finalizer];
  }
}

Task<Result<Object>> NamespaceController::showContent(Object object, const NamespaceContent& content) {
  if (!setNamespaceConditions(object, content, clock_.now())) co_return object;
  co_return co_await client_.update(kube::kNamespaces, std::move(object), "status");
}

}  // namespace slipway::controllers
