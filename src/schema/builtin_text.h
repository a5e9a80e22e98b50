#pragma once

#include <string_view>

namespace slipway::schema {

/// data/kubernetes.txt, as it stands in the program. tools/compact_openapi.py makes it and says how to read it.
std::string_view builtinText();
/// data/defaults.txt.
std::string_view builtinDefaults();

}  // namespace slipway::schema
