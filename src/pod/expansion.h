#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace slipway::pod {

using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

/// `$(NAME)` as Kubernetes expands it in env values, command, args and subPathExpr: a name that lookup does not know
/// stays as it is, `$$` is a single `$` (so `$$(NAME)` is the text `$(NAME)`), an unclosed `$(` and any other `$` stay.
std::string expand(std::string_view text, const Lookup& lookup);

/// `lookup`, which makes `asked` true when it is asked for one of the names. Refers to all three.
Lookup noting(const Lookup& lookup, const std::set<std::string>& names, bool& asked);

}  // namespace slipway::pod
