#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::slurm {

/// Slurm's host list expressions: "n[1-3,5],a[01-10]b[1-2],login". Widths are kept: "[01-10]" gives 01 .. 10.
/// Invalid for unbalanced brackets, an empty or reversed range, or more than `limit` names ("(null)" and "" are empty).
Result<std::vector<std::string>> expandHostList(std::string_view text, size_t limit = 1'000'000);

/// The shortest form that Slurm reads back to the same names: numbers at the end of names are gathered in ranges. Order
/// of prefixes is that of their first name; numbers are sorted, names that occur twice appear once.
std::string compressHostList(const std::vector<std::string>& names);

}  // namespace slipway::slurm
