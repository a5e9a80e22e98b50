#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "json/document.h"

namespace slipway::schema {

/// What the functions that fill a row share: reading fields, and the few forms that many kinds use.
class Row {
 public:
  Row(const json::object& object, WallTime now) : object(object), now(now) {}

  const json::object& object;
  WallTime now;
  json::array cells;

  Row& add(std::string_view text) { return cells.emplace_back(text), *this; }
  Row& add(const std::string& text) { return cells.emplace_back(text), *this; }
  Row& add(const char* text) { return cells.emplace_back(text), *this; }
  Row& add(int64_t number) { return cells.emplace_back(number), *this; }
  Row& add(bool flag) { return cells.emplace_back(flag), *this; }

  std::string_view text(std::initializer_list<std::string_view> path, std::string_view otherwise = "") const;
  int64_t number(std::initializer_list<std::string_view> path, int64_t otherwise = 0) const;
  bool flag(std::initializer_list<std::string_view> path, bool otherwise = false) const;
  const json::array& list(std::initializer_list<std::string_view> path) const;
  const json::object& map(std::initializer_list<std::string_view> path) const;
  std::string_view name() const { return text({"metadata", "name"}); }
  std::string age() const;
  /// "a=b,c=d" in order, or "<none>".
  std::string labels(std::initializer_list<std::string_view> path) const;
  /// The names and the images of the containers under a pod spec, two cells.
  Row& containers(std::initializer_list<std::string_view> path);
};

using FillRow = void (*)(Row&);

/// A kind's table. `columns` is "Name:string:name|Ready|Desired:integer|*IP": `*` for wide only, string if no type.
struct KindTable {
  std::string_view group, kind, columns;
  FillRow fill;
};

std::span<const KindTable> podTables();
std::span<const KindTable> workloadTables();
std::span<const KindTable> coreTables();
std::span<const KindTable> networkTables();
std::span<const KindTable> otherTables();

}  // namespace slipway::schema
