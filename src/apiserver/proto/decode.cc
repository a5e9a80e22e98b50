#include "apiserver/proto/decode.h"

#include <bit>

#include "apiserver/proto/field_numbers.h"
#include "apiserver/proto/wire_reader.h"
#include "base/clock.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

using Kind = ProtoField::Kind;

constexpr size_t kMaxDepth = 100;
constexpr std::string_view kMagic("k8s\0", 4);

// What RFC 3339 can write, in seconds since 1970.
constexpr int64_t kYear1 = -62'135'596'800;
constexpr int64_t kYear10000 = 253'402'300'800;
// Beyond this a system clock cannot count.
constexpr int64_t kFarthest = 9'000'000'000;

/// Go's time.Time{} plus a little is such a one. Without `micros` (-1) whole seconds.
std::string farTime(int64_t seconds, int64_t micros) {
  const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  const std::string fraction = micros < 0 ? "" : fmt::format(".{:06}", micros);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), fraction);
}

/// Where Go omits what is empty and no type of the schema tells so: within the schemas of definitions, which refer to
/// themselves. What Go has a pointer to is set on purpose, and stays.
void dropUnset(json::object& object, std::string_view message) {
  constexpr std::string_view kPackage = "apiserver.pkg.apis.apiextensions.v1.";
  if (message.find(kPackage) == std::string_view::npos) return;
  const std::string_view name = message.substr(message.rfind('.') + 1);
  std::string_view fields;
  if (name == "JSONSchemaProps") {
    fields =
        "id,$schema,description,type,format,title,exclusiveMaximum,exclusiveMinimum,pattern,uniqueItems,nullable,"
        "x-kubernetes-embedded-resource,x-kubernetes-int-or-string";
  } else if (name == "ValidationRule") {
    fields = "message,messageExpression,fieldPath";
  } else if (name == "ExternalDocumentation") {
    fields = "description,url";
  }
  for (const std::string_view field : split(fields, ',')) {
    const json::value* value = object.if_contains(field);
    if (value != nullptr && (*value == "" || *value == false)) json::removeKey(object, field);
  }
}

tl::unexpected<Error> damaged(std::string_view what) {
  return failure(Code::BadRequest, "the protobuf body is damaged at {}", what);
}

int64_t signedOf(uint64_t value) {
  return std::bit_cast<int64_t>(value);
}

/// Reads messages of one request.
class Decoder {
 public:
  explicit Decoder(const schema::Schema& schema) : schema_(schema) {}

  Result<json::value> message(std::string_view bytes, const ProtoMessage& message, size_t depth) const {
    if (depth > kMaxDepth) return damaged("nesting that deep");
    switch (message.form) {
      case ProtoForm::Object:
        break;
      case ProtoForm::Time:
      case ProtoForm::MicroTime:
        return time(bytes, message.form == ProtoForm::MicroTime);
      case ProtoForm::RawJson:
        return rawJson(bytes);
      default:
        return special(bytes, message, depth);
    }
    json::object out;
    TRY_STATUS(fill(out, bytes, message, depth));
    dropUnset(out, message.name);
    return out;
  }

 private:
  Status fill(json::object& out, std::string_view bytes, const ProtoMessage& message, size_t depth) const {
    const schema::Type* type = schema_.findType(schemaName(message.name));
    WireReader reader(bytes);
    while (const auto wire = reader.next()) {
      const auto found = message.fields.find(wire->number);
      if (found == message.fields.end()) continue;
      const ProtoField& field = found->second;
      // A struct that Go embeds: its fields stand in the parent.
      const bool embedded = field.kind == Kind::Message && field.message->form == ProtoForm::Object &&
                            type != nullptr && !field.map && !field.repeated && type->find(field.name) == nullptr;
      if (embedded) {
        TRY_STATUS(fill(out, wire->bytes, *field.message, depth + 1));
        continue;
      }
      TRY_STATUS(addField(out, field, *wire, depth));
    }
    if (reader.failed()) return damaged(message.name);
    return {};
  }

  Status addField(json::object& out, const ProtoField& field, const WireReader::Field& wire, size_t depth) const {
    if (field.map) return addEntry(out, field, wire, depth);
    if (!field.repeated) {
      TRY(json::value value, single(field, wire, depth));
      if (!value.is_null()) out[field.name] = std::move(value);
      return {};
    }
    json::value& list = out[field.name];
    if (!list.is_array()) list = json::array();
    const bool number = field.kind == Kind::Bool || field.kind == Kind::Integer;
    if (!number || !wire.delimited) {
      TRY(json::value value, single(field, wire, depth));
      list.get_array().push_back(std::move(value));
      return {};
    }
    WireReader packed(wire.bytes);
    while (!packed.atEnd()) {
      const auto value = packed.varint();
      if (!value) return damaged(field.name);
      list.get_array().push_back(field.kind == Kind::Bool ? json::value(*value != 0) : json::value(signedOf(*value)));
    }
    return {};
  }

  Status addEntry(json::object& out, const ProtoField& field, const WireReader::Field& wire, size_t depth) const {
    std::string key;
    json::value value = field.kind == Kind::Message ? json::value() : json::value("");
    WireReader entry(wire.bytes);
    while (const auto part = entry.next()) {
      if (part->number == 1) key = toValidUtf8(part->bytes);
      if (part->number != 2) continue;
      TRY(value, single(field, *part, depth));
    }
    if (entry.failed()) return damaged(field.name);
    json::ensureObject(out, field.name)[key] = std::move(value);
    return {};
  }

  Result<json::value> single(const ProtoField& field, const WireReader::Field& wire, size_t depth) const {
    const bool delimited = field.kind == Kind::String || field.kind == Kind::Bytes || field.kind == Kind::Message;
    if (delimited != wire.delimited) return damaged(field.name);
    switch (field.kind) {
      case Kind::String:
        return json::value(toValidUtf8(wire.bytes));
      case Kind::Bytes:
        return json::value(base64Encode(wire.bytes));
      case Kind::Bool:
        return json::value(wire.integer != 0);
      case Kind::Integer:
        return json::value(signedOf(wire.integer));
      case Kind::Double:
        return json::value(std::bit_cast<double>(wire.integer));
      case Kind::Message:
        break;
    }
    return message(wire.bytes, *field.message, depth + 1);
  }

  /// An unset time is an empty message.
  static Result<json::value> time(std::string_view bytes, bool micro) {
    if (bytes.empty()) return json::value();
    int64_t seconds = 0;
    int64_t nanos = 0;
    WireReader reader(bytes);
    while (const auto wire = reader.next()) {
      if (wire->number == 1) seconds = signedOf(wire->integer);
      if (wire->number == 2) nanos = signedOf(wire->integer);
    }
    const bool counts = seconds >= kYear1 && seconds < kYear10000 && nanos >= 0 && nanos <= 999'999'999;
    if (reader.failed() || !counts) return damaged("a time");
    if (seconds > kFarthest || seconds < -kFarthest) return json::value(farTime(seconds, micro ? nanos / 1000 : -1));
    const WallTime at{std::chrono::duration_cast<WallTime::duration>(std::chrono::seconds(seconds) +
                                                                     std::chrono::nanoseconds(nanos))};
    return json::value(micro ? formatMicroTime(at) : formatTime(at));
  }

  static Result<json::value> rawJson(std::string_view bytes) {
    std::string_view raw;
    WireReader reader(bytes);
    while (const auto wire = reader.next()) {
      if (wire->number == 1) raw = wire->bytes;
    }
    if (reader.failed()) return damaged("embedded JSON");
    if (raw.empty()) return json::value();
    return json::readDocument(raw);
  }

  Result<json::value> special(std::string_view bytes, const ProtoMessage& message, size_t depth) const {
    json::object parts;
    TRY_STATUS(fillPlain(parts, bytes, message, depth));
    const auto part = [&](std::string_view name) {
      const json::value* found = parts.if_contains(name);
      return found == nullptr ? json::value() : *found;
    };
    switch (message.form) {
      case ProtoForm::Duration:
        return json::value(formatDuration(std::chrono::nanoseconds(number(part("duration")))));
      case ProtoForm::Quantity:
        return part("string").is_string() ? part("string") : json::value("0");
      case ProtoForm::IntOrString:
        if (number(part("type")) == 0) return json::value(number(part("intVal")));
        return part("strVal").is_string() ? part("strVal") : json::value("");
      case ProtoForm::Items:
        return part("items").is_array() ? part("items") : json::value(json::array());
      case ProtoForm::SchemaOrArray:
        return part("jSONSchemas").is_array() ? part("jSONSchemas") : part("schema");
      case ProtoForm::SchemaOrBool:
        return part("schema").is_object() ? part("schema") : json::value(part("allows") == true);
      case ProtoForm::SchemaOrStrings:
        return part("schema").is_object() ? part("schema") : part("property");
      default:
        return json::value(std::move(parts));
    }
  }

  Status fillPlain(json::object& out, std::string_view bytes, const ProtoMessage& message, size_t depth) const {
    WireReader reader(bytes);
    while (const auto wire = reader.next()) {
      const auto found = message.fields.find(wire->number);
      if (found != message.fields.end()) TRY_STATUS(addField(out, found->second, *wire, depth));
    }
    if (reader.failed()) return damaged(message.name);
    return {};
  }

  static int64_t number(const json::value& value) { return value.is_int64() ? value.get_int64() : 0; }

  static std::string schemaName(std::string_view proto_name) {
    std::string name(proto_name);
    if (name.starts_with("apiextensions_apiserver.")) name.replace(0, 23, "apiextensions-apiserver");
    if (name.starts_with("kube_aggregator.")) name.replace(0, 15, "kube-aggregator");
    return name;
  }

  const schema::Schema& schema_;
};

/// The message of a kind: the schema knows its type, the type's name is the message's. Options and reviews of meta/v1
/// can come under any group.
const ProtoMessage* messageOf(const schema::Schema& schema, std::string_view api_version, std::string_view kind) {
  const FieldNumbers& numbers = FieldNumbers::builtin();
  if (const schema::Type* type = schema.find(api_version, kind)) {
    const std::string name = replaceAll(replaceAll(type->name, "apiextensions-apiserver", "apiextensions_apiserver"),
                                        "kube-aggregator", "kube_aggregator");
    if (const ProtoMessage* found = numbers.find(name)) return found;
  }
  return numbers.find(fmt::format("apimachinery.pkg.apis.meta.v1.{}", kind));
}

}  // namespace

Result<json::object> decodeProtobuf(std::string_view bytes, const schema::Schema& schema) {
  if (!bytes.starts_with(kMagic)) return damaged("its first bytes: they are not \"k8s\\0\"");
  std::string api_version;
  std::string kind;
  std::string_view raw;
  WireReader envelope(bytes.substr(kMagic.size()));
  while (const auto field = envelope.next()) {
    if (field->number == 2) raw = field->bytes;
    if (field->number != 1) continue;
    WireReader type(field->bytes);
    while (const auto part = type.next()) {
      if (part->number == 1) api_version = toValidUtf8(part->bytes);
      if (part->number == 2) kind = toValidUtf8(part->bytes);
    }
    if (type.failed()) return damaged("its type");
  }
  if (envelope.failed()) return damaged("its envelope");
  const ProtoMessage* message = messageOf(schema, api_version, kind);
  if (message == nullptr) return failure(Code::NotImplemented, "{} {} has no protobuf form here", api_version, kind);
  TRY(json::value object, Decoder(schema).message(raw, *message, 0));
  if (!object.is_object()) return damaged("its object");
  object.get_object()["apiVersion"] = api_version;
  object.get_object()["kind"] = kind;
  return std::move(object.get_object());
}

}  // namespace slipway::apiserver
