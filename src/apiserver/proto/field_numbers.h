#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace slipway::apiserver {

struct ProtoMessage;

/// One field of a protobuf message of the Kubernetes API.
struct ProtoField {
  enum class Kind : uint8_t { String, Bytes, Bool, Integer, Double, Message };
  std::string_view name;  ///< as in JSON
  Kind kind = Kind::String;
  bool repeated = false;
  bool map = false;  ///< keys are strings; kind is the values'
  const ProtoMessage* message = nullptr;
};

/// What a message is in JSON when it is no plain object.
enum class ProtoForm : uint8_t {
  Object,
  Time,
  MicroTime,
  Duration,
  Quantity,
  IntOrString,
  RawJson,
  Items,
  SchemaOrArray,
  SchemaOrBool,
  SchemaOrStrings
};

struct ProtoMessage {
  std::string_view name;  ///< "api.core.v1.Pod"
  ProtoForm form = ProtoForm::Object;
  std::unordered_map<uint32_t, ProtoField> fields;
};

/// The field numbers of all messages; read once, immutable.
class FieldNumbers {
 public:
  static const FieldNumbers& builtin();

  const ProtoMessage* find(std::string_view name) const;

 private:
  FieldNumbers();
  ProtoMessage& message(std::string_view name);
  ProtoField readField(std::string_view name, std::string_view shape);

  std::map<std::string_view, std::unique_ptr<ProtoMessage>> messages_;
};

}  // namespace slipway::apiserver
