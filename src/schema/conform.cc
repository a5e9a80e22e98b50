#include "schema/conform.h"

#include "base/clock.h"
#include "base/strings.h"
#include "schema/quantity.h"

namespace slipway::schema {
namespace {

using json::array;
using json::object;
using json::value;

std::string_view kindWord(const value& part) {
  switch (part.kind()) {
    case json::kind::string:
      return "string";
    case json::kind::bool_:
      return "bool";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
    default:
      return "number";
  }
}

/// Walks a document along its type. Paths are kept as a stack of words and written out only when there is something
/// to say.
class Walker {
 public:
  explicit Walker(ConformOptions options) : options_(options) {}
  std::vector<std::string> unknown;

  Status fields(object& document, const Type& type) {
    for (auto at = document.begin(); at != document.end();) {
      const Field* field = type.find(at->key());
      if (field == nullptr) {
        at = stray(document, at, type);
        continue;
      }
      if (at->value().is_null()) {
        at = document.stable_erase(at);
        continue;
      }
      path_.push_back({field->name, -1});
      holders_.push_back({&type, field});
      TRY_STATUS(one(at->value(), *field->shape));
      holders_.pop_back();
      path_.pop_back();
      bool drop = options_.normalize && dropped(at->value(), *field);
      at = drop ? document.stable_erase(at) : at + 1;
    }
    if (options_.normalize) TRY_STATUS(complete(document, type));
    return {};
  }

 private:
  struct Step {
    std::string_view key;
    ptrdiff_t index;  ///< of a list element, or -1
  };
  struct Holder {
    const Type* type;
    const Field* field;
  };

  object::iterator stray(object& document, object::iterator at, const Type& type) {
    if (type.keeps_unknown) return at + 1;
    if (type.embedded && (at->key() == "apiVersion" || at->key() == "kind")) return at + 1;
    path_.push_back({at->key(), -1});
    unknown.push_back(where());
    path_.pop_back();
    return options_.prune ? document.stable_erase(at) : at + 1;
  }

  /// What Go's omitempty leaves out.
  static bool dropped(const value& part, const Field& field) {
    if (field.pointer) return false;
    switch (field.shape->form) {
      case Form::Object:
        return field.omit_zero && part.is_object() && part.get_object().empty();
      case Form::Any:
      case Form::Quantity:
      case Form::IntOrString:
      case Form::Time:
      case Form::MicroTime:
        return false;
      default:
        break;
    }
    // An empty list that Go would write is null there: the same as none.
    if (field.always && !part.is_structured()) return false;
    switch (part.kind()) {
      case json::kind::string:
        return part.get_string().empty();
      case json::kind::bool_:
        return !part.get_bool();
      case json::kind::int64:
        return part.get_int64() == 0;
      case json::kind::array:
        return part.get_array().empty();
      case json::kind::object:
        return part.get_object().empty();
      default:
        return false;
    }
  }

  /// What Go writes although nobody said it: empty structs and fields without omitempty. No nulls, though: a missing
  /// field means the same.
  Status complete(object& document, const Type& type) {
    for (const Field& field : type.fields) {
      bool wanted = field.always || (field.value_struct && !field.omit_zero);
      if (!wanted || field.pointer || document.contains(field.name)) continue;
      switch (field.shape->form) {
        case Form::String:
          document[field.name] = "";
          break;
        case Form::Bool:
          document[field.name] = false;
          break;
        case Form::Int32:
        case Form::Int64:
        case Form::Int:
          document[field.name] = 0;
          break;
        case Form::Object:
          if (!field.value_struct) break;
          TRY_STATUS(fields(document[field.name].emplace_object(), *field.shape->type));
          break;
        default:
          break;
      }
    }
    return {};
  }

  Status one(value& part, const Shape& shape) {
    switch (shape.form) {
      case Form::Any:
        return {};
      case Form::String:
        return part.is_string() ? Status() : mismatch(part, "string", true);
      case Form::Bool:
        return part.is_bool() ? Status() : mismatch(part, "bool", true);
      case Form::Int32:
        return whole(part, "int32", INT32_MIN, INT32_MAX);
      case Form::Int64:
        return whole(part, "int64", INT64_MIN, INT64_MAX);
      case Form::Int:
        return whole(part, "int", INT64_MIN, INT64_MAX);
      case Form::Double:
        return part.is_number() ? Status() : mismatch(part, "float64", true);
      case Form::Bytes:
        return bytes(part);
      case Form::Time:
      case Form::MicroTime:
        return time(part, shape.form);
      case Form::Quantity:
        return quantity(part);
      case Form::IntOrString:
        return part.is_string() ? Status() : whole(part, "int32", INT32_MIN, INT32_MAX);
      case Form::List:
        return list(part, shape);
      case Form::Map:
        return map(part, shape);
      case Form::Object:
        if (!part.is_object()) return mismatch(part, goName(shape), false);
        return fields(part.get_object(), *shape.type);
    }
    return {};
  }

  Status list(value& part, const Shape& shape) {
    if (!part.is_array()) return mismatch(part, goName(shape), true);
    ptrdiff_t index = 0;
    for (value& element : part.get_array()) {
      path_.push_back({{}, index++});
      if (element.is_null()) TRY_STATUS(zero(element, *shape.element));
      TRY_STATUS(one(element, *shape.element));
      path_.pop_back();
    }
    return {};
  }

  /// A null in a list is Go's zero value.
  static Status zero(value& element, const Shape& shape) {
    switch (shape.form) {
      case Form::String:
      case Form::Bytes:
        element = "";
        break;
      case Form::Bool:
        element = false;
        break;
      case Form::Object:
      case Form::Map:
        element.emplace_object();
        break;
      case Form::List:
        element.emplace_array();
        break;
      case Form::Int32:
      case Form::Int64:
      case Form::Int:
        element = 0;
        break;
      default:
        break;
    }
    return {};
  }

  Status map(value& part, const Shape& shape) {
    if (!part.is_object()) return mismatch(part, goName(shape), true);
    for (auto& [key, element] : part.get_object()) {
      path_.push_back({key, -1});
      if (element.is_null()) TRY_STATUS(zero(element, *shape.element));
      TRY_STATUS(one(element, *shape.element));
      path_.pop_back();
    }
    return {};
  }

  Status whole(value& part, std::string_view go, int64_t least, int64_t most) {
    if (!part.is_number()) return mismatch(part, go, true);
    if (const int64_t* number = part.if_int64(); number != nullptr && *number >= least && *number <= most) return {};
    std::string number = part.is_double() ? fmt::format("{}", part.get_double()) : json::serialize(part);
    return failure(Code::BadRequest, "json: cannot unmarshal number {} into Go struct field {} of type {}", number,
                   holder(), named(go));
  }

  Status bytes(value& part) {
    if (!part.is_string()) return mismatch(part, "[]uint8", true);
    std::string_view text = part.get_string();
    size_t at = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n");
    if (at != std::string_view::npos) return failure(Code::BadRequest, "illegal base64 data at input byte {}", at);
    bool clean = text.size() % 4 == 0 && text.find_first_of("\r\n") == std::string_view::npos;
    size_t equals = text.find('=');
    if (clean && (equals == std::string_view::npos || equals + 2 >= text.size())) return {};
    Result<std::string> decoded = base64Decode(text);
    if (!decoded) return failure(Code::BadRequest, "illegal base64 data at input byte {}", text.size());
    std::string again = base64Encode(*decoded);
    if (again.size() + 4 < text.size() - std::ranges::count_if(text, [](char c) { return c == '\n' || c == '\r'; }) ||
        (text.size() % 4 != 0 && clean)) {
      return failure(Code::BadRequest, "illegal base64 data at input byte {}", text.size() / 4 * 4);
    }
    part = again;
    return {};
  }

  Status time(value& part, Form form) {
    if (!part.is_string()) return mismatch(part, "string", false);
    std::string text(part.get_string());
    std::string_view layout = form == Form::Time ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00";
    Result<WallTime> read = parseTime(text);
    if (!read) {
      return failure(Code::BadRequest, "parsing time {0:?} as {1:?}: cannot parse {0:?} as \"2006\"", text, layout);
    }
    // Times to the microsecond have all six places.
    if (form == Form::MicroTime && (text.size() < 27 || text[19] != '.')) {
      return failure(Code::BadRequest, "parsing time {:?} as {:?}: cannot parse {:?} as \".000000\"", text, layout,
                     text.substr(19));
    }
    // A system clock counts from 1678 to 2262: further away a time is kept as it came.
    const int64_t year = parseInt(text.substr(0, 4)).value_or(0);
    if (options_.normalize && year > 1677 && year < 2262)
      part = form == Form::Time ? formatTime(*read) : formatMicroTime(*read);
    return {};
  }

  Status quantity(value& part) {
    std::string text = part.is_string() ? std::string(part.get_string()) : json::serialize(part);
    if (part.is_double()) text = fmt::format("{}", part.get_double());
    Result<Quantity> read = Quantity::parse(trim(text));
    if (!read) return failure(read.error());
    if (options_.normalize) part = read->canonical();
    return {};
  }

  std::string named(std::string_view go) const {
    bool other = !holders_.empty() && !holders_.back().field->go_type.empty() &&
                 holders_.back().field->shape->element == nullptr;
    return std::string(other ? holders_.back().field->go_type : go);
  }

  tl::unexpected<Error> mismatch(const value& part, std::string_view go, bool may_be_named) const {
    return failure(Code::BadRequest, "json: cannot unmarshal {} into Go struct field {} of type {}", kindWord(part),
                   holder(), may_be_named ? named(go) : std::string(go));
  }

  /// "ContainerPort.spec.containers.ports.containerPort": the struct that holds the field, then the path without
  /// indices and map keys.
  std::string holder() const {
    std::string out(holders_.back().type->bareName());
    for (const Holder& step : holders_) out += fmt::format(".{}", step.field->name);
    return out;
  }

  std::string where() const {
    std::string out;
    for (const Step& step : path_) {
      if (step.index >= 0) {
        out += fmt::format("[{}]", step.index);
      } else {
        out += fmt::format("{}{}", out.empty() ? "" : ".", step.key);
      }
    }
    return out;
  }

  ConformOptions options_;
  std::vector<Step> path_;
  std::vector<Holder> holders_;
};

}  // namespace

Result<std::vector<std::string>> conform(json::object& document, const Type& type, ConformOptions options) {
  Walker walker(options);
  TRY_STATUS(walker.fields(document, type));
  return std::move(walker.unknown);
}

std::vector<std::string> warnings(const std::vector<std::string>& unknown, const std::vector<std::string>& duplicates) {
  std::vector<std::string> out;
  for (const std::string& path : duplicates) out.push_back(fmt::format("duplicate field {:?}", path));
  for (const std::string& path : unknown) out.push_back(fmt::format("unknown field {:?}", path));
  return out;
}

std::string strictMessage(const std::vector<std::string>& unknown, const std::vector<std::string>& duplicates) {
  return "strict decoding error: " + join(warnings(unknown, duplicates), ", ");
}

Error cannotBeHandled(std::string_view kind, std::string_view version, std::string_view wanted_kind,
                      std::string_view problem) {
  return {Code::BadRequest,
          fmt::format("{} in version {:?} cannot be handled as a {}: {}", kind, version, wanted_kind, problem)};
}

}  // namespace slipway::schema
