#include "controllers/per_namespace.h"

namespace slipway::controllers {
namespace {

using kube::Object;

constexpr const char* kRootCaNote =
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters.";

kube::InformerOptions only(const std::string& name) {
  kube::InformerOptions options;
  options.field_selector = "metadata.name=" + name;
  return options;
}

bool sameField(const Object& a, const Object& b, const std::string& field) {
  const auto* left = a.if_contains(field);
  const auto* right = b.if_contains(field);
  return left != nullptr && right != nullptr ? *left == *right : left == right;
}

}  // namespace

PerNamespaceObject defaultServiceAccount() {
  return {kube::kServiceAccounts, "default", {}, {}};
}

PerNamespaceObject rootCaConfigMap(const std::string& ca_pem) {
  return {
      kube::kConfigMaps,
      "kube-root-ca.crt",
      {{"metadata", {{"annotations", {{"kubernetes.io/description", kRootCaNote}}}}}, {"data", {{"ca.crt", ca_pem}}}},
      {"data"}};
}

PerNamespaceController::PerNamespaceController(Executor executor, kube::Client& client, SharedInformers& informers,
                                               Random& random, PerNamespaceObject wanted)
    : executor_(executor),
      client_(client),
      wanted_(std::move(wanted)),
      namespaces_(informers.of(kube::kNamespaces)),
      existing_(client, wanted_.resource, only(wanted_.name), random),
      loop_(fmt::format("{} {}", wanted_.resource.plural, wanted_.name), executor, random,
            [this](std::string ns) { return reconcile(std::move(ns)); }, {.workers = 2}) {
  loop_.addFrom(namespaces_);
  const auto look = [this](const kube::ObjectPtr& object) { loop_.add(std::string(kube::nameSpace(*object))); };
  existing_.addHandler({.added = nullptr,
                        .updated = [look](const kube::ObjectPtr&, const kube::ObjectPtr& after) { look(after); },
                        .deleted = look});
}

Task<void> PerNamespaceController::run() {
  co_await runTogether(executor_, tasksOf(task("per-namespace objects", existing_.run()),
                                          task("per-namespace loop", loop_.run({&namespaces_, &existing_}))));
}

Task<Result<Outcome>> PerNamespaceController::reconcile(std::string ns) {
  const kube::ObjectPtr space = namespaces_.get(ns);
  if (space == nullptr || kube::find(*space, {"metadata", "deletionTimestamp"}) != nullptr) co_return Outcome::done();
  const kube::ObjectPtr have = existing_.get(ns + "/" + wanted_.name);
  Object object = have == nullptr ? wanted_.body : *have;
  Result<Object> written = Object();
  if (have == nullptr) {
    Object& metadata = kube::ensure(object, {"metadata"});
    metadata["name"] = wanted_.name;
    metadata["namespace"] = ns;
    written = co_await client_.create(wanted_.resource, ns, std::move(object));
    // Gone meanwhile, or being deleted: Forbidden is the answer to a create in a namespace that terminates.
    if (!written && (written.error().is(Code::NotFound) || written.error().is(Code::AlreadyExists))) {
      co_return Outcome::done();
    }
    const kube::ObjectPtr now = namespaces_.get(ns);
    if (!written && (now == nullptr || kube::find(*now, {"metadata", "deletionTimestamp"}) != nullptr)) {
      co_return Outcome::done();
    }
  } else {
    const bool same = std::all_of(wanted_.kept.begin(), wanted_.kept.end(),
                                  [&](const std::string& field) { return sameField(*have, wanted_.body, field); });
    if (same) co_return Outcome::done();
    for (const std::string& field : wanted_.kept) object[field] = wanted_.body.at(field);
    written = co_await client_.update(wanted_.resource, std::move(object));
    if (!written && written.error().is(Code::NotFound)) co_return Outcome::retry();
  }
  if (!written) co_return failure(written.error());
  existing_.observe(std::move(*written));
  co_return Outcome::done();
}

}  // namespace slipway::controllers
