#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace slipway::json {

/// What a document may cost. The defaults are the API server's: 3 MiB, and deeper than any real object.
struct Limits {
  size_t max_bytes = 3 << 20;
  size_t max_depth = 256;
};

/// Reads one JSON document. Of a field that is given twice the last one counts; its path ("spec.containers[0].name") is
/// added to `duplicates` if that is asked for. The value lives in `storage`. Errors: BadRequest with the place,
/// RequestEntityTooLarge.
Result<value> readDocument(std::string_view text, const Limits& limits = {},
                           std::vector<std::string>* duplicates = nullptr, storage_ptr storage = {});

/// The value at a path of keys, or null: find(object, {"spec", "nodeName"}).
const value* find(const value& document, std::initializer_list<std::string_view> path);
const value* find(const object& document, std::initializer_list<std::string_view> path);
value* find(object& document, std::initializer_list<std::string_view> path);
/// The string at a path, or "".
std::string_view text(const object& document, std::initializer_list<std::string_view> path);
/// The object at a path, or null.
const object* findObject(const object& document, std::initializer_list<std::string_view> path);
object* findObject(object& document, std::initializer_list<std::string_view> path);
const array* findArray(const object& document, std::initializer_list<std::string_view> path);
array* findArray(object& document, std::initializer_list<std::string_view> path);
/// A whole number at a path, of whichever of Boost's number kinds.
std::optional<int64_t> findInt(const object& document, std::initializer_list<std::string_view> path);
bool isTrue(const object& document, std::initializer_list<std::string_view> path);
/// The object under a key, made (or put in the place of null) where it is missing. Another kind of value is replaced.
object& ensureObject(object& parent, std::string_view key);
/// Removes a key and keeps the order of the others, as erase() does not.
bool removeKey(object& parent, std::string_view key);

}  // namespace slipway::json
