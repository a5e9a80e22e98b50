#include "apiserver/api/openapi_proto.h"

#include <bit>

#include "json/document.h"

namespace slipway::apiserver {
namespace {

/// One message while it is written.
class Message {
 public:
  void text(uint32_t field, std::string_view text) {
    if (text.empty()) return;
    varint(field << 3U | 2U);
    varint(text.size());
    bytes_.append(text);
  }
  void message(uint32_t field, const Message& inner) {
    varint(field << 3U | 2U);
    varint(inner.bytes_.size());
    bytes_.append(inner.bytes_);
  }
  void number(uint32_t field, uint64_t number) {
    varint(field << 3U);
    varint(number);
  }
  void real(uint32_t field, double number) {
    varint(field << 3U | 1U);
    auto bits = std::bit_cast<uint64_t>(number);
    for (int i = 0; i < 8; ++i, bits >>= 8U) bytes_.push_back(static_cast<char>(bits & 0xffU));
  }
  std::string take() { return std::move(bytes_); }

 private:
  void varint(uint64_t number) {
    for (; number >= 0x80; number >>= 7U) bytes_.push_back(static_cast<char>(number | 0x80U));
    bytes_.push_back(static_cast<char>(number));
  }
  std::string bytes_;
};

Message schemaMessage(const json::object& schema);

/// gnostic's Any: a value as YAML, of which JSON is a part.
Message anyOf(const json::value& value) {
  Message out;
  out.text(2, json::serialize(value) + "\n");
  return out;
}

void addExtensions(Message& out, uint32_t field, const json::object& from) {
  for (const auto& [name, value] : from) {
    if (!std::string_view(name).starts_with("x-")) continue;
    Message named;
    named.text(1, name);
    named.message(2, anyOf(value));
    out.message(field, named);
  }
}

Message namedSchemas(const json::object& schemas) {
  Message out;
  for (const auto& [name, schema] : schemas) {
    if (!schema.is_object()) continue;
    Message named;
    named.text(1, name);
    named.message(2, schemaMessage(schema.get_object()));
    out.message(1, named);
  }
  return out;
}

void addNumbers(Message& out, const json::object& schema) {
  constexpr std::pair<const char*, uint32_t> kReals[] = {{"multipleOf", 6}, {"maximum", 7}, {"minimum", 9}};
  for (const auto& [name, field] : kReals) {
    const json::value* value = schema.if_contains(name);
    if (value != nullptr && value->is_number()) out.real(field, value->to_number<double>());
  }
  constexpr std::pair<const char*, uint32_t> kCounts[] = {{"maxLength", 11},     {"minLength", 12},
                                                          {"maxItems", 14},      {"minItems", 15},
                                                          {"maxProperties", 17}, {"minProperties", 18}};
  for (const auto& [name, field] : kCounts) {
    if (const auto count = json::findInt(schema, {name})) out.number(field, static_cast<uint64_t>(*count));
  }
  constexpr std::pair<const char*, uint32_t> kFlags[] = {
      {"exclusiveMaximum", 8}, {"exclusiveMinimum", 10}, {"uniqueItems", 16}};
  for (const auto& [name, field] : kFlags) {
    if (json::isTrue(schema, {name})) out.number(field, 1);
  }
}

Message schemaMessage(const json::object& schema) {
  Message out;
  constexpr std::pair<const char*, uint32_t> kTexts[] = {
      {"$ref", 1}, {"format", 2}, {"title", 3}, {"description", 4}, {"pattern", 13}};
  for (const auto& [name, field] : kTexts) out.text(field, json::text(schema, {name}));
  if (const json::value* value = schema.if_contains("default")) out.message(5, anyOf(*value));
  addNumbers(out, schema);
  if (const json::array* required = json::findArray(schema, {"required"})) {
    for (const json::value& name : *required) out.text(19, name.as_string());
  }
  if (const json::array* values = json::findArray(schema, {"enum"})) {
    for (const json::value& value : *values) out.message(20, anyOf(value));
  }
  if (const json::value* more = schema.if_contains("additionalProperties")) {
    Message item;
    if (more->is_object()) item.message(1, schemaMessage(more->get_object()));
    if (more->is_bool()) item.number(2, more->get_bool() ? 1 : 0);
    out.message(21, item);
  }
  if (const std::string_view type = json::text(schema, {"type"}); !type.empty()) {
    Message item;
    item.text(1, type);
    out.message(22, item);
  }
  if (const json::object* items = json::findObject(schema, {"items"})) {
    Message item;
    item.message(1, schemaMessage(*items));
    out.message(23, item);
  }
  if (const json::object* properties = json::findObject(schema, {"properties"}))
    out.message(25, namedSchemas(*properties));
  addExtensions(out, 31, schema);
  return out;
}

Message operationMessage(const json::object& operation) {
  Message out;
  out.text(5, json::text(operation, {"operationId"}));
  const json::array* parameters = json::findArray(operation, {"parameters"});
  for (size_t i = 0; parameters != nullptr && i < parameters->size(); ++i) {
    const json::object& from = (*parameters)[i].as_object();
    Message query;
    query.text(2, json::text(from, {"in"}));
    query.text(4, json::text(from, {"name"}));
    query.text(6, json::text(from, {"type"}));
    Message not_body, parameter, item;
    not_body.message(3, query);
    parameter.message(2, not_body);
    item.message(1, parameter);
    out.message(8, item);
  }
  Message description, response, named, responses;
  description.text(1, "OK");
  response.message(1, description);
  named.text(1, "200");
  named.message(2, response);
  responses.message(1, named);
  out.message(9, responses);
  addExtensions(out, 13, operation);
  return out;
}

Message pathMessage(const json::object& path) {
  Message out;
  constexpr std::pair<const char*, uint32_t> kMethods[] = {
      {"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
  for (const auto& [method, field] : kMethods) {
    if (const json::object* operation = json::findObject(path, {method}))
      out.message(field, operationMessage(*operation));
  }
  return out;
}

}  // namespace

std::string swaggerAsProtobuf(const json::object& document) {
  Message out;
  out.text(1, json::text(document, {"swagger"}));
  Message info;
  info.text(1, json::text(document, {"info", "title"}));
  info.text(2, json::text(document, {"info", "version"}));
  out.message(2, info);
  Message paths;
  if (const json::object* all = json::findObject(document, {"paths"})) {
    for (const auto& [name, path] : *all) {
      Message named;
      named.text(1, name);
      named.message(2, pathMessage(path.as_object()));
      paths.message(2, named);
    }
  }
  out.message(8, paths);
  if (const json::object* definitions = json::findObject(document, {"definitions"}))
    out.message(9, namedSchemas(*definitions));
  return out.take();
}

}  // namespace slipway::apiserver
