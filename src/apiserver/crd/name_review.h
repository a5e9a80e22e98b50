#pragma once

#include <string>

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// Which of a definition's names may be had: each that nobody else in its group has accepted before.
struct NameReview {
  json::object accepted;  ///< for status.acceptedNames
  std::string reason;     ///< "KindConflict", of the last conflict
  std::string conflict;   ///< its message; empty: all names are accepted
};

NameReview reviewNames(Registry& registry, const json::object& definition);

}  // namespace slipway::apiserver
