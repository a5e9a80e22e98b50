#include "apiserver/api/convert.h"
#include "apiserver/api/handlers.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/render.h"
#include "base/strings.h"
#include "schema/conform.h"

namespace slipway::apiserver {
namespace {

StatusError badOption(std::string_view reason, std::string_view field, std::string message) {
  return refuse::invalid({"DeleteOptions", "meta.k8s.io"}, "",
                         {{std::string(reason), std::move(message), std::string(field)}});
}

Done takeOptions(const Call& call, json::object body, DeletePlan& plan, std::optional<bool>& orphan) {
  // What cannot be read must not be passed over: it may be the condition under which nothing is to be deleted.
  const schema::Type* type = call.schema->findType("apimachinery.pkg.apis.meta.v1.DeleteOptions");
  if (const auto known = schema::conform(body, *type); !known)
    return failure(refuse::badRequest(known.error().message));
  if (const auto grace = json::findInt(body, {"gracePeriodSeconds"})) plan.grace_seconds = *grace;
  plan.uid = json::text(body, {"preconditions", "uid"});
  plan.resource_version = json::text(body, {"preconditions", "resourceVersion"});
  plan.propagation = json::text(body, {"propagationPolicy"});
  if (const json::value* value = body.if_contains("orphanDependents"); value != nullptr && value->is_bool()) {
    orphan = value->get_bool();
  }
  if (const json::array* dry = json::findArray(body, {"dryRun"}); dry != nullptr && !dry->empty()) {
    if (*dry != json::array{"All"}) {
      return failure(badOption("FieldValueNotSupported", "dryRun",
                               fmt::format("Unsupported value: {}: supported values: \"All\"", json::serialize(*dry))));
    }
    plan.dry_run = true;
  }
  return {};
}

Done readBodyOptions(const Call& call, DeletePlan& plan, std::optional<bool>& orphan) {
  if (trim(call.request.body).empty()) return {};
  TRY(json::object body, readBody(call));
  const std::string_view kind = json::text(body, {"kind"});
  if (!kind.empty() && kind != "DeleteOptions") {
    return failure(
        refuse::badRequest(fmt::format("no kind \"{}\" is registered for version \"{}\" in scheme "
                                       "\"pkg/apis/meta/internalversion/scheme/register.go:27\"",
                                       kind, json::text(body, {"apiVersion"}))));
  }
  return takeOptions(call, std::move(body), plan, orphan);
}

/// The Status that a finished delete answers with.
json::object successStatus(const Kind& kind, const json::object& object) {
  json::object details{{"name", meta::name(object)}};
  if (!kind.group.empty()) details["group"] = kind.group;
  details["kind"] = kind.plural;
  details["uid"] = meta::uid(object);
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", json::object()},
          {"status", "Success"},
          {"details", std::move(details)}};
}

}  // namespace

Answer<DeletePlan> readDeleteOptions(const Call& call, const json::value& options) {
  DeletePlan plan;
  std::optional<bool> orphan;
  if (options.is_object()) TRY_STATUS(takeOptions(call, options.get_object(), plan, orphan));
  return plan;
}

Answer<DeletePlan> readDeletePlan(const Call& call) {
  DeletePlan plan;
  std::optional<bool> orphan;
  TRY_STATUS(readBodyOptions(call, plan, orphan));
  if (call.query.has("gracePeriodSeconds")) {
    const std::string_view text = call.query.get("gracePeriodSeconds");
    plan.grace_seconds = parseInt(text);
    if (!plan.grace_seconds) {
      return failure(refuse::badRequest(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text)));
    }
  }
  if (call.query.has("propagationPolicy")) plan.propagation = call.query.get("propagationPolicy");
  if (call.query.has("orphanDependents")) orphan = call.query.flag("orphanDependents");
  TRY(const WriteOptions options, readWriteOptions(call));
  plan.dry_run = plan.dry_run || options.dry_run;
  if (orphan && !plan.propagation.empty()) {
    return failure(
        badOption("FieldValueInvalid", "propagationPolicy",
                  fmt::format("Invalid value: \"{}\": orphanDependents and deletionPropagation cannot be both set",
                              plan.propagation)));
  }
  if (orphan) plan.propagation = *orphan ? "Orphan" : "Background";
  if (!plan.propagation.empty() && plan.propagation != "Orphan" && plan.propagation != "Background" &&
      plan.propagation != "Foreground") {
    return failure(badOption(
        "FieldValueNotSupported", "propagationPolicy",
        fmt::format("Unsupported value: \"{}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
                    plan.propagation)));
  }
  return plan;
}

Task<Answer<Reply>> ResourceHandlers::remove(Call& call) {
  CO_TRY(DeletePlan plan, readDeletePlan(call));
  WriteContext context = writeContext(call, {});
  if (call.kind->table == "batch/jobs" && plan.propagation.empty()) {
    call.warnings.emplace_back(
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
        "set "
        "propagationPolicy=Orphan to suppress this warning");
  }
  CO_TRY(const Written result,
         co_await registry_.remove(call.kind, call.info.ns, call.info.name, std::move(plan), context));
  const Strategy& strategy = registry_.strategies().of(*call.kind);
  if (!result.removed || strategy.answers_with_object) co_return written(call, result, context, 200);
  const json::value last = json::parse(result.stored->bytes);
  call.warnings.insert(call.warnings.end(), context.warnings.begin(), context.warnings.end());
  co_return Reply::json(successStatus(*call.kind, last.as_object()));
}

Task<Answer<Reply>> ResourceHandlers::removeCollection(Call& call) {
  CO_TRY(DeletePlan plan, readDeletePlan(call));
  CO_TRY(const ListOptions options, readListOptions(call));
  CO_TRY(Selection selection, select(call, options));
  WriteContext context = writeContext(call, {});
  for (const StoredPtr& object : selection.objects) {
    const auto [first, second] = splitOnce(object->key, '/');
    const std::string ns(call.kind->namespaced ? first : std::string_view());
    const std::string name(call.kind->namespaced ? second : first);
    Answer<Written> removed = co_await registry_.remove(call.kind, ns, name, plan, context);
    // Gone meanwhile is as good as deleted.
    if (!removed && removed.error().code != 404) co_return failure(std::move(removed.error()));
  }
  auto whole = std::make_shared<std::string>();
  const auto collect = [](std::shared_ptr<std::string> into, std::string piece) -> Task<Status> {
    *into += piece;
    co_return Status();
  };
  Sink sink = [whole, collect](std::string piece) { return collect(whole, std::move(piece)); };
  co_await renderList(call, *call.kind, selection.head, std::move(selection.objects), sink);
  co_return Reply{200, std::move(*whole)};
}

Task<Answer<Reply>> ResourceHandlers::handle(Call& call) {
  const std::string& verb = call.info.verb;
  if (verb == "get") co_return co_await get(call);
  if (verb == "list") co_return co_await list(call);
  if (verb == "watch") co_return co_await watch(call);
  if (verb == "create") co_return co_await create(call);
  if (verb == "update") co_return co_await update(call);
  if (verb == "patch") co_return co_await patch(call);
  if (verb == "delete") co_return co_await remove(call);
  if (verb == "deletecollection") co_return co_await removeCollection(call);
  co_return failure(refuse::methodNotAllowed());
}

}  // namespace slipway::apiserver
