#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json/json.h"
#include "schema/schema.h"

namespace slipway::schema {

/// Fills in what a client left out, as a Kubernetes API server does: constants from OpenAPI and data/defaults.txt, and
/// the rules of defaults_rules.cc for what depends on other fields.
///
/// Made once, from a schema that must outlive it; immutable, any thread may use it. Expects a document that went
/// through conform(); a document that it has filled in stays as it is when filled in again.
class Defaults {
 public:
  explicit Defaults(const Schema& schema);

  void apply(json::object& document, const Type& type) const;

 private:
  struct Plan {
    std::vector<std::pair<const Field*, json::value>> constants;
    std::vector<const Field*> below;  ///< fields under which there is something to fill in
    void (*rule)(json::object&) = nullptr;
    bool empty() const { return constants.empty() && below.empty() && rule == nullptr; }
  };

  void descend(json::value& part, const Shape& shape) const;

  std::unordered_map<const Type*, Plan> plans_;
};

/// The default imagePullPolicy: Always for ":latest" and for no tag, IfNotPresent otherwise.
std::string_view defaultPullPolicy(std::string_view image);

}  // namespace slipway::schema
