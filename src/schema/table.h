#pragma once

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "json/json.h"
#include "schema/schema.h"

namespace slipway::schema {

/// One column of `kubectl get`.
struct Column {
  std::string_view name, type, format;
  int priority = 0;  ///< 1: with `-o wide` only
};

/// "5d3h", "12s": an age as kubectl shows it.
std::string humanDuration(std::chrono::nanoseconds duration);
/// The age of an RFC 3339 time, or "<unknown>" for none.
std::string ageOf(std::string_view time, WallTime now);
/// A label selector as kubectl shows it: "a=b,c in (d,e)"; "<none>" if it is empty.
std::string formatSelector(const json::object* selector);

/// The columns of a kind; Name and Created At for kinds without columns of their own.
std::vector<Column> tableColumns(const Gvk& gvk);
/// One row's cells, as many as there are columns.
json::array tableCells(const Gvk& gvk, const json::object& object, WallTime now);
/// A row's conditions: a finished pod is {"type": "Completed", ...}.
json::array tableConditions(const Gvk& gvk, const json::object& object);
/// The columnDefinitions of a Table.
json::array columnDefinitions(const std::vector<Column>& columns);

}  // namespace slipway::schema
