#include "apiserver/crd/validator.h"

#include <re2/re2.h>

#include <cmath>

#include "base/clock.h"
#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kInvalid = "FieldValueInvalid";
constexpr std::string_view kTypeInvalid = "FieldValueTypeInvalid";

std::string typeOf(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "boolean";
  if (value.is_int64() || value.is_uint64()) return "integer";
  if (value.is_double()) return std::floor(value.get_double()) == value.get_double() ? "integer" : "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

/// A value as field.Invalid prints it.
std::string shown(const json::value& value) {
  if (value.is_object()) return "\"object\"";
  if (value.is_array()) return "\"array\"";
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return json::serialize(value);
}

/// Bounds in a schema are numbers as Go writes them: "0.5", not "5E-1".
std::string numberText(const json::value& number) {
  return number.is_double() ? fmt::format("{}", number.get_double()) : json::serialize(number);
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// Walks an object along its schema and collects what is wrong.
class Validator {
 public:
  explicit Validator(std::vector<Cause>& causes) : causes_(causes) {}

  void value(const json::value& value, const json::object& schema, const std::string& path) {
    if (value.is_null() && json::isTrue(schema, {"nullable"})) return;
    if (!type(value, schema, path)) return;
    enums(value, schema, path);
    if (value.is_number()) number(value, schema, path);
    if (value.is_string()) text(value.get_string(), schema, path);
    if (value.is_array()) list(value.get_array(), schema, path);
    if (value.is_object()) object(value.get_object(), schema, path);
    logic(value, schema, path);
  }

 private:
  void add(std::string_view reason, const std::string& path, std::string message) {
    causes_.push_back({std::string(reason), std::move(message), path});
  }
  void invalid(const json::value& value, const std::string& path, std::string_view rule) {
    add(kInvalid, path, fmt::format("Invalid value: {}: {} in body {}", shown(value), path, rule));
  }

  void wrongType(const json::value& value, const std::string& path, std::string_view rule) {
    add(kTypeInvalid, path, fmt::format("Invalid value: {}: {} in body {}", shown(value), path, rule));
  }

  bool type(const json::value& value, const json::object& schema, const std::string& path) {
    const std::string found = typeOf(value);
    if (json::isTrue(schema, {"x-kubernetes-int-or-string"})) {
      if (found == "integer" || found == "string") return true;
      wrongType(json::value(found), path, fmt::format("must be of type integer,string: \"{}\"", found));
      return false;
    }
    const std::string_view wanted = json::text(schema, {"type"});
    if (wanted.empty() || wanted == found || (wanted == "number" && found == "integer")) return true;
    wrongType(json::value(found), path, fmt::format("must be of type {}: \"{}\"", wanted, found));
    return false;
  }

  void enums(const json::value& value, const json::object& schema, const std::string& path) {
    const json::array* known = json::findArray(schema, {"enum"});
    if (known == nullptr) return;
    std::vector<std::string> texts;
    for (const json::value& one : *known) {
      if (json::equal(one, value)) return;
      texts.push_back(json::serialize(one));
    }
    add("FieldValueNotSupported", path,
        fmt::format("Unsupported value: {}: supported values: {}", json::serialize(value), join(texts, ", ")));
  }

  void number(const json::value& value, const json::object& schema, const std::string& path) {
    const double mine = value.to_number<double>();
    if (const json::value* least = schema.if_contains("minimum"); least != nullptr && least->is_number()) {
      const bool exclusive = json::isTrue(schema, {"exclusiveMinimum"});
      const double bound = least->to_number<double>();
      if (mine < bound || (exclusive && mine == bound)) {
        invalid(value, path,
                fmt::format("should be greater than{} {}", exclusive ? "" : " or equal to", numberText(*least)));
      }
    }
    if (const json::value* most = schema.if_contains("maximum"); most != nullptr && most->is_number()) {
      const bool exclusive = json::isTrue(schema, {"exclusiveMaximum"});
      const double bound = most->to_number<double>();
      if (mine > bound || (exclusive && mine == bound)) {
        invalid(value, path,
                fmt::format("should be less than{} {}", exclusive ? "" : " or equal to", numberText(*most)));
      }
    }
    if (const json::value* step = schema.if_contains("multipleOf"); step != nullptr && step->is_number()) {
      const double ratio = mine / step->to_number<double>();
      if (std::floor(ratio) != ratio)
        invalid(value, path, fmt::format("should be a multiple of {}", numberText(*step)));
    }
  }

  void text(std::string_view text, const json::object& schema, const std::string& path) {
    const auto length = static_cast<int64_t>(characters(text));
    if (const auto most = json::findInt(schema, {"maxLength"}); most && length > *most) {
      add("FieldValueTooLong", path, fmt::format("Too long: may not be more than {} bytes", *most));
    } else if (const auto least = json::findInt(schema, {"minLength"}); least && length < *least) {
      invalid(json::value(text), path, fmt::format("should be at least {} chars long", *least));
    } else if (const std::string_view pattern = json::text(schema, {"pattern"}); !pattern.empty()) {
      const re2::RE2 expression(re2::StringPiece(pattern.data(), pattern.size()), re2::RE2::Quiet);
      if (expression.ok() && !re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expression)) {
        invalid(json::value(text), path, fmt::format("should match '{}'", pattern));
      }
    }
    const std::string_view format = json::text(schema, {"format"});
    if (!formatFits(format, text))
      wrongType(json::value(text), path,
                fmt::format("must be of type {}: {}", format, json::serialize(json::value(text))));
  }

  static bool formatFits(std::string_view format, std::string_view text) {
    if (format == "date-time") return parseTime(text).has_value();
    if (format == "byte") return base64Decode(text).has_value();
    if (format == "uuid") return text.size() == 36 || text.size() == 32;
    if (format == "duration") return parseDuration(text).has_value();
    return true;
  }

  void list(const json::array& list, const json::object& schema, const std::string& path) {
    const auto size = static_cast<int64_t>(list.size());
    if (const auto most = json::findInt(schema, {"maxItems"}); most && size > *most) {
      add("FieldValueTooMany", path, fmt::format("Too many: {}: must have at most {} items", size, *most));
    }
    if (const auto least = json::findInt(schema, {"minItems"}); least && size < *least) {
      invalid(json::value(size), path, fmt::format("should have at least {} items", *least));
    }
    if (json::isTrue(schema, {"uniqueItems"}) && hasTwins(list))
      invalid(json::value(list), path, "shouldn't contain duplicates");
    keys(list, schema, path);
    const json::object* items = json::findObject(schema, {"items"});
    for (size_t i = 0; items != nullptr && i < list.size(); ++i) value(list[i], *items, fmt::format("{}[{}]", path, i));
  }

  static bool hasTwins(const json::array& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (json::equal(list[i], list[j])) return true;
      }
    }
    return false;
  }

  /// Lists of the types set and map hold each element, or each key, once.
  void keys(const json::array& list, const json::object& schema, const std::string& path) {
    const std::string_view type = json::text(schema, {"x-kubernetes-list-type"});
    if (type != "set" && type != "map") return;
    std::set<std::string> seen;
    for (size_t i = 0; i < list.size(); ++i) {
      json::value key = list[i];
      if (type == "map") {
        json::object only;
        const json::array* names = json::findArray(schema, {"x-kubernetes-list-map-keys"});
        for (size_t k = 0; names != nullptr && key.is_object() && k < names->size(); ++k) {
          const json::value* part = key.get_object().if_contains((*names)[k].as_string());
          if (part != nullptr) only[(*names)[k].as_string()] = *part;
        }
        key = std::move(only);
      }
      const std::string written = json::serialize(key);
      if (!seen.insert(written).second)
        add("FieldValueDuplicate", fmt::format("{}[{}]", path, i), "Duplicate value: " + written);
    }
  }

  void object(const json::object& object, const json::object& schema, const std::string& path) {
    const auto size = static_cast<int64_t>(object.size());
    if (const auto most = json::findInt(schema, {"maxProperties"}); most && size > *most) {
      add("FieldValueTooMany", path, fmt::format("Too many: {}: must have at most {} items", size, *most));
    }
    if (const auto least = json::findInt(schema, {"minProperties"}); least && size < *least) {
      invalid(json::value(size), path, fmt::format("should have at least {} properties", *least));
    }
    if (const json::array* required = json::findArray(schema, {"required"})) {
      for (const json::value& name : *required) {
        if (!object.contains(name.as_string())) {
          add("FieldValueRequired", below(path, std::string_view(name.as_string())), "Required value");
        }
      }
    }
    if (json::isTrue(schema, {"x-kubernetes-embedded-resource"})) {
      for (const std::string_view name : {"apiVersion", "kind"}) {
        if (json::text(object, {name}).empty()) add("FieldValueRequired", below(path, name), "Required value");
      }
    }
    const json::object* properties = json::findObject(schema, {"properties"});
    const json::object* more = json::findObject(schema, {"additionalProperties"});
    for (const auto& [name, part] : object) {
      if (path.empty() && name == "metadata") continue;
      const json::value* known = properties == nullptr ? nullptr : properties->if_contains(name);
      if (known != nullptr && known->is_object()) {
        value(part, known->get_object(), below(path, name));
      } else if (more != nullptr) {
        value(part, *more, below(path, name));
      }
    }
  }

  static std::string below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }

  static bool fits(const json::value& part, const json::value& schema, const std::string& path) {
    if (!schema.is_object()) return true;
    std::vector<Cause> found;
    Validator(found).value(part, schema.get_object(), path);
    return found.empty();
  }

  void logic(const json::value& part, const json::object& schema, const std::string& path) {
    const auto fitting = [&](const json::array& all) {
      return std::count_if(all.begin(), all.end(), [&](const json::value& one) { return fits(part, one, path); });
    };
    const auto broken = [&](std::string_view rule) {
      add(kInvalid, path.empty() ? "<nil>" : path,
          fmt::format("Invalid value: {}: \"{}\" {}", shown(part), path, rule));
    };
    if (const json::array* all = json::findArray(schema, {"allOf"});
        all != nullptr && fitting(*all) != static_cast<std::ptrdiff_t>(all->size())) {
      broken("must validate all the schemas (allOf)");
    }
    if (const json::array* any = json::findArray(schema, {"anyOf"}); any != nullptr && fitting(*any) == 0) {
      broken("must validate at least one schema (anyOf)");
    }
    if (const json::array* one = json::findArray(schema, {"oneOf"}); one != nullptr) {
      const auto count = fitting(*one);
      if (count == 0) broken("must validate one and only one schema (oneOf). Found none valid");
      if (count > 1)
        broken(fmt::format("must validate one and only one schema (oneOf). Found {} valid alternatives", count));
    }
    if (const json::value* none = schema.if_contains("not"); none != nullptr && fits(part, *none, path)) {
      broken("must not validate the schema (not)");
    }
  }

  std::vector<Cause>& causes_;
};

}  // namespace

std::vector<Cause> validateCustom(const json::object& object, const Structural& schema) {
  return validateCustomValue(json::value(object), schema);
}

std::vector<Cause> validateCustomValue(const json::value& value, const Structural& schema) {
  std::vector<Cause> causes;
  Validator(causes).value(value, schema.raw, "");
  return causes;
}

}  // namespace slipway::apiserver
