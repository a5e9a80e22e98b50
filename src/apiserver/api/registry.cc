#include "apiserver/api/registry.h"

#include "apiserver/api/convert.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/strict_fields.h"
#include "base/strings.h"
#include "schema/apply.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kGeneratedSuffix = 5;
constexpr size_t kMaxGeneratedPrefix = 63 - kGeneratedSuffix;

std::string render(json::object& object, int64_t revision) {
  meta::of(object)["resourceVersion"] = std::to_string(revision);
  return json::serialize(object);
}

/// apiVersion, kind and metadata stand first, as people expect.
json::object inOrder(const Kind& kind, json::object object) {
  json::object out{{"apiVersion", kind.apiVersion()}, {"kind", kind.kind}};
  out["metadata"] = std::move(meta::of(object));
  for (auto& [key, value] : object) {
    if (!out.contains(key)) out[key] = std::move(value);
  }
  return out;
}

std::vector<Cause> allCauses(const Kind& kind, const Strategy& strategy, const json::object& object,
                             const json::object* old, std::string_view subresource) {
  std::vector<Cause> causes = kind.rules->validate(object, old, subresource);
  if (!strategy.validate) return causes;
  std::vector<Cause> more = strategy.validate(object, old, subresource);
  std::move(more.begin(), more.end(), std::back_inserter(causes));
  return causes;
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

Answer<json::object> Registry::prepareUpdate(const KindPtr& kind, const json::object& live, json::object wanted,
                                             WriteContext& context) {
  const Strategy& strategy = p_.strategies.of(*kind);
  const std::string name(meta::name(live));
  wanted = inOrder(*kind, std::move(wanted));
  TRY(const std::vector<std::string> unknown, kind->rules->normalise(wanted));
  TRY_STATUS(checkUnknown(kind, unknown, context));
  json::object& metadata = meta::of(wanted);
  if (kind->namespaced) {
    const std::string_view given = meta::nameSpace(wanted);
    if (!given.empty() && given != meta::nameSpace(live)) {
      return failure(
          refuse::badRequest("the namespace of the provided object does not match the namespace sent on the request"));
    }
    metadata["namespace"] = meta::nameSpace(live);
  }
  if (!context.patch && !meta::uid(wanted).empty() && meta::uid(wanted) != meta::uid(live)) {
    return failure(refuse::conflict(
        kind->resource(), name,
        fmt::format(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: "
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            kind->plural, kind->key(meta::nameSpace(live), name), meta::uid(wanted), meta::uid(live))));
  }
  const std::string_view version = meta::resourceVersion(wanted);
  if (!version.empty() && !parseInt(version)) {
    return failure(refuse::plain(fmt::format("strconv.ParseUint: parsing \"{}\": invalid syntax", version)));
  }
  if (version.empty() && !strategy.unconditional_update && !context.patch) {
    return failure(refuse::invalid(
        kind->resource(), name,
        {{"FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion"}}));
  }
  if (!version.empty() && version != "0" && version != meta::resourceVersion(live)) {
    return failure(refuse::modified(kind->resource(), name));
  }
  kind->rules->setDefaults(wanted);
  for (const char* kept : {"deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"}) {
    meta::copyField(live, wanted, kept);
  }
  if (meta::uid(wanted).empty()) meta::copyField(live, wanted, "uid");
  if (meta::text(wanted, "creationTimestamp").empty()) meta::copyField(live, wanted, "creationTimestamp");
  json::removeKey(metadata, "selfLink");
  if (!metadata.contains("managedFields")) meta::copyField(live, wanted, "managedFields");
  return wanted;
}

namespace {

/// Of an object whose deletion has begun: nobody has anything left to do.
bool nothingHolds(const json::object& object) {
  if (meta::hasFinalizers(object)) return false;
  if (json::findInt(object, {"metadata", "deletionGracePeriodSeconds"}).value_or(0) != 0) return false;
  const bool is_namespace = json::text(object, {"kind"}) == "Namespace" && json::text(object, {"apiVersion"}) == "v1";
  const json::array* finalizers = is_namespace ? json::findArray(object, {"spec", "finalizers"}) : nullptr;
  return finalizers == nullptr || finalizers->empty();
}

}  // namespace

Task<Answer<Written>> Registry::update(KindPtr kind, std::string ns, std::string name, Change change,
                                       WriteContext& context, std::function<Answer<json::object>()> create_with) {
  while (true) {
    const StoredPtr before = p_.store.table(kind->table).find(kind->key(ns, name));
    if (!before) {
      if (!create_with) co_return failure(refuse::notFound(kind->resource(), name));
      CO_TRY(json::object fresh, create_with());
      co_return co_await create(kind, ns, std::move(fresh), context);
    }
    json::value document = json::parse(before->bytes);
    json::object live = std::move(document.as_object());
    if (!storedAsServed(*kind, *before)) toServed(*kind, live);
    CO_TRY(json::object changed, change(live));
    CO_TRY(json::object wanted, prepareUpdate(kind, live, std::move(changed), context));
    Answer<Written> written = co_await writeUpdate(kind, before, std::move(live), std::move(wanted), context);
    // Somebody was faster. Without a resourceVersion from the caller that is our business, not theirs.
    const bool raced = !written && written.error().code == 409 && written.error().reason == "Raced";
    if (!raced) co_return written;
  }
}

Task<Answer<Written>> Registry::writeUpdate(KindPtr kind, StoredPtr before, json::object live, json::object wanted,
                                            WriteContext& context) {
  const Strategy& strategy = p_.strategies.of(*kind);
  const std::string name(meta::name(live));
  kind->rules->prepareForUpdate(context.subresource, wanted, live, p_.clock.now());
  // A binding is not what anybody wanted otherwise.
  if (context.subresource == "binding") meta::copyField(live, wanted, "generation");
  // What nobody tracked from the start is tracked by an apply only.
  const bool tracked = json::find(live, {"metadata", "managedFields"}) != nullptr;
  if (context.operation != "Apply" && tracked) kind->rules->noteOwner(&live, wanted, ownerOf(*kind, context));
  AdmissionRequest admission{kind,         context.subresource,    "UPDATE", std::string(meta::nameSpace(live)), name,
                             context.user, context.options.dry_run};
  admission.object = &wanted;
  admission.old = &live;
  admission.warnings = &context.warnings;
  admission.annotations = &context.annotations;
  if (p_.admission != nullptr && !context.admitted) {
    Done admitted = co_await p_.admission->mutate(admission);
    if (!admitted) co_return failure(std::move(admitted.error()));
  }
  StrategyContext strategy_context{p_.store, p_.clock, p_.random, context.user};
  if (strategy.prepare_update) {
    CO_TRY_STATUS(strategy.prepare_update(wanted, live, context.subresource, strategy_context));
  }
  if (const auto causes = allCauses(*kind, strategy, wanted, &live, context.subresource); !causes.empty()) {
    co_return failure(refuse::invalid(kind->qualifiedKind(), name, causes));
  }
  if (p_.admission != nullptr && !context.admitted) {
    Done admitted = co_await p_.admission->validate(admission);
    if (!admitted) co_return failure(std::move(admitted.error()));
  }
  if (!before->is_stale && schema::sameButForTimes(live, wanted)) co_return Written{before, false, false};

  const bool last_step = meta::deleting(wanted) && nothingHolds(wanted) && !nothingHolds(live);
  Result<StoredPtr> stored = failure(Code::Conflict, "");
  if (last_step) {
    stored = co_await erase(*kind, before, std::move(wanted), context.options.dry_run);
  } else {
    stored = co_await put(*kind, before->key, before, std::move(wanted), context.options.dry_run);
  }
  if (!stored && stored.error().is(Code::Conflict)) co_return failure(StatusError(409, "Raced", ""));
  if (!stored) co_return failure(StatusError(stored.error()));
  co_return Written{*stored, false, last_step};
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
