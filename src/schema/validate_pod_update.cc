#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/prepare.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

/// The old pod with everything that may change taken from the new one: what still differs was not allowed to change.
object withAllowedChanges(object old_spec, const object& spec, bool gated) {
  for (std::string_view list : {"containers", "initContainers"}) {
    json::array* before = json::findArray(old_spec, {list});
    const json::array* after = json::findArray(spec, {list});
    for (size_t i = 0; before != nullptr && after != nullptr && i < before->size() && i < after->size(); ++i) {
      if ((*before)[i].is_object() && (*after)[i].is_object()) {
        (*before)[i].get_object()["image"] = json::text((*after)[i].get_object(), {"image"});
      }
    }
  }
  auto take = [&](std::string_view key) {
    const value* now = spec.if_contains(key);
    if (now == nullptr) {
      json::removeKey(old_spec, key);
    } else {
      old_spec[key] = *now;
    }
  };
  for (std::string_view key : {"activeDeadlineSeconds", "tolerations", "schedulingGates"}) take(key);
  int64_t grace = json::findInt(old_spec, {"terminationGracePeriodSeconds"}).value_or(0);
  if (grace < 0 && json::findInt(spec, {"terminationGracePeriodSeconds"}) == 1) take("terminationGracePeriodSeconds");
  if (gated) {
    take("nodeSelector");
    take("affinity");
  }
  return old_spec;
}

void checkTolerationChanges(const Check& spec, const object& old_spec) {
  const json::array* before = json::findArray(old_spec, {"tolerations"});
  const json::array* after = json::findArray(spec.object(), {"tolerations"});
  auto without_seconds = [](const value& toleration) {
    object out = toleration.is_object() ? toleration.get_object() : object();
    json::removeKey(out, "tolerationSeconds");
    return out;
  };
  for (size_t i = 0; before != nullptr && i < before->size(); ++i) {
    bool kept = after != nullptr && std::ranges::any_of(*after, [&](const value& one) {
                  return json::equalIgnoringEmpty(without_seconds(one), without_seconds((*before)[i]));
                });
    if (kept) continue;
    spec.forbidden("tolerations", "existing toleration can not be modified except its tolerationSeconds");
    return;
  }
}

}  // namespace

void checkPodUpdate(const Check& root, const object& old) {
  Check spec = root.child("spec");
  const object* old_spec = json::findObject(old, {"spec"});
  if (old_spec == nullptr) return;
  for (std::string_view list : {"containers", "initContainers"}) {
    const json::array* before = json::findArray(*old_spec, {list});
    size_t count = before == nullptr ? 0 : before->size();
    if (spec.count(list) == count) continue;
    spec.forbidden(list, list == "containers" ? "pod updates may not add or remove containers"
                                              : "pod updates may not add or remove init containers");
    return;
  }
  for (std::string_view list : {"containers", "initContainers"}) {
    spec.list(list, [](const Check& container) {
      if (container.text("image").empty()) container.required("image");
    });
  }
  std::optional<int64_t> deadline = spec.number("activeDeadlineSeconds");
  std::optional<int64_t> old_deadline = json::findInt(*old_spec, {"activeDeadlineSeconds"});
  if (deadline && old_deadline && *deadline > *old_deadline) {
    spec.invalid("activeDeadlineSeconds", fmt::format("must be less than or equal to previous value"));
    return;
  }
  if (!deadline && old_deadline) {
    spec.invalidAt(spec.path("activeDeadlineSeconds"), value(), "must not update from a positive integer to nil value");
  }
  checkTolerationChanges(spec, *old_spec);
  const json::array* old_gates = json::findArray(*old_spec, {"schedulingGates"});
  spec.list("schedulingGates", [&](const Check& gate) {
    bool known = old_gates != nullptr && std::ranges::any_of(*old_gates, [&](const value& one) {
                   return one.is_object() && json::text(one.get_object(), {"name"}) == gate.text("name");
                 });
    if (!known) {
      gate.forbidden("name",
                     fmt::format("only deletion is allowed, but found new scheduling gate '{}'", gate.text("name")));
    }
  });
  bool gated = old_gates != nullptr && !old_gates->empty();
  object allowed = withAllowedChanges(*old_spec, spec.object(), gated);
  // An affinity that says nothing is not the same as none.
  const bool same_affinity = spec.has("affinity") == allowed.contains("affinity");
  if (same_affinity && json::equalIgnoringEmpty(value(spec.object()), value(std::move(allowed)))) return;
  spec.add(FieldError::Type::Forbidden, "spec",
           "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
           "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
           "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
}

namespace {

/// The containers of a list without what a resize may change.
value withoutSizes(const value* containers) {
  value out = containers == nullptr ? value(json::array()) : *containers;
  if (!out.is_array()) return out;
  for (value& container : out.get_array()) {
    if (!container.is_object()) continue;
    json::removeKey(container.get_object(), "resizePolicy");
    object* resources = json::findObject(container.get_object(), {"resources"});
    for (std::string_view list : {"limits", "requests"}) {
      object* amounts = resources == nullptr ? nullptr : json::findObject(*resources, {list});
      if (amounts == nullptr) continue;
      for (std::string_view name : {"cpu", "memory"}) json::removeKey(*amounts, name);
    }
  }
  return out;
}

/// A resize changes amounts; it takes none away.
void checkRemoved(const Check& container, const value& before) {
  const object* old = before.if_object();
  const Check resources = container.child("resources");
  for (std::string_view list : {"requests", "limits"}) {
    const object* amounts = old == nullptr ? nullptr : json::findObject(*old, {"resources", list});
    if (amounts == nullptr) continue;
    for (const auto& [name, part] : *amounts) {
      if (json::find(resources.object(), {list, name}) != nullptr) continue;
      resources.forbidden(list, fmt::format("resource {} cannot be removed", list));
      break;
    }
  }
}

}  // namespace

void checkResize(const Check& root, const object& old) {
  const Check spec = root.child("spec");
  const object* old_spec = json::findObject(old, {"spec"});
  if (old_spec == nullptr) return;
  const std::string_view quality = json::text(root.object(), {"status", "qosClass"});
  if (podQosClass(*old_spec) != podQosClass(spec.object())) {
    root.invalidAt("spec", quality, "Pod QOS Class may not change as a result of resizing");
  }
  const json::array* statuses = json::findArray(old, {"status", "containerStatuses"});
  for (size_t i = 0; statuses != nullptr && i < statuses->size(); ++i) {
    const object* one = (*statuses)[i].if_object();
    if (one == nullptr || json::find(*one, {"state", "running"}) == nullptr) continue;
    if (one->contains("resources")) break;
    root.forbidden("spec", "Pod running on node without support for resize");
    break;
  }
  for (std::string_view list : {"initContainers", "containers"}) {
    const json::array* before = json::findArray(*old_spec, {list});
    size_t at = 0;
    spec.list(list, [&](const Check& container) {
      if (before != nullptr && at < before->size()) checkRemoved(container, (*before)[at++]);
    });
    const value was = withoutSizes(old_spec->if_contains(list)), is = withoutSizes(spec.value(list));
    if (json::equalIgnoringEmpty(&was, &is)) continue;
    root.add(FieldError::Type::Forbidden, "spec", "Forbidden: only cpu and memory resources are mutable");
  }
}

void checkEphemeralChanges(const Check& root, const object& old) {
  const Check spec = root.child("spec");
  const json::array* before = json::findArray(old, {"spec", "ephemeralContainers"});
  if (before == nullptr) return;
  for (const value& one : *before) {
    const std::string_view name = one.is_object() ? json::text(one.get_object(), {"name"}) : "";
    bool there = false, same = false;
    spec.list("ephemeralContainers", [&](const Check& container) {
      if (container.text("name") != name) return;
      there = true;
      const value now(container.object());
      same = json::equalIgnoringEmpty(&now, &one);
    });
    if (same) continue;
    spec.forbidden("ephemeralContainers", fmt::format("existing ephemeral containers {:?} may not be {}\n", name,
                                                      there ? "changed" : "removed"));
  }
}

void checkPodStatus(const Check& root, const object& old) {
  const Check status = root.child("status");
  status.list("conditions", [](const Check& condition) {
    for (const std::string& problem : qualifiedName(condition.text("type"))) {
      condition.invalidAt(condition.path("Type"), condition.text("type"), problem);
    }
  });
  if (!json::text(old, {"status", "qosClass"}).empty()) checkImmutable(root, old, {"status", "qosClass"});
  const auto addresses = [&](std::string_view list) {
    size_t at = 0, sixes = 0;
    status.list(list, [&](const Check& address) {
      const std::string_view ip = address.text("ip");
      for (const std::string& problem : ipAddress(ip)) {
        status.invalidAt(fmt::format("{}[{}]", status.path(list), at), ip, problem);
      }
      sixes += isIpv6(ip) ? 1 : 0;
      ++at;
    });
    if (at < 2 || (at == 2 && sixes == 1)) return;
    status.invalid(list, "may specify no more than one IP for each IP family");
  };
  addresses("podIPs");
  const json::array* hosts = json::findArray(status.object(), {"hostIPs"});
  if (hosts == nullptr || hosts->empty()) return;
  const std::string_view first = (*hosts)[0].is_object() ? json::text((*hosts)[0].get_object(), {"ip"}) : "";
  if (first != status.text("hostIP")) status.invalidAt("status.hostIPs[0].ip", first, "must be equal to `hostIP`");
  addresses("hostIPs");
}

}  // namespace slipway::schema
