#include "schema/schema.h"

#include "base/strings.h"
#include "schema/builtin_text.h"

namespace slipway::schema {

class Schema::Loader {
 public:
  explicit Loader(Schema& schema) : schema_(schema) {}

  Status run(std::string_view text, std::string_view defaults) {
    TRY_STATUS(eachLine(text, "schema", [this](std::string_view one) { return line(one); }));
    schema_.types_.settle();
    dropZeroDefaults();
    for (GroupVersion& group : schema_.groups_) {
      for (ResourceInfo& resource : group.resources) {
        resource.type =
            schema_.find(Gvk{std::string(group.group), std::string(group.version), std::string(resource.kind)});
      }
    }
    return eachLine(defaults, "defaults", [this](std::string_view one) { return defaultLine(one); });
  }

 private:
  template <typename Each>
  static Status eachLine(std::string_view text, std::string_view what, Each each) {
    size_t number = 0;
    while (!text.empty()) {
      size_t end = std::min(text.find('\n'), text.size());
      ++number;
      Status done = each(text.substr(0, end));
      if (!done) return failure(done.error().wrap(fmt::format("{}, line {}", what, number)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
  }

  Status defaultLine(std::string_view text) {
    if (text.empty() || text.front() == '#') return {};
    auto [type_name, rest] = splitOnce(text, ' ');
    auto [field_name, constant] = splitOnce(rest, ' ');
    Type* type = schema_.types_.findMutable(type_name);
    auto* field = type == nullptr ? nullptr : const_cast<Field*>(type->find(field_name));
    if (field == nullptr) return failure(Code::BadRequest, "no field {} of {}", field_name, type_name);
    field->default_json = constant;
    return {};
  }

  /// Go has no absent values: "" and 0 as a default say only that the field is no pointer.
  void dropZeroDefaults() {
    for (const Type& type : schema_.types_.types()) {
      for (const Field& field : type.fields) {
        std::string_view given = field.default_json;
        bool zero = given == "\"\"" || given == "0" || given == "false";
        if (zero && !field.pointer) {
          const_cast<Field&>(field).zero_default = field.shape->form == Form::String;
          const_cast<Field&>(field).default_json = {};
        }
      }
    }
  }

  Status line(std::string_view text) {
    if (text.empty() || text.front() == '#') return {};
    std::vector<std::string_view> words = split(text.front() == ' ' ? text.substr(1) : text, ' ');
    if (text.front() == ' ') return field(words);
    if (words.size() < 2) return failure(Code::BadRequest, "too few words");
    switch (text.front()) {
      case 'G':
        schema_.groups_.push_back({words[1] == "-" ? "" : words[1], words.size() > 2 ? words[2] : "", {}});
        return {};
      case 'R':
        return resource(words);
      case 'S':
        return subresource(words);
      case 'T':
        return type(words);
      default:
        return failure(Code::BadRequest, "a line begins with G, R, S, T or a space");
    }
  }

  Status resource(const std::vector<std::string_view>& words) {
    if (words.size() < 6 || schema_.groups_.empty()) return failure(Code::BadRequest, "a resource out of place");
    GroupVersion& group = schema_.groups_.back();
    ResourceInfo& made = group.resources.emplace_back();
    made.group = group.group, made.version = group.version;
    made.plural = words[1], made.singular = words[2], made.kind = words[3];
    made.namespaced = words[4] == "N";
    made.verbs = split(words[5], ',');
    for (size_t i = 6; i < words.size(); ++i) {
      if (words[i].starts_with("s=")) made.short_names = split(words[i].substr(2), ',');
      if (words[i].starts_with("c=")) made.categories = split(words[i].substr(2), ',');
      if (words[i].starts_with("h=")) made.storage_hash = words[i].substr(2);
    }
    return {};
  }

  Status subresource(const std::vector<std::string_view>& words) {
    bool placed = words.size() == 5 && !schema_.groups_.empty() && !schema_.groups_.back().resources.empty();
    if (!placed) return failure(Code::BadRequest, "a subresource out of place");
    auto [parent, name] = splitOnce(words[1], '/');
    ResourceInfo& resource = schema_.groups_.back().resources.back();
    if (resource.plural != parent) return failure(Code::BadRequest, "{} does not follow {}", words[1], parent);
    resource.subresources.push_back({name, words[2], words[3] == "-" ? "" : words[3], split(words[4], ',')});
    return {};
  }

  Status type(const std::vector<std::string_view>& words) {
    type_ = &schema_.types_.type(words[1]);
    for (size_t i = 2; i < words.size(); ++i) {
      if (words[i] == "~") {
        type_->atomic = true;
      } else {
        schema_.by_gvk_.emplace(words[i], type_);
      }
    }
    return {};
  }

  Status field(const std::vector<std::string_view>& words) {
    if (type_ == nullptr || words.size() < 2) return failure(Code::BadRequest, "a field out of place");
    Field& made = type_->fields.emplace_back();
    made.name = words[0];
    TRY(made.shape, schema_.types_.shapeOf(words[1]));
    for (size_t i = 2; i < words.size(); ++i) attribute(made, words[i]);
    return {};
  }

  static void attribute(Field& field, std::string_view word) {
    std::string_view rest = word.substr(std::min<size_t>(2, word.size()));
    switch (word.front()) {
      case '!':
        field.required = true;
        break;
      case '*':
        field.pointer = true;
        break;
      case '+':
        field.always = true;
        break;
      case 'z':
        field.omit_zero = true;
        break;
      case '=':
        field.value_struct = word == "={}";
        if (word != "={}") field.default_json = word.substr(1);
        break;
      case 'l':
        field.list_type = rest == "map" ? ListType::Map : rest == "set" ? ListType::Set : ListType::Atomic;
        break;
      case 'k':
        field.map_keys = split(rest, ',');
        break;
      case 'p':
        field.merge = rest.find("merge") != std::string_view::npos;
        field.replace = rest.find("replace") != std::string_view::npos;
        break;
      case 'm':
        field.merge_key = rest;
        break;
      case 'g':
        field.atomic_map = rest == "atomic";
        break;
      case 'e':
        field.enums = rest;
        break;
      case 't':
        field.go_type = rest;
        break;
      default:
        break;  // An attribute of a later form: it says nothing to us.
    }
  }

  Schema& schema_;
  Type* type_ = nullptr;
};

Gvk gvkOf(std::string_view api_version, std::string_view kind) {
  auto [group, version] = splitOnce(api_version, '/');
  if (version.empty()) std::swap(group, version);
  return {std::string(group), std::string(version), std::string(kind)};
}

bool ResourceInfo::can(std::string_view verb) const {
  return std::ranges::find(verbs, verb) != verbs.end();
}

const Subresource* ResourceInfo::subresource(std::string_view name) const {
  auto at = std::ranges::find(subresources, name, &Subresource::name);
  return at == subresources.end() ? nullptr : &*at;
}

Result<std::unique_ptr<const Schema>> Schema::load(std::string_view text, std::string_view defaults) {
  std::unique_ptr<Schema> schema(new Schema);
  TRY_STATUS(Loader(*schema).run(text, defaults));
  return schema;
}

std::unique_ptr<const Schema> Schema::builtin() {
  Result<std::unique_ptr<const Schema>> schema = load(builtinText(), builtinDefaults());
  if (!schema) {
    fmt::print(stderr, "{}\n", schema.error().message);
    std::abort();
  }
  return std::move(*schema);
}

const Type* Schema::find(const Gvk& gvk) const {
  auto at = by_gvk_.find(fmt::format("{}/{}/{}", gvk.group, gvk.version, gvk.kind));
  return at == by_gvk_.end() ? nullptr : at->second;
}

const Type* Schema::find(std::string_view api_version, std::string_view kind) const {
  return find(gvkOf(api_version, kind));
}

const ResourceInfo* Schema::resource(std::string_view group, std::string_view version, std::string_view plural) const {
  for (const GroupVersion& one : groups_) {
    if (one.group != group || one.version != version) continue;
    auto at = std::ranges::find(one.resources, plural, &ResourceInfo::plural);
    if (at != one.resources.end()) return &*at;
  }
  return nullptr;
}

const ResourceInfo* Schema::resourceOfKind(const Gvk& gvk) const {
  for (const GroupVersion& one : groups_) {
    if (one.group != gvk.group || one.version != gvk.version) continue;
    auto at = std::ranges::find(one.resources, gvk.kind, &ResourceInfo::kind);
    if (at != one.resources.end()) return &*at;
  }
  return nullptr;
}

}  // namespace slipway::schema
