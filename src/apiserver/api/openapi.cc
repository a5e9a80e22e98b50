#include "apiserver/api/openapi.h"

#include "apiserver/api/content.h"
#include "apiserver/api/openapi_custom.h"
#include "apiserver/api/openapi_proto.h"
#include "apiserver/api/openapi_types.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kV3 = "/openapi/v3";
constexpr std::string_view kV2 = "/openapi/v2";
constexpr std::string_view kProtobufV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

std::string pathOf(const Kind& kind) {
  return (kind.group.empty() ? "api/" + kind.version : "apis/" + kind.group + "/" + kind.version);
}

json::object parameter(std::string_view name, bool v2) {
  json::object out{{"name", name}, {"in", "query"}};
  if (v2) {
    out["type"] = "string";
    out["uniqueItems"] = true;
  } else {
    out["schema"] = json::object{{"type", "string"}, {"uniqueItems", true}};
  }
  return out;
}

json::object operation(const Kind& kind, std::string_view action, bool v2) {
  json::object out{{"operationId", fmt::format("{}{}{}", action, kind.version, kind.kind)}};
  out["x-kubernetes-action"] = action;
  out["x-kubernetes-group-version-kind"] =
      json::object{{"group", kind.group}, {"version", kind.version}, {"kind", kind.kind}};
  out["responses"] = json::object{{"200", json::object{{"description", "OK"}}}};
  json::array parameters;
  if (action == "patch" || action == "put" || action == "post") {
    for (const char* name : {"dryRun", "fieldManager", "fieldValidation"}) parameters.push_back(parameter(name, v2));
  }
  if (action == "patch") parameters.push_back(parameter("force", v2));
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  return out;
}

/// The two paths of a kind with its verbs; enough for clients that look for a verb or a parameter.
void addPaths(json::object& paths, const Kind& kind, bool v2) {
  const std::string base =
      fmt::format("/{}/{}{}", pathOf(kind), kind.namespaced ? "namespaces/{namespace}/" : "", kind.plural);
  json::object collection;
  json::object object;
  if (kind.hasVerb("list")) collection["get"] = operation(kind, "list", v2);
  if (kind.hasVerb("create")) collection["post"] = operation(kind, "post", v2);
  if (kind.hasVerb("deletecollection")) collection["delete"] = operation(kind, "deletecollection", v2);
  if (kind.hasVerb("get")) object["get"] = operation(kind, "get", v2);
  if (kind.hasVerb("update")) object["put"] = operation(kind, "put", v2);
  if (kind.hasVerb("patch")) object["patch"] = operation(kind, "patch", v2);
  if (kind.hasVerb("delete")) object["delete"] = operation(kind, "delete", v2);
  if (!collection.empty()) paths[base] = std::move(collection);
  if (!object.empty()) paths[base + "/{name}"] = std::move(object);
}

json::object info() {
  return {{"title", "Kubernetes"}, {"version", "v1.36.0"}};
}

}  // namespace

const OpenApi::Document& OpenApi::document(const std::string& name) {
  if (seen_ != kinds_.version()) documents_.clear();
  seen_ = kinds_.version();
  Document& document = documents_[name];
  if (!document.body.empty()) return document;
  const bool v2 = name == "v2";
  OpenApiTypes types(v2 ? "#/definitions/" : "#/components/schemas/");
  json::object paths;
  json::object custom;
  for (const KindPtr& kind : kinds_.all()) {
    if (!v2 && pathOf(*kind) != name) continue;
    addPaths(paths, *kind, v2);
    const schema::Gvk gvk{kind->group, kind->version, kind->kind};
    if (kind->custom) {
      custom[openApiNameOfCustom(*kind)] = openApiOfCustom(*kind, v2);
      types.add(*schema_.findType("apimachinery.pkg.apis.meta.v1.ObjectMeta"));
    } else if (const schema::Type* type = schema_.find(gvk)) {
      types.add(*type);
      types.setKind(*type, gvk);
    }
  }
  json::object schemas = types.take();
  for (auto& [key, value] : custom) schemas[key] = std::move(value);
  json::object out;
  if (v2) {
    out = {{"swagger", "2.0"}, {"info", info()}, {"paths", std::move(paths)}, {"definitions", std::move(schemas)}};
  } else {
    out = {{"openapi", "3.0.0"}, {"info", info()}, {"paths", std::move(paths)}};
    out["components"] = json::object{{"schemas", std::move(schemas)}};
  }
  document.body = json::serialize(out);
  document.packed = gzip(document.body);
  if (v2) {
    document.protobuf = swaggerAsProtobuf(out);
    document.packed_protobuf = gzip(document.protobuf);
  }
  document.hash = sha256Hex(document.body);
  return document;
}

Reply OpenApi::reply(const Call& call, const Document& document, bool protobuf) const {
  const std::string tag = "\"" + document.hash + "\"";
  Reply out{200, ""};
  const std::optional<std::string>& packed = protobuf ? document.packed_protobuf : document.packed;
  if (call.request.headers.get("If-None-Match") == tag) {
    out.status = 304;
  } else if (packed && acceptsGzip(call)) {
    out.body = *packed;
    out.headers.set("Content-Encoding", "gzip");
  } else {
    out.body = protobuf ? document.protobuf : document.body;
  }
  out.headers.set("ETag", tag);
  out.headers.set("Vary", "Accept-Encoding, Accept");
  return out;
}

Reply OpenApi::index() {
  json::object paths;
  for (const Kinds::Group& group : kinds_.groups()) {
    for (const std::string& version : group.versions) {
      const std::string name = group.name.empty() ? "api/" + version : "apis/" + group.name + "/" + version;
      paths[name] = json::object{{"serverRelativeURL", fmt::format("{}/{}?hash={}", kV3, name, document(name).hash)}};
    }
  }
  return Reply::json(json::object{{"paths", std::move(paths)}});
}

Answer<Reply> OpenApi::version3(const Call& call, const std::string& name) {
  for (const KindPtr& kind : kinds_.all()) {
    if (pathOf(*kind) == name) return reply(call, document(name));
  }
  return failure(refuse::noSuchPath());
}

Answer<Reply> OpenApi::version2(const Call& call) {
  const std::string_view accept = call.request.headers.get("Accept");
  if (accept.empty()) return reply(call, document("v2"));
  for (const std::string_view entry : split(accept, ',')) {
    const std::string_view type = trim(entry.substr(0, entry.find(';')));
    if (type == "application/json" || type == "application/*" || type == "*/*") return reply(call, document("v2"));
    // Clients wrote an @ where a media type may have none, until they learned better.
    if (type != "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" && type != kProtobufV2) continue;
    Reply out = reply(call, document("v2"), true);
    out.type = kProtobufV2;
    return out;
  }
  return failure(refuse::notAcceptable("application/json"));
}

Task<Answer<Reply>> OpenApi::serve(const Call* call) {
  const std::string& path = call->info.path;
  if (path == kV2) co_return version2(*call);
  if (path == kV3) co_return index();
  co_return version3(*call, path.substr(kV3.size() + 1));
}

void OpenApi::addTo(Api& api) {
  Api::Handler handler = [this](Call& call) { return serve(&call); };
  for (const char* path : {"/openapi/v2", "/openapi/v3", "/openapi/v3/"}) api.onPath(path, handler);
}

}  // namespace slipway::apiserver
