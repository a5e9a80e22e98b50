#include "apiserver/api/registry_steps.h"

#include "apiserver/api/object_meta.h"

namespace slipway::apiserver {

json::object inOrder(const Kind& kind, json::object object) {
  json::object out({{"apiVersion", kind.apiVersion()}, {"kind", kind.kind}}, object.storage());
  out["metadata"] = std::move(meta::of(object));
  for (auto& [key, value] : object) {
    if (!out.contains(key)) out[key] = std::move(value);
  }
  return out;
}

std::vector<Cause> allCauses(const Kind& kind, const Strategy& strategy, const json::object& object,
                             const json::object* old, std::string_view subresource) {
  std::vector<Cause> causes = kind.rules->validate(object, old, subresource);
  if (!strategy.validate) return causes;
  std::vector<Cause> more = strategy.validate(object, old, subresource);
  std::move(more.begin(), more.end(), std::back_inserter(causes));
  return causes;
}

void noteWarnings(const Kind& kind, const json::object& object, const json::object* old, WriteContext& context) {
  std::vector<std::string> words = kind.rules->warnings(object, old);
  std::move(words.begin(), words.end(), std::back_inserter(context.warnings));
}

}  // namespace slipway::apiserver
