#include "json/merge_patch.h"

#include "json/compare.h"
#include "json/document.h"

namespace slipway::json {

void applyMergePatch(value& document, const value& patch) {
  const object* changes = patch.if_object();
  if (changes == nullptr) {
    document = patch;
    return;
  }
  object& target = document.is_object() ? document.get_object() : document.emplace_object();
  for (const auto& [key, wanted] : *changes) {
    if (wanted.is_null()) {
      removeKey(target, key);
    } else {
      applyMergePatch(target[key], wanted);
    }
  }
}

value mergePatchBetween(const value& from, const value& to) {
  const object* before = from.if_object();
  const object* after = to.if_object();
  if (before == nullptr || after == nullptr) return to;
  object patch;
  for (const auto& [key, old] : *before) {
    if (!after->contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, wanted] : *after) {
    const value* old = before->if_contains(key);
    if (old == nullptr) {
      patch[key] = wanted;
    } else if (!equal(*old, wanted)) {
      patch[key] = mergePatchBetween(*old, wanted);
    }
  }
  return patch;
}

}  // namespace slipway::json
