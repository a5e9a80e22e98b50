#pragma once

#include <span>
#include <string_view>

#include "json/json.h"

namespace slipway::schema {

/// A default that depends on other fields of the object of one type. Runs after the type's constants.
struct DefaultRule {
  std::string_view type;
  void (*apply)(json::object&);
};

/// Sorted by nothing; one rule for a type.
std::span<const DefaultRule> defaultRules();

}  // namespace slipway::schema
