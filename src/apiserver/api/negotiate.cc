#include <zlib.h>

#include "apiserver/api/call.h"
#include "apiserver/proto/decode.h"
#include "base/strings.h"
#include "json/document.h"
#include "json/yaml.h"
#include "schema/apply.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kMaxBody = 3U << 20U;
constexpr size_t kMaxManager = 128;
constexpr std::string_view kOffered = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

std::string parameter(std::string_view entry, std::string_view name) {
  const std::vector<std::string_view> parts = split(entry, ';');
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto [key, value] = splitOnce(trim(parts[i]), '=');
    if (trim(key) == name) return std::string(trim(value));
  }
  return {};
}

bool isKnown(std::string_view type) {
  return type == "application/yaml" || type == "application/vnd.kubernetes.protobuf" || type == "application/cbor";
}

bool isJson(std::string_view type) {
  return type == "application/json" || type == "application/*" || type == "*/*";
}

bool mayWatch(const Call& call) {
  return call.info.verb == "watch";
}

/// Takes the entry if we have what it asks for.
bool accept(Call& call, std::string_view entry) {
  const std::string type(trim(entry.substr(0, entry.find(';'))));
  if (type == "application/json" && mayWatch(call) && parameter(entry, "stream") == "watch") return true;
  if (!isJson(type) && (type != "application/yaml" || mayWatch(call))) return false;
  const std::string as = parameter(entry, "as");
  if (as.empty()) return true;
  const std::string version = parameter(entry, "v");
  if (parameter(entry, "g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) return false;
  if (as == "Table") {
    call.form = Form::Table;
  } else if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList") {
    call.form = Form::Metadata;
  } else {
    return false;
  }
  call.form_version = version;
  return true;
}

Answer<std::string> gunzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 32) != Z_OK) return failure(refuse::internal("zlib"));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT: zlib's interface
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int code = Z_OK;
  std::array<char, 32768> buffer;
  while (code == Z_OK && out.size() <= kMaxBody) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > kMaxBody) return failure(refuse::tooLarge(fmt::format("limit is {}", kMaxBody)));
  if (code != Z_STREAM_END) return failure(refuse::badRequest("the gzip body is damaged"));
  return out;
}

}  // namespace

std::string mediaType(const http::Headers& headers) {
  const std::string_view type = headers.get("Content-Type");
  return toLower(trim(type.substr(0, type.find(';'))));
}

Done negotiate(Call& call) {
  const std::string_view header = call.request.headers.get("Accept");
  if (trim(header).empty()) return {};
  bool known = false;
  for (const std::string_view entry : split(header, ',')) {
    if (accept(call, trim(entry))) return {};
    const std::string_view type = trim(entry.substr(0, entry.find(';')));
    known = known || isJson(type) || isKnown(type);
  }
  return failure(known ? refuse::notInThatForm(kOffered) : refuse::notAcceptable(kOffered));
}

Done negotiateUntabled(Call& call) {
  TRY_STATUS(negotiate(call));
  return call.form == Form::Table ? Done(failure(refuse::notInThatForm(kOffered))) : Done();
}

Answer<std::string> plainBody(const Call& call) {
  const std::string_view coding = call.request.headers.get("Content-Encoding");
  if (equalsIgnoreCase(coding, "gzip")) return gunzip(call.request.body);
  return call.request.body;
}

Answer<json::object> readBody(const Call& call, std::vector<std::string>* duplicates, json::storage_ptr storage) {
  const std::string type = mediaType(call.request.headers);
  if (type == kProtobufType) {
    TRY(const std::string body, plainBody(call));
    Result<json::object> object = decodeProtobuf(body, *call.schema);
    if (!object) return failure(StatusError(object.error()));
    return std::move(*object);
  }
  const bool yaml = type == "application/yaml";
  if (!yaml && !type.empty() && type != "application/json") return failure(refuse::unsupportedMediaType(kOffered));
  TRY(const std::string body, plainBody(call));
  const auto read = [&](const std::string& text) {
    return yaml ? json::yamlToJson(text, {}, duplicates) : json::readDocument(text, {}, duplicates, storage);
  };
  Result<json::value> document = read(body);
  // Bytes that are no UTF-8 become U+FFFD, as Go reads them; most bodies are never looked at for it.
  if (!document && document.error().is(Code::BadRequest)) {
    if (const std::string mended = toValidUtf8(body); mended != body) document = read(mended);
  }
  if (!document) {
    if (document.error().code == Code::RequestEntityTooLarge) return failure(StatusError(document.error()));
    return failure(refuse::badRequest(fmt::format(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {}{}",
        call.kind ? call.kind->kind : "object", document.error().message, body.empty() ? " (<empty>)" : "")));
  }
  if (!document->is_object()) {
    return failure(
        refuse::badRequest(fmt::format("couldn't get version/kind; json parse error: json: cannot unmarshal "
                                       "{} into Go value of type struct",
                                       document->is_array() ? "array" : "value")));
  }
  return std::move(document->get_object());
}

namespace {

/// The options' kind in messages.
Qualified optionsKind(const Call& call) {
  const std::string& verb = call.info.verb;
  const char* name = verb == "create" ? "CreateOptions" : verb == "update" ? "UpdateOptions" : "PatchOptions";
  return {verb.starts_with("delete") ? "DeleteOptions" : name, "meta.k8s.io"};
}

StatusError badOption(const Call& call, std::string_view reason, std::string_view field, std::string message) {
  return refuse::invalid(optionsKind(call), "", {{std::string(reason), std::move(message), std::string(field)}});
}

Answer<WriteOptions::Validation> readValidation(const Call& call) {
  const std::string_view text = call.query.get("fieldValidation");
  if (text == "Strict") return WriteOptions::Validation::Strict;
  if (text == "Ignore") return WriteOptions::Validation::Ignore;
  if (text.empty() || text == "Warn") return WriteOptions::Validation::Warn;
  return failure(badOption(
      call, "FieldValueNotSupported", "fieldValidation",
      fmt::format("Unsupported value: \"{}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"", text)));
}

}  // namespace

Answer<WriteOptions> readWriteOptions(const Call& call) {
  WriteOptions options;
  for (const std::string& value : call.query.all("dryRun")) {
    if (value != "All") {
      return failure(badOption(call, "FieldValueNotSupported", "dryRun",
                               fmt::format("Unsupported value: [\"{}\"]: supported values: \"All\"", value)));
    }
    options.dry_run = true;
  }
  options.force = call.query.flag("force");
  TRY(options.validation, readValidation(call));
  options.manager = call.query.get("fieldManager");
  if (options.manager.size() > kMaxManager) {
    return failure(badOption(call, "FieldValueTooLong", "fieldManager",
                             fmt::format("Too long: may not be more than {} bytes", kMaxManager)));
  }
  if (options.manager.empty()) options.manager = schema::managerOfUserAgent(call.request.headers.get("User-Agent"));
  return options;
}

}  // namespace slipway::apiserver
