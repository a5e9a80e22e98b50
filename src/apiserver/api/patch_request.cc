#include "apiserver/api/patch_request.h"

#include "apiserver/api/handlers.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/strict_fields.h"
#include "base/strings.h"
#include "json/document.h"
#include "json/merge_patch.h"
#include "json/patch.h"
#include "json/yaml.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kJsonPatch = "application/json-patch+json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kStrategicPatch = "application/strategic-merge-patch+json";
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";

Answer<PatchRequest::Type> typeOf(const Call& call) {
  const std::string type = mediaType(call.request.headers);
  if (type == kJsonPatch) return PatchRequest::Type::Json;
  if (type == kMergePatch) return PatchRequest::Type::Merge;
  if (type == kStrategicPatch && !call.kind->custom) return PatchRequest::Type::Strategic;
  if (type == kApplyPatch) return PatchRequest::Type::Apply;
  if (call.kind->custom) {
    return failure(StatusError(415, "UnsupportedMediaType",
                               fmt::format("the body of the request was in an unknown format - accepted media types "
                                           "include: {}, {}, {}",
                                           kJsonPatch, kMergePatch, kApplyPatch)));
  }
  return failure(refuse::unsupportedPatchType());
}

FieldOwner applierOf(const Call& call, const WriteContext& context) {
  return {context.options.manager, call.kind->apiVersion(), call.info.subresource, call.now};
}

/// What is applied names its kind, and the object that the path names.
Done checkApplied(const Call& call, const json::object& object) {
  const std::string version(json::text(object, {"apiVersion"}));
  const std::string_view kind = json::text(object, {"kind"});
  if (kind.empty() || version.empty()) return failure(refuse::badRequest("invalid object type: /, Kind="));
  const bool scale = call.info.subresource == "scale";
  const bool fits = scale ? kind == "Scale" && version == "autoscaling/v1"
                          : kind == call.kind->kind && version == call.kind->apiVersion();
  if (!fits) {
    const bool core = version.find('/') == std::string::npos;
    return failure(
        refuse::badRequest(fmt::format("invalid object type: {}{}, Kind={}", core ? "/" : "", version, kind)));
  }
  const std::string_view name = meta::name(object);
  if (!name.empty() && name != call.info.name) {
    return failure(refuse::badRequest(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name, call.info.name)));
  }
  return {};
}

}  // namespace

Answer<PatchRequest> readPatch(const Call& call, WriteContext& context) {
  TRY(const PatchRequest::Type type, typeOf(call));
  context.patch = true;
  TRY(const std::string body, plainBody(call));
  std::vector<std::string> duplicates;
  const bool apply = type == PatchRequest::Type::Apply;
  Result<json::value> document =
      apply ? json::yamlToJson(body, {}, &duplicates) : json::readDocument(body, {}, &duplicates);
  if (!document) {
    if (apply) return failure(refuse::badRequest(fmt::format("error decoding YAML: {}", document.error().message)));
    return failure(refuse::badRequest(fmt::format("error decoding patch: {}", document.error().message)));
  }
  if (type == PatchRequest::Type::Json && !document->is_array()) {
    return failure(refuse::badRequest(
        fmt::format("error decoding patch: json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp",
                    document->is_object() ? "object" : "value")));
  }
  if (!document->is_object() && type != PatchRequest::Type::Json) {
    return failure(refuse::badRequest("the patch is not an object"));
  }
  if (apply) {
    if (call.query.get("fieldManager").empty()) {
      return failure(
          refuse::invalid({"PatchOptions", "meta.k8s.io"}, "",
                          {{"FieldValueRequired", "Required value: is required for apply patch", "fieldManager"}}));
    }
    context.operation = "Apply";
    TRY_STATUS(checkApplied(call, document->get_object()));
  } else if (context.options.force) {
    return failure(
        refuse::invalid({"PatchOptions", "meta.k8s.io"}, "",
                        {{"FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force"}}));
  }
  apply ? noteYamlDuplicates(duplicates, context) : noteDuplicates(duplicates, nullptr, context);
  return PatchRequest(type, std::move(*document));
}

Answer<json::value> PatchRequest::applyRaw(const Call& call, const json::object& live) const {
  if (type_ == Type::Merge || type_ == Type::Apply) {
    json::value document = live;
    json::applyMergePatch(document, body_);
    return document;
  }
  Result<json::value> result = type_ == Type::Json
                                   ? json::applyPatch(live, body_)
                                   : json::applyStrategicMerge(live, body_, call.kind->rules->mergeSchema());
  if (result) return std::move(*result);
  const bool bad_pointer = type_ == Type::Json && result.error().message.starts_with("JSON pointer");
  if (result.error().is(Code::Invalid) || bad_pointer) {
    StatusError error(422, "Invalid", "the server rejected our request due to an error in our request");
    error.empty_details = true;
    return failure(std::move(error));
  }
  return failure(StatusError(result.error()));
}

Answer<json::object> PatchRequest::applyTo(const Call& call, const json::object& live,
                                           const WriteContext& context) const {
  if (type_ == Type::Apply) {
    const FieldOwner owner = applierOf(call, context);
    return call.kind->rules->apply(&live, body_.get_object(), owner, context.options.force);
  }
  TRY(json::value document, applyRaw(call, live));
  if (!document.is_object()) return failure(refuse::badRequest("the patched document is not an object"));
  json::object& object = document.get_object();
  TRY_STATUS(checkGvk(call, object, call.kind->apiVersion(), call.kind->kind));
  if (meta::name(object).empty()) {
    return failure(refuse::badRequest(fmt::format(
        "the name of the object ({} based on URL) was undeterminable: name must be provided", call.info.name)));
  }
  if (meta::name(object) != call.info.name) {
    return failure(refuse::badRequest(fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                                                  meta::name(object), call.info.name)));
  }
  return std::move(object);
}

Answer<json::object> PatchRequest::applyToNothing(const Call& call, const WriteContext& context) const {
  const FieldOwner owner = applierOf(call, context);
  json::object wanted = body_.get_object();
  meta::of(wanted)["name"] = call.info.name;
  return call.kind->rules->apply(nullptr, wanted, owner, context.options.force);
}

Answer<Wanted> readWanted(const Call& call, WriteContext& context) {
  Wanted wanted;
  if (call.info.verb == "patch") {
    TRY(wanted.patch, readPatch(call, context));
  } else {
    TRY(wanted.body, readBody(call));
  }
  return wanted;
}

}  // namespace slipway::apiserver
