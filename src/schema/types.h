#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/strategic_merge.h"

namespace slipway::schema {

class Type;

/// What a value looks like on the wire.
enum class Form : uint8_t {
  String,
  Bool,
  Int32,
  Int64,
  Int,  ///< an integer of no stated size
  Double,
  Bytes,  ///< base64
  Time,   ///< RFC 3339, whole seconds
  MicroTime,
  Quantity,  ///< "500m"; a bare number too
  IntOrString,
  Any,  ///< whatever it is, it stays
  List,
  Map,
  Object,  ///< of a Type
};

/// The shape of a value: `element` for List and Map, `type` for Object.
struct Shape {
  Form form = Form::Any;
  const Shape* element = nullptr;
  const Type* type = nullptr;
};

/// Who may own what in a list when it is applied (x-kubernetes-list-type).
enum class ListType : uint8_t { Atomic, Set, Map };

/// One field of a type.
struct Field {
  std::string_view name;
  const Shape* shape = nullptr;
  bool required = false;
  bool pointer = false;       ///< an explicit zero is kept
  bool always = false;        ///< written even when empty
  bool omit_zero = false;     ///< a struct that is left out when empty
  bool value_struct = false;  ///< a struct that is written as {} when empty
  bool merge = false;         ///< patch strategy
  bool replace = false;       ///< patch strategy
  bool atomic_map = false;
  ListType list_type = ListType::Atomic;
  std::string_view merge_key;
  std::vector<std::string_view> map_keys;
  bool zero_default = false;      ///< its default is what Go has without one: only a key of a list shows it
  std::string_view default_json;  ///< what a missing field becomes
  std::string_view enums;         ///< "A|B"
  std::string_view go_type;       ///< if it is not the one that follows from the shape
};

/// The fields of one object type, in the order of their names.
/// Lives in its TypeSet and never changes after loading; any thread may read it.
class Type final : public json::MergeSchema {
 public:
  std::string_view name;       ///< "api.core.v1.Container"
  bool atomic = false;         ///< replaced as a whole when applied
  bool keeps_unknown = false;  ///< fields that are not known are kept (x-kubernetes-preserve-unknown-fields)
  bool embedded = false;       ///< a whole object with apiVersion, kind and metadata inside another one
  std::vector<Field> fields;

  const Field* find(std::string_view field) const;
  /// The name in Go's error messages: "v1.Container"; bareName() is "Container".
  std::string goName() const;
  std::string_view bareName() const;
  json::MergeField mergeField(std::string_view field) const override;
};

/// Go's name of a shape in error messages: "[]v1.Container", "map[string]string", "int32".
std::string goName(const Shape& shape);

/// Owns types and shapes; addresses are stable.
class TypeSet {
 public:
  TypeSet() = default;
  TypeSet(const TypeSet&) = delete;
  TypeSet& operator=(const TypeSet&) = delete;

  Type& type(std::string_view name);
  const Type* find(std::string_view name) const;
  const Shape* shape(Form form, const Shape* element = nullptr, const Type* type = nullptr);
  /// The shape that a word of the compact form means: "[]@api.core.v1.Container".
  Result<const Shape*> shapeOf(std::string_view word);
  /// A copy of a text that lives as long as the set.
  std::string_view keep(std::string text);
  const std::deque<Type>& types() const { return types_; }
  Type* findMutable(std::string_view name);
  /// A type that was named but never described accepts anything.
  void settle();

 private:
  std::deque<Type> types_;
  std::map<std::string_view, Type*> by_name_;
  std::deque<Shape> shapes_;
  std::map<std::string_view, const Shape*> by_word_;
  std::deque<std::string> kept_;
};

}  // namespace slipway::schema
