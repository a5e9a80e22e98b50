#include "json/strategic_merge.h"

#include "json/compare.h"
#include "json/document.h"

namespace slipway::json {
namespace {

/// As Go prints what it decoded.
std::string inGo(const value& part) {
  if (const string* text = part.if_string()) return std::string(*text);
  std::vector<std::string> parts;
  if (const array* list = part.if_array()) {
    for (const value& one : *list) parts.push_back(inGo(one));
    return fmt::format("[{}]", fmt::join(parts, " "));
  }
  const object* map = part.if_object();
  if (map == nullptr) return part.is_null() ? "<nil>" : serialize(part);
  for (const auto& [key, one] : *map) parts.push_back(fmt::format("{}:{}", std::string_view(key), inGo(one)));
  std::ranges::sort(parts);
  return fmt::format("map[{}]", fmt::join(parts, " "));
}

constexpr std::string_view kPatch = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeleteFrom = "$deleteFromPrimitiveList/";
constexpr std::string_view kOrder = "$setElementOrder/";

bool isDirective(std::string_view key) {
  return key == kPatch || key == kRetainKeys || key.starts_with(kDeleteFrom) || key.starts_with(kOrder);
}

/// What a patch leaves where the document has nothing: no nulls and no directives.
value plain(value part) {
  if (object* map = part.if_object()) {
    object out;
    for (auto& [key, child] : *map) {
      if (!child.is_null() && !isDirective(key)) out[key] = plain(std::move(child));
    }
    return out;
  }
  if (array* list = part.if_array()) {
    array out;
    for (value& child : *list) {
      bool removal = child.is_object() && text(child.get_object(), {kPatch}) == "delete";
      if (!removal) out.push_back(plain(std::move(child)));
    }
    return out;
  }
  return part;
}

/// Tells list elements apart: by the merge key, or scalars by themselves.
class Identity {
 public:
  explicit Identity(std::string_view merge_key) : key_(merge_key) {}

  const value* of(const value& element) const {
    if (key_.empty()) return &element;
    const object* map = element.if_object();
    return map == nullptr ? nullptr : map->if_contains(key_);
  }
  ptrdiff_t find(const array& list, const value& element) const {
    const value* wanted = of(element);
    for (size_t i = 0; wanted != nullptr && i < list.size(); ++i) {
      const value* other = of(list[i]);
      if (other != nullptr && equal(*other, *wanted)) return static_cast<ptrdiff_t>(i);
    }
    return -1;
  }
  /// Every element of a list of objects must have the merge key.
  Status check(const array& list) const {
    for (const value& element : list) {
      if (!key_.empty() && of(element) == nullptr) {
        return failure(Code::InternalError, "map: {} does not contain declared merge key: {}", inGo(element), key_);
      }
    }
    return {};
  }

 private:
  std::string_view key_;
};

/// The server's order: what the patch names keeps the patch's order; the rest keeps its place in the document relative
/// to the named ones where both were there before, and otherwise comes after them.
array ordered(array merged, const array& patch_order, const array& server_order, const Identity& identity) {
  std::vector<std::tuple<ptrdiff_t, size_t, value*>> named, rest;
  size_t turn = 0;
  for (value& element : merged) {
    ptrdiff_t place = identity.find(patch_order, element);
    if (place >= 0) {
      named.emplace_back(place, turn++, &element);
    } else {
      rest.emplace_back(identity.find(server_order, element), turn++, &element);
    }
  }
  std::ranges::sort(named);
  std::ranges::sort(rest);

  array out;
  size_t i = 0, j = 0;
  while (i < rest.size() || j < named.size()) {
    bool from_rest = j >= named.size();
    if (i < rest.size() && j < named.size()) {
      ptrdiff_t other = identity.find(server_order, *std::get<2>(named[j]));
      from_rest = std::get<0>(rest[i]) >= 0 && other >= 0 && std::get<0>(rest[i]) < other;
    }
    out.push_back(std::move(*std::get<2>(from_rest ? rest[i++] : named[j++])));
  }
  return out;
}

class Merger {
 public:
  Result<object> mergeObject(object original, object patch, const MergeSchema* schema) {
    if (const value* directive = patch.if_contains(kPatch)) {
      std::string kind(text(patch, {kPatch}));
      bool is_text = directive->is_string();
      removeKey(patch, kPatch);
      if (kind == "replace") return plain(std::move(patch)).get_object();
      if (kind == "delete") return object();
      if (!is_text || kind != "merge") return failure(Code::BadRequest, "unknown patch type: {}", kind);
    }
    TRY_STATUS(retainKeys(original, patch));
    TRY_STATUS(mergeOrderedLists(original, patch, schema));
    for (auto& [key, wanted] : patch) TRY_STATUS(mergeField(original, key, std::move(wanted), schema));
    return original;
  }

 private:
  static MergeField lookUp(const MergeSchema* schema, std::string_view key) {
    return schema == nullptr ? MergeField() : schema->mergeField(key);
  }

  static Status retainKeys(object& original, object& patch) {
    const value* given = patch.if_contains(kRetainKeys);
    if (given == nullptr) return {};
    const array* keys = given->if_array();
    if (keys == nullptr) return failure(Code::BadRequest, "invalid patch format of retainKeys");
    auto kept = [&](std::string_view key) {
      return std::ranges::any_of(*keys, [&](const value& one) { return one.is_string() && one.get_string() == key; });
    };
    for (const auto& [key, wanted] : patch) {
      if (!isDirective(key) && !wanted.is_null() && !kept(key)) {
        return failure(Code::BadRequest, "{} is in the patch but not in its retainKeys list", std::string_view(key));
      }
    }
    object left;
    for (auto& [key, old] : original) {
      if (kept(key)) left[key] = std::move(old);
    }
    original = std::move(left);
    removeKey(patch, kRetainKeys);
    return {};
  }

  Status mergeOrderedLists(object& original, object& patch, const MergeSchema* schema) {
    std::vector<std::string> directives;
    for (const auto& [key, wanted] : patch) {
      if (std::string_view(key).starts_with(kOrder)) directives.emplace_back(key);
    }
    for (const std::string& directive : directives) {
      value order = std::move(patch[directive]);
      removeKey(patch, directive);
      std::string field = directive.substr(kOrder.size());
      if (!order.is_array()) return failure(Code::BadRequest, "{} must be a list", directive);
      value* old = original.if_contains(field);
      value* wanted = patch.if_contains(field);
      if (wanted != nullptr && !wanted->is_array()) wanted = nullptr;
      if (old != nullptr && !old->is_array()) old = nullptr;
      if (old == nullptr && wanted == nullptr) continue;

      MergeField meta = lookUp(schema, field);
      Identity identity(meta.merge_key);
      if (wanted != nullptr) TRY_STATUS(agrees(wanted->get_array(), order.get_array(), identity, directive));
      array server_order = old == nullptr ? array() : old->get_array();
      array merged;
      if (wanted == nullptr) {
        merged = server_order;
      } else if (old == nullptr) {
        merged = plain(std::move(*wanted)).get_array();
      } else {
        TRY(merged, mergeList(server_order, std::move(wanted->get_array()), meta));
      }
      original[field] = ordered(std::move(merged), order.get_array(), server_order, identity);
      removeKey(patch, field);
    }
    return {};
  }

  /// The patch's list must be a part of the order that comes with it, in that order.
  static Status agrees(const array& list, const array& order, const Identity& identity, std::string_view directive) {
    ptrdiff_t last = -1;
    for (const value& element : list) {
      if (element.is_object() && element.get_object().contains(kPatch)) continue;
      ptrdiff_t place = identity.find(order, element);
      if (place <= last) {
        return failure(Code::BadRequest, "The order in patch list:\n{}\n doesn't match {} list:\n{}\n", serialize(list),
                       directive, serialize(order));
      }
      last = place;
    }
    return {};
  }

  Status mergeField(object& original, std::string_view key, value wanted, const MergeSchema* schema) {
    bool removal = key.starts_with(kDeleteFrom);
    std::string field(removal ? key.substr(kDeleteFrom.size()) : key);
    if (wanted.is_null()) {
      removeKey(original, field);
      return {};
    }
    value* old = original.if_contains(field);
    bool fits = old != nullptr && old->kind() == wanted.kind();
    if (!fits) {
      if (!removal) original[field] = plain(std::move(wanted));
      return {};
    }
    MergeField meta = lookUp(schema, field);
    if (old->is_object()) {
      if (meta.replace) {
        *old = plain(std::move(wanted));
        return {};
      }
      TRY(object merged, mergeObject(std::move(old->get_object()), std::move(wanted.get_object()), meta.schema));
      *old = std::move(merged);
    } else if (old->is_array()) {
      if (removal) return removeScalars(old->get_array(), wanted.get_array());
      if (!meta.merge_list) {
        *old = plain(std::move(wanted));
        return {};
      }
      TRY(array merged, mergeList(std::move(old->get_array()), std::move(wanted.get_array()), meta));
      *old = std::move(merged);
    } else {
      *old = std::move(wanted);
    }
    return {};
  }

  static Status removeScalars(array& list, const array& gone) {
    array left;
    for (value& element : list) {
      if (Identity("").find(gone, element) < 0) left.push_back(std::move(element));
    }
    list = std::move(left);
    return {};
  }

  Result<array> mergeList(array original, array patch, const MergeField& meta) {
    Identity identity(meta.merge_key);
    bool objects = (!patch.empty() ? patch : original).empty() || (!patch.empty() ? patch : original)[0].is_object();
    if (objects && meta.merge_key.empty() && !patch.empty()) {
      return failure(Code::BadRequest, "cannot merge lists without merge key");
    }
    array server_order = original;
    bool replace = false;
    TRY(array changes, special(original, std::move(patch), identity, meta, replace));
    if (replace) return plain(value(std::move(changes))).get_array();
    TRY_STATUS(identity.check(changes));
    array patch_order = changes;
    for (value& element : changes) {
      ptrdiff_t place = identity.find(original, element);
      if (place < 0) {
        original.push_back(plain(std::move(element)));
      } else if (element.is_object() && original[place].is_object()) {
        TRY(object merged,
            mergeObject(std::move(original[place].get_object()), std::move(element.get_object()), meta.schema));
        original[place] = std::move(merged);
      }
    }
    return ordered(std::move(original), patch_order, server_order, identity);
  }

  /// Carries out the elements that are directives ({"$patch": "delete", name: x}, {"$patch": "replace"}) and gives the
  /// rest of the patch.
  static Result<array> special(array& original, array patch, const Identity& identity, const MergeField& meta,
                               bool& replace) {
    array rest;
    for (value& element : patch) {
      const object* map = element.if_object();
      if (map == nullptr || !map->contains(kPatch)) {
        rest.push_back(std::move(element));
        continue;
      }
      std::string_view kind = text(*map, {kPatch});
      if (kind == "delete") {
        if (identity.of(element) == nullptr) {
          return failure(Code::BadRequest, "delete patch type with no merge key {} defined", meta.merge_key);
        }
        for (ptrdiff_t place; (place = identity.find(original, element)) >= 0;)
          original.erase(original.begin() + place);
      } else if (kind == "replace") {
        replace = true;
      } else if (kind == "merge") {
        return failure(Code::BadRequest, "merging lists cannot yet be specified in the patch");
      } else {
        return failure(Code::BadRequest, "unknown patch type: {}", kind);
      }
    }
    return rest;
  }
};

}  // namespace

Result<value> applyStrategicMerge(value document, value patch, const MergeSchema* schema) {
  if (!document.is_object() || !patch.is_object()) {
    return failure(Code::BadRequest, "a strategic merge patch and what it changes are objects");
  }
  TRY(object merged, Merger().mergeObject(std::move(document.get_object()), std::move(patch.get_object()), schema));
  return value(std::move(merged));
}

}  // namespace slipway::json
