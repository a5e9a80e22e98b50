#pragma once

#include <boost/json.hpp>

/// Values are Boost.JSON's; this namespace adds what Kubernetes does with documents.
namespace slipway::json {

using namespace boost::json;  // NOLINT: one name, json::value, for both

}  // namespace slipway::json
