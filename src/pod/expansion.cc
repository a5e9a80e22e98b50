#include "pod/expansion.h"

namespace slipway::pod {

std::string expand(std::string_view text, const Lookup& lookup) {
  std::string out;
  while (true) {
    const size_t dollar = text.find('$');
    if (dollar == std::string_view::npos || dollar + 1 == text.size()) return out.append(text);
    out.append(text.substr(0, dollar));
    const std::string_view after = text.substr(dollar + 1);
    const size_t close = after[0] == '(' ? after.find(')') : std::string_view::npos;
    if (close != std::string_view::npos) {
      const std::string name(after.substr(1, close - 1));
      const std::optional<std::string> value = lookup(name);
      out += value ? *value : "$(" + name + ")";
      text = after.substr(close + 1);
    } else {
      out += '$';
      if (after[0] != '$') out += after[0];
      text = after.substr(1);
    }
  }
}

Lookup noting(const Lookup& lookup, const std::set<std::string>& names, bool& asked) {
  return [&lookup, &names, &asked](const std::string& name) {
    if (names.contains(name)) asked = true;
    return lookup(name);
  };
}

}  // namespace slipway::pod
