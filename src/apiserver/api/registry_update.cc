#include "apiserver/api/convert.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/registry.h"
#include "apiserver/api/registry_steps.h"
#include "base/strings.h"
#include "schema/apply.h"

namespace slipway::apiserver {
namespace {

/// An empty list of owners, or one empty owner, says that nothing is to be tracked any more.
bool resetsOwners(const json::object& wanted) {
  const json::array* owners = json::findArray(wanted, {"metadata", "managedFields"});
  if (owners == nullptr || owners->size() > 1) return false;
  return owners->empty() || ((*owners)[0].is_object() && (*owners)[0].get_object().empty());
}

/// What a patch makes of an object is the patch's fault, not the object's.
StatusError badPatch(const Kind& kind, const json::object& patched, const StatusError& error) {
  if (kind.custom) return error;
  const std::string intro = fmt::format("cannot be handled as a {}: ", kind.kind);
  const size_t at = error.message.find(intro);
  const std::string_view why = std::string_view(error.message).substr(at == std::string::npos ? 0 : at + intro.size());
  const std::string shown = json::serialize(json::value(json::serialize(patched)));
  StatusError out =
      refuse::invalid({}, "", {{"FieldValueInvalid", fmt::format("Invalid value: {}: {}", shown, why), "patch"}});
  for (const char* field : {"name", "group", "kind"}) json::removeKey(out.details, field);
  return out;
}

}  // namespace

Answer<json::object> Registry::prepareUpdate(const KindPtr& kind, const json::object& live, json::object wanted,
                                             WriteContext& context) {
  const Strategy& strategy = p_.strategies.of(*kind);
  const std::string name(meta::name(live));
  wanted = inOrder(*kind, std::move(wanted));
  const bool patched = context.patch && context.operation != "Apply";
  const bool resets = context.operation != "Apply" && resetsOwners(wanted);
  const Answer<std::vector<std::string>> unknown = kind->rules->normalise(wanted);
  if (!unknown) return failure(patched ? badPatch(*kind, wanted, unknown.error()) : unknown.error());
  if (Done known = checkUnknown(kind, *unknown, context); !known) {
    return failure(patched ? badPatch(*kind, wanted, known.error()) : std::move(known.error()));
  }
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
  for (const char* kept : {"generation", "resourceVersion"}) meta::copyField(live, wanted, kept);
  // What is left out stays; another value the validation refuses.
  for (const char* fixed : {"deletionTimestamp", "deletionGracePeriodSeconds"}) {
    if (!metadata.contains(fixed)) meta::copyField(live, wanted, fixed);
  }
  if (meta::uid(wanted).empty()) meta::copyField(live, wanted, "uid");
  if (meta::text(wanted, "creationTimestamp").empty()) meta::copyField(live, wanted, "creationTimestamp");
  json::removeKey(metadata, "selfLink");
  if (resets) metadata["managedFields"] = json::array();
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
    if (context.view) {
      CO_TRY(changed, co_await admitView(kind, live, std::move(changed), context));
    }
    CO_TRY(json::object wanted, prepareUpdate(kind, live, std::move(changed), context));
    Answer<Written> written = co_await writeUpdate(kind, before, std::move(live), std::move(wanted), context);
    // Somebody was faster. Without a resourceVersion from the caller that is our business, not theirs.
    const bool raced = !written && written.error().code == 409 && written.error().reason == "Raced";
    if (!raced) co_return written;
  }
}

AdmissionRequest Registry::updateOf(const KindPtr& kind, json::object& wanted, const json::object& live,
                                    WriteContext& context) const {
  AdmissionRequest request{
      kind,         context.subresource,    "UPDATE", std::string(meta::nameSpace(live)), std::string(meta::name(live)),
      context.user, context.options.dry_run};
  request.object = context.view ? &context.view->now : &wanted;
  request.old = context.view ? &context.view->old : &live;
  request.is_body = context.view != nullptr;
  request.warnings = &context.warnings;
  request.annotations = &context.annotations;
  return request;
}

Task<Answer<json::object>> Registry::admitView(KindPtr kind, const json::object& live, json::object wanted,
                                               WriteContext& context) {
  if (of_bodies_ == nullptr || context.admitted) co_return wanted;
  AdmissionRequest admission = updateOf(kind, wanted, live, context);
  Done admitted = co_await of_bodies_->mutate(admission);
  if (!admitted) co_return failure(std::move(admitted.error()));
  co_return context.view->apply(live, context.view->now);
}

Task<Answer<Written>> Registry::writeUpdate(KindPtr kind, StoredPtr before, json::object live, json::object wanted,
                                            WriteContext& context) {
  const Strategy& strategy = p_.strategies.of(*kind);
  const std::string name(meta::name(live));
  kind->rules->prepareForUpdate(context.subresource, wanted, live, p_.clock.now());
  // A binding is not what anybody wanted otherwise.
  if (context.subresource == "binding") meta::copyField(live, wanted, "generation");
  // What nobody tracked from the start is tracked by an apply only.
  const json::array* owners = json::findArray(wanted, {"metadata", "managedFields"});
  const bool dropped = owners != nullptr && owners->empty();
  if (dropped) json::removeKey(meta::of(wanted), "managedFields");
  const bool tracked = !dropped && json::find(live, {"metadata", "managedFields"}) != nullptr;
  // A binding has no owner either.
  const bool notes = context.operation != "Apply" && context.subresource != "binding" && tracked;
  if (notes) kind->rules->noteOwner(&live, wanted, ownerOf(*kind, context));
  AdmissionRequest admission = updateOf(kind, wanted, live, context);
  Admission* const gate = context.admitted ? nullptr : context.view ? of_bodies_ : p_.admission;
  if (gate != nullptr && !context.view) {
    Done admitted = co_await gate->mutate(admission);
    if (!admitted) co_return failure(std::move(admitted.error()));
    if (context.subresource.empty()) kind->rules->countGeneration(wanted, live);
  }
  StrategyContext strategy_context{p_.store, p_.clock, p_.random, context.user};
  if (strategy.prepare_update) {
    CO_TRY_STATUS(strategy.prepare_update(wanted, live, context.subresource, strategy_context));
  }
  if (const auto causes = allCauses(*kind, strategy, wanted, &live, context.subresource); !causes.empty()) {
    co_return failure(refuse::invalid(kind->qualifiedKind(), name, causes));
  }
  if (context.subresource.empty()) noteWarnings(*kind, wanted, &live, context);
  if (gate != nullptr) {
    Done admitted = co_await gate->validate(admission);
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

}  // namespace slipway::apiserver
