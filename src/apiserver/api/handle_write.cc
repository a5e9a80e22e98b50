#include "apiserver/api/convert.h"
#include "apiserver/api/handlers.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/patch_request.h"
#include "apiserver/api/render.h"
#include "apiserver/api/strict_fields.h"
#include "base/strings.h"

namespace slipway::apiserver {

namespace {

/// The first piece; the next are larger.
constexpr size_t kObjectMemory = 8 * 1024;

std::string_view lastPart(std::string_view api_version) {
  return api_version.substr(api_version.find('/') + 1);
}

void noteBodyDuplicates(const Call& call, const std::vector<std::string>& duplicates, const json::object& body,
                        WriteContext& context) {
  const bool yaml = mediaType(call.request.headers) == "application/yaml";
  yaml ? noteYamlDuplicates(duplicates, context) : noteDuplicates(duplicates, &body, context);
}

/// What admission noted is for the audit log, whatever came of the write.
tl::unexpected<StatusError> refused(Call& call, WriteContext& context, StatusError error) {
  call.annotations.merge(context.annotations);
  return failure(std::move(error));
}

}  // namespace

WriteContext writeContext(const Call& call, WriteOptions options) {
  WriteContext context;
  context.user = call.user;
  context.options = std::move(options);
  context.subresource = call.info.subresource;
  return context;
}

Done checkGvk(const Call& call, json::object& object, std::string_view api_version, std::string_view kind) {
  const std::string_view given_version = json::text(object, {"apiVersion"});
  const std::string_view given_kind = json::text(object, {"kind"});
  if (call.kind->custom && given_kind.empty()) {
    return failure(refuse::badRequest(fmt::format("Object 'Kind' is missing in '{}'", json::serialize(object))));
  }
  const bool other_kind = !given_kind.empty() && given_kind != kind;
  const bool other_version = !given_version.empty() && given_version != api_version;
  if (!other_kind && !other_version) {
    object["apiVersion"] = api_version;
    object["kind"] = kind;
    return {};
  }
  if (call.kind->custom) {
    const bool of_kind = other_kind;
    return failure(refuse::invalid({of_kind ? std::string(given_kind) : call.kind->kind, call.kind->group},
                                   meta::name(object),
                                   {{"FieldValueInvalid",
                                     fmt::format("Invalid value: {:?}: must be {}",
                                                 of_kind ? given_kind : given_version, of_kind ? kind : api_version),
                                     of_kind ? "kind" : "apiVersion"}}));
  }
  const std::string_view version = given_version.empty() ? api_version : given_version;
  if (call.kinds->findKind(version, given_kind)) {
    if (!other_kind) {
      return failure(refuse::badRequest(
          fmt::format("the API version in the data ({}) does not match the expected API version ({})", given_version,
                      api_version)));
    }
    return failure(refuse::badRequest(
        fmt::format("{} in version \"{}\" cannot be handled as a {}: converting to {}: no kind match", given_kind,
                    lastPart(version), kind, kind)));
  }
  return failure(refuse::badRequest(
      fmt::format("{} in version \"{}\" cannot be handled as a {}: no kind \"{}\" is registered for version \"{}\" in "
                  "scheme \"pkg/api/legacyscheme/scheme.go:30\"",
                  given_kind, lastPart(version), kind, given_kind, version)));
}

Reply ResourceHandlers::written(Call& call, const Written& result, WriteContext& context, int status) const {
  call.warnings.insert(call.warnings.end(), context.warnings.begin(), context.warnings.end());
  call.annotations.merge(context.annotations);
  const Kind& kind = *call.kind;
  if (call.form == Form::Object && storedAsServed(kind, *result.stored)) return {status, result.stored->bytes};
  return {status, renderOne(call, kind, *result.stored)};
}

Task<Answer<Reply>> ResourceHandlers::create(Call& call) {
  CO_TRY(WriteOptions options, readWriteOptions(call));
  WriteContext context = writeContext(call, std::move(options));
  std::vector<std::string> duplicates;
  // The object and all that is done to it until it is stored: in one piece that goes at once. What outlives the request
  // (`Stored`) is a text.
  json::monotonic_resource memory(kObjectMemory);
  CO_TRY(json::object object, readBody(call, &duplicates, &memory));
  CO_TRY_STATUS(checkGvk(call, object, call.kind->apiVersion(), call.kind->kind));
  noteBodyDuplicates(call, duplicates, object, context);
  const Answer<Written> result = co_await registry_.create(call.kind, call.info.ns, std::move(object), context);
  if (!result) co_return refused(call, context, result.error());
  co_return written(call, *result, context, 201);
}

Task<Answer<Reply>> ResourceHandlers::update(Call& call) {
  CO_TRY(WriteOptions options, readWriteOptions(call));
  WriteContext context = writeContext(call, std::move(options));
  std::vector<std::string> duplicates;
  CO_TRY(json::object body, readBody(call, &duplicates));
  CO_TRY_STATUS(checkGvk(call, body, call.kind->apiVersion(), call.kind->kind));
  noteBodyDuplicates(call, duplicates, body, context);
  const std::string_view name = meta::name(body);
  if (name.empty()) {
    co_return failure(refuse::badRequest(fmt::format(
        "the name of the object ({} based on URL) was undeterminable: name must be provided", call.info.name)));
  }
  if (name != call.info.name) {
    co_return failure(refuse::badRequest(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name, call.info.name)));
  }
  Registry::Change change = [&body](const json::object&) -> Answer<json::object> { return body; };
  std::function<Answer<json::object>()> create_with;
  if (registry_.strategies().of(*call.kind).may_create_on_update && call.info.subresource.empty()) {
    create_with = [&]() -> Answer<json::object> {
      if (!meta::uid(body).empty()) {
        return failure(refuse::conflict(
            call.kind->resource(), call.info.name,
            fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: ", meta::uid(body))));
      }
      return body;
    };
  }
  const Answer<Written> result =
      co_await registry_.update(call.kind, call.info.ns, call.info.name, change, context, create_with);
  if (!result) co_return refused(call, context, result.error());
  co_return written(call, *result, context, result->created ? 201 : 200);
}

Task<Answer<Reply>> ResourceHandlers::patch(Call& call) {
  CO_TRY(WriteOptions options, readWriteOptions(call));
  WriteContext context = writeContext(call, std::move(options));
  CO_TRY(const PatchRequest patch, readPatch(call, context));
  Registry::Change change = [&](const json::object& live) { return patch.applyTo(call, live, context); };
  std::function<Answer<json::object>()> create_with;
  if (patch.creates() && call.info.subresource.empty()) {
    create_with = [&]() { return patch.applyToNothing(call, context); };
  }
  const Answer<Written> result =
      co_await registry_.update(call.kind, call.info.ns, call.info.name, change, context, create_with);
  if (!result) co_return refused(call, context, result.error());
  co_return written(call, *result, context, result->created ? 201 : 200);
}

}  // namespace slipway::apiserver
