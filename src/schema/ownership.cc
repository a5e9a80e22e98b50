#include "schema/ownership.h"

#include <set>

#include "json/compare.h"
#include "json/document.h"

namespace slipway::schema {
namespace {

using json::array;
using json::object;
using json::value;
using Path = std::vector<std::string>;

/// A place in a type: its shape and the field that holds it, which says how lists and maps are owned.
struct Place {
  const Shape* shape = nullptr;  ///< null: nothing is known, as below a field that keeps what is unknown
  const Field* field = nullptr;

  bool ownedWhole(const value& part) const {
    if (part.is_array()) {
      bool list = shape != nullptr && shape->form == Form::List;
      return !list || field == nullptr || field->list_type == ListType::Atomic;
    }
    if (!part.is_object() || (shape != nullptr && shape->form == Form::Any)) return true;
    if (field != nullptr && field->atomic_map) return true;
    return shape != nullptr && shape->type != nullptr && shape->type->atomic;
  }
  /// Below a struct, a map or nothing known.
  Place child(std::string_view name) const {
    if (shape == nullptr || shape->form == Form::Any) return {};
    if (shape->form == Form::Map) return {shape->element, nullptr};
    const Field* found = shape->type == nullptr ? nullptr : shape->type->find(name);
    return found == nullptr ? Place{} : Place{found->shape, found};
  }
  Place element() const { return {shape == nullptr ? nullptr : shape->element, nullptr}; }
  bool isStructField(std::string_view name) const {
    return shape != nullptr && shape->type != nullptr && shape->type->find(name) != nullptr;
  }
};

/// The path element of a list item: of its keys, whose defaults count, or of its value.
Result<std::string> itemElement(const Place& list, const value& item) {
  if (list.field->list_type == ListType::Set) return valueElement(item);
  const object* map = item.if_object();
  if (map == nullptr) return failure(Code::InternalError, "associative list with keys may not have non-map elements");
  std::vector<std::pair<std::string_view, value>> keys;
  for (std::string_view key : list.field->map_keys) {
    const value* given = map->if_contains(key);
    if (given != nullptr && !given->is_null()) {
      keys.emplace_back(key, *given);
      continue;
    }
    const Field* field = list.shape->element->type == nullptr ? nullptr : list.shape->element->type->find(key);
    if (field != nullptr && !field->default_json.empty()) {
      keys.emplace_back(key, json::parse(field->default_json));
    } else if (field != nullptr && (field->zero_default || (field->always && field->shape->form == Form::String))) {
      keys.emplace_back(key, "");
    } else if (field != nullptr && !field->required) {
      continue;
    } else {
      return failure(Code::InternalError, "associative list with keys has an element that omits key field {:?}", key);
    }
  }
  return keyElement(std::move(keys));
}

std::string elementOr(const Place& list, const value& item, size_t index) {
  Result<std::string> element = itemElement(list, item);
  return element ? *element : fmt::format("i:{}", index);
}

std::string shown(const Path& path) {
  std::string out;
  for (const std::string& element : path) out += shownElement(element);
  return out;
}

class Claims {
 public:
  FieldSet set;

  Status walk(const value& part, const Place& place) {
    if (place.shape != nullptr) TRY_STATUS(fits(part, place.shape->form));
    if (place.ownedWhole(part)) {
      set.insert(path_);
      return {};
    }
    return part.is_array() ? list(part.get_array(), place) : map(part.get_object(), place);
  }

  Status map(const object& part, const Place& place) {
    for (const auto& [key, child] : part) {
      path_.push_back(fieldElement(key));
      bool known = place.isStructField(key);
      bool is_struct = place.shape != nullptr && place.shape->type != nullptr && place.shape->form == Form::Object;
      if (is_struct && !known && !place.shape->type->keeps_unknown) {
        return failure(Code::InternalError, "{}: field not declared in schema", shown(path_));
      }
      if (!child.is_null()) TRY_STATUS(walk(child, place.child(key)));
      bool hollow = child.is_null() || (child.is_object() && child.get_object().empty());
      if (hollow || !known) set.insert(path_);
      path_.pop_back();
    }
    return {};
  }

 private:
  Status fits(const value& part, Form form) const {
    std::string_view got = part.is_string()   ? "string"
                           : part.is_bool()   ? "boolean"
                           : part.is_array()  ? "list"
                           : part.is_object() ? "map"
                                              : "number";
    auto refuse = [&](std::string_view wanted) -> Status {
      return failure(Code::InternalError, "{}: expected {}, got {}", shown(path_), wanted, got);
    };
    switch (form) {
      case Form::String:
      case Form::Bytes:
      case Form::Time:
      case Form::MicroTime:
        return part.is_string() ? Status() : refuse("string");
      case Form::Bool:
        return part.is_bool() ? Status() : refuse("boolean");
      case Form::Int32:
      case Form::Int64:
      case Form::Int:
      case Form::Double:
        return part.is_number() ? Status() : refuse("numeric (int or float)");
      case Form::List:
        return part.is_array() ? Status() : refuse("list");
      case Form::Map:
      case Form::Object:
        return part.is_object() ? Status() : refuse("map");
      default:
        return {};
    }
  }

  Status list(const array& part, const Place& place) {
    std::set<std::string> seen;
    for (size_t i = 0; i < part.size(); ++i) {
      Result<std::string> element = itemElement(place, part[i]);
      if (!element) {
        return failure(Code::InternalError, "{}: element {}: {}", shown(path_), i, element.error().message);
      }
      if (!seen.insert(*element).second) {
        return failure(Code::InternalError, "{}: duplicate entries for key {}", shown(path_), shownElement(*element));
      }
      path_.push_back(*element);
      TRY_STATUS(walk(part[i], place.element()));
      set.insert(path_);
      path_.pop_back();
    }
    return {};
  }

  Path path_;
};

bool hollow(const value* part) {
  if (part == nullptr || part->is_null()) return true;
  if (const object* map = part->if_object()) return map->empty();
  const array* list = part->if_array();
  return list != nullptr && list->empty();
}

/// A list that a typed server always writes is null, not missing.
const value* presentOrNull(const value* part, const Place& place) {
  static const value null;
  bool always = place.field != nullptr && place.field->always &&
                (place.shape->form == Form::List || place.shape->form == Form::Map);
  return part == nullptr && always ? &null : part;
}

/// Walks two documents together. What differs is noted from below: where they are alike nothing is made.
class Comparer {
 public:
  static void map(const object* before, const object* after, const Place& place, FieldChanges& out) {
    const auto visit = [&](std::string_view key, const value* old, const value* now) {
      const Place child = place.child(key);
      FieldChanges part;
      walk(before == nullptr ? old : presentOrNull(old, child), after == nullptr ? now : presentOrNull(now, child),
           child, part);
      note(out, std::move(part), [&] { return fieldElement(key); });
    };
    if (before != nullptr) {
      for (const auto& [key, old] : *before) visit(key, &old, after == nullptr ? nullptr : after->if_contains(key));
    }
    if (after != nullptr) {
      for (const auto& [key, now] : *after) {
        if (before == nullptr || !before->contains(key)) visit(key, nullptr, &now);
      }
    }
    for (FieldSet* set : {&out.added, &out.removed, &out.modified}) set->sort();
  }

 private:
  static void walk(const value* before, const value* after, const Place& place, FieldChanges& out) {
    const value& one = after != nullptr && !after->is_null() ? *after : before != nullptr ? *before : *after;
    const bool same_kind = before == nullptr || after == nullptr || before->is_null() || after->is_null() ||
                           before->kind() == after->kind();
    const bool leaf = !same_kind || place.ownedWhole(one) || (hollow(before) && hollow(after));
    if (leaf) {
      out.modified.member = before != nullptr && after != nullptr && !json::equal(*before, *after);
    } else if (one.is_array()) {
      list(before == nullptr ? nullptr : before->if_array(), after == nullptr ? nullptr : after->if_array(), place,
           out);
    } else {
      map(before == nullptr ? nullptr : before->if_object(), after == nullptr ? nullptr : after->if_object(), place,
          out);
    }
    out.added.member = before == nullptr;
    out.removed.member = after == nullptr;
  }

  static bool sameValue(const value& a, const value& b) { return json::equal(a, b); }

  static void list(const array* before, const array* after, const Place& place, FieldChanges& out) {
    if (before != nullptr && after != nullptr && std::ranges::equal(*before, *after, sameValue)) return;
    std::map<std::string, std::pair<const value*, const value*>> items;
    for (size_t i = 0; before != nullptr && i < before->size(); ++i) {
      items[elementOr(place, (*before)[i], i)].first = &(*before)[i];
    }
    for (size_t i = 0; after != nullptr && i < after->size(); ++i) {
      items[elementOr(place, (*after)[i], i)].second = &(*after)[i];
    }
    for (const auto& [element, both] : items) {
      FieldChanges part;
      walk(both.first, both.second, place.element(), part);
      note(out, std::move(part), [&] { return element; });
    }
  }

  template <typename Element>
  static void note(FieldChanges& out, FieldChanges part, Element element) {
    if (!part.added.empty()) out.added.add(element(), std::move(part.added));
    if (!part.removed.empty()) out.removed.add(element(), std::move(part.removed));
    if (!part.modified.empty()) out.modified.add(element(), std::move(part.modified));
  }
};

/// Writes the FieldsV1 of what is new. `before` is null or an empty value.
class Newcomer {
 public:
  explicit Newcomer(json::storage_ptr storage) : storage_(std::move(storage)) {}

  object map(const object* before, const object& after, const Place& place, bool is_new) const {
    Children found;
    found.reserve(after.size());
    for (const auto& [key, now] : after) {
      const Place child = place.child(key);
      const value* old = before == nullptr ? nullptr : presentOrNull(before->if_contains(key), child);
      add(found, fieldElement(key), old, now, child);
    }
    return written(std::move(found), is_new);
  }

 private:
  using Children = std::vector<std::pair<std::string, value>>;

  void add(Children& found, std::string element, const value* before, const value& after, const Place& place) const {
    bool is_new = before == nullptr;
    const value& one = after.is_null() && before != nullptr ? *before : after;
    const bool other_kind = !is_new && !before->is_null() && !after.is_null() && before->kind() != after.kind();
    object below(storage_);
    if (other_kind || place.ownedWhole(one) || (hollow(before) && hollow(&after))) {
      is_new = is_new || !json::equal(*before, after);
    } else if (const array* items = after.if_array()) {
      below = list(*items, place, is_new);
    } else if (const object* fields = after.if_object()) {
      below = map(before == nullptr ? nullptr : before->if_object(), *fields, place, is_new);
    }
    if (!is_new && below.empty()) return;
    found.emplace_back(std::move(element), std::move(below));
  }

  object list(const array& items, const Place& place, bool is_new) const {
    Children found;
    found.reserve(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      add(found, elementOr(place, items[i], i), nullptr, items[i], place.element());
    }
    return written(std::move(found), is_new);
  }

  /// A place that is new itself says so by "." beside its children.
  object written(Children found, bool is_new) const {
    std::ranges::sort(found, {}, [](const auto& child) -> std::string_view { return child.first; });
    object out(storage_);
    out.reserve(found.size() + 1);
    if (is_new && !found.empty()) out["."].emplace_object();
    for (auto& [element, below] : found) out.insert_or_assign(element, std::move(below));
    return out;
  }

  json::storage_ptr storage_;
};

value mergeValue(const value& live, const value& applied, const Place& place);

object mergeMap(const object& live, const object& applied, const Place& place) {
  object out = live;
  for (const auto& [key, wanted] : applied) {
    const value* old = live.if_contains(key);
    out[key] = old == nullptr ? wanted : mergeValue(*old, wanted, place.child(key));
  }
  return out;
}

/// Items of both lists: the applied order holds among the applied ones, the live ones keep their place around them.
array mergeList(const array& live, const array& applied, const Place& place) {
  std::vector<std::string> left, right;
  std::map<std::string, const value*> live_items, applied_items;
  for (size_t i = 0; i < live.size(); ++i) {
    left.push_back(elementOr(place, live[i], i));
    live_items.emplace(left.back(), &live[i]);
  }
  for (size_t i = 0; i < applied.size(); ++i) {
    right.push_back(elementOr(place, applied[i], i));
    applied_items.emplace(right.back(), &applied[i]);
  }
  std::deque<std::string> shared;
  for (const std::string& element : right) {
    if (live_items.contains(element)) shared.push_back(element);
  }
  array out;
  std::set<std::string> done;
  auto take = [&](const std::string& element) {
    done.insert(element);
    auto old = live_items.find(element);
    const value& wanted = *applied_items.at(element);
    out.push_back(old == live_items.end() ? wanted : mergeValue(*old->second, wanted, place.element()));
    if (!shared.empty() && shared.front() == element) shared.pop_front();
  };
  for (size_t l = 0, r = 0; l < left.size() || r < right.size();) {
    if (l < left.size() && r < right.size()) {
      if (left[l] == right[r]) {
        take(right[r]);
        ++l, ++r;
        continue;
      }
      if (applied_items.contains(left[l]) && !shared.empty() && shared.front() != left[l]) {
        ++l;
        continue;
      }
    }
    if (l < left.size() && !applied_items.contains(left[l])) {
      out.push_back(live[l++]);
    } else if (l < left.size() && done.contains(left[l])) {
      ++l;
    } else if (r < right.size()) {
      take(right[r++]);
    } else {
      ++l;
    }
  }
  return out;
}

value mergeValue(const value& live, const value& applied, const Place& place) {
  if (applied.is_null() || live.kind() != applied.kind() || place.ownedWhole(applied)) return applied;
  if (applied.is_array()) return mergeList(live.get_array(), applied.get_array(), place);
  return mergeMap(live.get_object(), applied.get_object(), place);
}

value removeFrom(const value& part, const FieldSet& fields, const Place& place) {
  if (!part.is_structured()) return part;
  if (place.ownedWhole(part)) return nullptr;
  if (const object* map = part.if_object()) {
    object out;
    for (const auto& [key, child] : *map) {
      const FieldSet* below = fields.below(fieldElement(key));
      if (below != nullptr && below->member) continue;
      value left = below == nullptr ? child : removeFrom(child, *below, place.child(key));
      if (below == nullptr || !left.is_null() || child.is_null()) out[key] = std::move(left);
    }
    return out.empty() ? value() : value(std::move(out));
  }
  array out;
  const array& list = part.get_array();
  for (size_t i = 0; i < list.size(); ++i) {
    const FieldSet* below = fields.below(elementOr(place, list[i], i));
    if (below != nullptr && below->member) continue;
    out.push_back(below == nullptr ? list[i] : removeFrom(list[i], *below, place.element()));
  }
  return out.empty() ? value() : value(std::move(out));
}

FieldSet named(const FieldSet& set, const Place& place) {
  FieldSet out;
  out.member = set.member;
  for (const auto& [element, below] : set.children) {
    bool is_field = element.starts_with("f:");
    std::string_view name = std::string_view(element).substr(2);
    FieldSet child = named(below, is_field ? place.child(name) : place.element());
    if (is_field && !below.children.empty() && place.isStructField(name)) child.member = true;
    out.add(element, std::move(child));
  }
  return out;
}

}  // namespace

Result<FieldSet> fieldsOf(const json::object& document, const Type& type) {
  Shape root{Form::Object, nullptr, &type};
  Claims claims;
  TRY_STATUS(claims.map(document, {&root, nullptr}));
  return std::move(claims.set);
}

FieldChanges compareFields(const json::object& before, const json::object& after, const Type& type) {
  Shape root{Form::Object, nullptr, &type};
  FieldChanges changes;
  Comparer::map(&before, &after, {&root, nullptr}, changes);
  return changes;
}

json::object newFields(const json::object& nothing, const json::object& made, const Type& type) {
  Shape root{Form::Object, nullptr, &type};
  return Newcomer(made.storage()).map(&nothing, made, {&root, nullptr}, false);
}

json::object mergeApplied(const json::object& live, const json::object& applied, const Type& type) {
  Shape root{Form::Object, nullptr, &type};
  return mergeMap(live, applied, {&root, nullptr});
}

json::object removeFields(const json::object& document, const FieldSet& fields, const Type& type) {
  Shape root{Form::Object, nullptr, &type};
  value left = removeFrom(document, fields, {&root, nullptr});
  return left.is_object() ? std::move(left.get_object()) : json::object();
}

FieldSet withNamedFields(const FieldSet& set, const Type& type) {
  Shape root{Form::Object, nullptr, &type};
  return named(set, {&root, nullptr});
}

json::object emptyObject(const Type& type) {
  json::object out;
  for (const Field& field : type.fields) {
    if (field.value_struct && !field.omit_zero && field.shape->form == Form::Object) {
      out[field.name] = emptyObject(*field.shape->type);
    } else if (field.always && !field.pointer) {
      Form form = field.shape->form;
      bool number = form == Form::Int32 || form == Form::Int64 || form == Form::Int;
      out[field.name] = form == Form::String ? value("")
                        : form == Form::Bool ? value(false)
                        : number             ? value(0)
                                             : value();
    }
  }
  return out;
}

}  // namespace slipway::schema
