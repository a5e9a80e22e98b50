#include "apiserver/api/registry.h"

#include "apiserver/api/convert.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/registry_steps.h"
#include "apiserver/api/strict_fields.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kGeneratedSuffix = 5;
constexpr size_t kMaxGeneratedPrefix = 63 - kGeneratedSuffix;

std::string render(json::object& object, int64_t revision) {
  meta::of(object)["resourceVersion"] = std::to_string(revision);
  return json::serialize(object);
}

}  // namespace

WriteContext ownContext(std::string subresource) {
  WriteContext context;
  context.user.name = kApiServerUser;
  context.user.groups = {std::string(kMasters)};
  context.options.manager = "kube-apiserver";
  context.subresource = std::move(subresource);
  return context;
}

Answer<StoredPtr> Registry::get(const Kind& kind, const std::string& ns, const std::string& name) const {
  StoredPtr stored = p_.store.table(kind.table).find(kind.key(ns, name));
  if (!stored) return failure(refuse::notFound(kind.resource(), name));
  return stored;
}

FieldOwner Registry::ownerOf(const Kind& kind, const WriteContext& context) const {
  return {context.options.manager, kind.apiVersion(), context.subresource, p_.clock.now()};
}

Done Registry::checkUnknown(const KindPtr& kind, const std::vector<std::string>& unknown, WriteContext& context) const {
  if (context.options.validation == WriteOptions::Validation::Ignore) return {};
  const std::vector<std::string> problems = strictProblems(context.duplicates, unknown, context.field_order);
  if (problems.empty()) return {};
  if (context.options.validation == WriteOptions::Validation::Warn) {
    context.duplicates.clear();
    context.warnings.insert(context.warnings.end(), problems.begin(), problems.end());
    return {};
  }
  return failure(
      refuse::badRequest(fmt::format("{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
                                     kind->kind, kind->version, kind->kind, join(problems, ", "))));
}

Answer<json::object> Registry::prepareCreate(const KindPtr& kind, const std::string& ns, json::object object,
                                             WriteContext& context) {
  object = inOrder(*kind, std::move(object));
  TRY(const std::vector<std::string> unknown, kind->rules->normalise(object));
  TRY_STATUS(checkUnknown(kind, unknown, context));
  json::object& metadata = meta::of(object);
  if (kind->namespaced) {
    const std::string_view given = meta::nameSpace(object);
    if (!given.empty() && given != ns) {
      return failure(
          refuse::badRequest("the namespace of the provided object does not match the namespace sent on the request"));
    }
    metadata["namespace"] = ns;
  } else {
    json::removeKey(metadata, "namespace");
  }
  for (const char* server_owned : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"}) {
    json::removeKey(metadata, server_owned);
  }
  if (context.operation != "Apply") json::removeKey(metadata, "managedFields");
  kind->rules->setDefaults(object);
  return object;
}

Task<Answer<Written>> Registry::create(KindPtr kind, std::string ns, json::object raw, WriteContext& context) {
  CO_TRY(json::object object, prepareCreate(kind, ns, std::move(raw), context));
  const Strategy& strategy = p_.strategies.of(*kind);
  if (const std::string_view version = meta::resourceVersion(object); !version.empty() && version != "0") {
    co_return failure(refuse::plain("resourceVersion should not be set on objects to be created"));
  }
  const std::string prefix(meta::text(object, "generateName"));
  const bool generate = meta::name(object).empty() && !prefix.empty();
  if (generate) {
    meta::of(object)["name"] = prefix.substr(0, kMaxGeneratedPrefix) + p_.random.suffix(kGeneratedSuffix);
  }
  const std::string name(meta::name(object));
  if (context.operation != "Apply") kind->rules->noteOwner(nullptr, object, ownerOf(*kind, context));
  AdmissionRequest admission{kind, context.subresource, "CREATE", ns, name, context.user, context.options.dry_run};
  admission.object = &object;
  admission.warnings = &context.warnings;
  admission.annotations = &context.annotations;
  if (p_.admission != nullptr) {
    Done admitted = co_await p_.admission->mutate(admission);
    if (!admitted) co_return failure(std::move(admitted.error()));
  }

  json::object& metadata = meta::of(object);
  metadata["uid"] = p_.random.uuid();
  metadata["creationTimestamp"] = formatTime(p_.clock.now());
  kind->rules->prepareForCreate(object, p_.clock.now());
  StrategyContext strategy_context{p_.store, p_.clock, p_.random, context.user};
  if (strategy.prepare_create) CO_TRY_STATUS(strategy.prepare_create(object, strategy_context));

  if (name.empty()) {
    co_return failure(
        refuse::invalid(kind->qualifiedKind(), "",
                        {{"FieldValueRequired", "Required value: name or generateName is required", "metadata.name"}}));
  }
  if (const auto causes = allCauses(*kind, strategy, object, nullptr, context.subresource); !causes.empty()) {
    co_return failure(refuse::invalid(kind->qualifiedKind(), name, causes));
  }
  noteWarnings(*kind, object, nullptr, context);
  if (p_.admission != nullptr) {
    Done admitted = co_await p_.admission->validate(admission);
    if (!admitted) co_return failure(std::move(admitted.error()));
  }
  const std::string key = kind->key(ns, name);
  if (p_.store.table(kind->table).find(key)) {
    co_return failure(generate ? refuse::generateNameTaken(kind->resource(), name)
                               : refuse::alreadyExists(kind->resource(), name));
  }
  Result<StoredPtr> stored = co_await put(*kind, key, nullptr, std::move(object), context.options.dry_run);
  if (!stored && stored.error().is(Code::Conflict)) co_return failure(refuse::alreadyExists(kind->resource(), name));
  if (!stored) co_return failure(StatusError(stored.error()));
  co_return Written{*stored, true, false};
}

Task<Done> Registry::admitBody(AdmissionRequest request) {
  request.is_body = true;
  if (of_bodies_ == nullptr) co_return Done();
  Done admitted = co_await of_bodies_->mutate(request);
  if (admitted) admitted = co_await of_bodies_->validate(request);
  co_return admitted;
}

Task<Result<StoredPtr>> Registry::put(const Kind& kind, std::string key, StoredPtr before, json::object object,
                                      bool dry_run) {
  toStored(kind, object);
  auto shared = std::make_shared<json::object>(std::move(object));
  auto traits = kind.traitsOf(*shared);
  if (dry_run) {
    auto imagined = std::make_shared<Stored>();
    imagined->key = std::move(key);
    imagined->revision = before ? before->revision : 0;
    imagined->bytes = json::serialize(*shared);
    co_return StoredPtr(std::move(imagined));
  }
  Store::Render bytes = [shared](int64_t revision) { return render(*shared, revision); };
  Result<StoredPtr> stored = co_await p_.store.put(kind.table, std::move(key), std::move(before), std::move(bytes));
  if (stored && isStorageVersion(kind)) (*stored)->traits = std::move(traits);
  if (stored) noteServedForm(kind, **stored);
  co_return stored;
}

Task<Result<StoredPtr>> Registry::erase(const Kind& kind, StoredPtr before, json::object last, bool dry_run) {
  if (dry_run) co_return before;
  toStored(kind, last);
  auto shared = std::make_shared<json::object>(std::move(last));
  Store::Render bytes = [shared](int64_t revision) { return render(*shared, revision); };
  const std::string key = before->key;
  co_return co_await p_.store.erase(kind.table, key, std::move(before), std::move(bytes));
}

}  // namespace slipway::apiserver
