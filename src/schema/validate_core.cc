#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

constexpr size_t kMaxData = 1 << 20;

size_t decodedSize(std::string_view base64) {
  size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  return base64.size() / 4 * 3 - padding;
}

size_t checkKeys(const Check& root, std::string_view map, bool encoded) {
  const value* entries = root.value(map);
  size_t size = 0;
  if (entries == nullptr || !entries->is_object()) return size;
  for (const auto& [key_view, part] : entries->get_object()) {
    std::string key(key_view);
    std::string path = fmt::format("{}[{}]", map, key);
    for (const std::string& problem : configMapKey(key)) root.invalidAt(path, value(key), problem);
    std::string_view text = part.is_string() ? std::string_view(part.get_string()) : "";
    size += encoded ? decodedSize(text) : text.size();
  }
  return size;
}

void immutableData(const Check& root, const object& old, std::initializer_list<std::string_view> fields) {
  if (!json::isTrue(old, {"immutable"})) return;
  if (!root.flag("immutable")) root.forbidden("immutable", "field is immutable when `immutable` is set");
  for (std::string_view field : fields) {
    if (json::equalIgnoringEmpty(root.value(field), old.if_contains(field))) continue;
    root.forbidden(field, "field is immutable when `immutable` is set");
  }
}

void createConfigMap(const Check& root) {
  size_t size = checkKeys(root, "data", false);
  const value* binary = root.value("binaryData");
  const object* data = json::findObject(root.object(), {"data"});
  if (data != nullptr && binary != nullptr && binary->is_object()) {
    for (const auto& [key, part] : *data) {
      if (!binary->get_object().contains(key)) continue;
      root.invalidAt(fmt::format("data[{}]", std::string_view(key)), value(key),
                     "duplicate of key present in binaryData");
    }
  }
  size += checkKeys(root, "binaryData", true);
  if (size > kMaxData) {
    root.add(FieldError::Type::TooLong, "[]", fmt::format("Too long: may not be more than {} bytes", kMaxData));
  }
}
void updateConfigMap(const Check& root, const object& old) {
  immutableData(root, old, {"data", "binaryData"});
}

void createSecret(const Check& root) {
  size_t size = checkKeys(root, "data", true);
  if (size > kMaxData) {
    root.add(FieldError::Type::TooLong, "data", fmt::format("Too long: may not be more than {} bytes", kMaxData));
  }
  std::string_view type = root.text("type");
  const object* data = json::findObject(root.object(), {"data"});
  auto needs = [&](std::string_view key) {
    if (data == nullptr || !data->contains(key)) {
      root.add(FieldError::Type::Required, fmt::format("data[{}]", key), "Required value");
    }
  };
  if (type == "kubernetes.io/service-account-token") {
    if (json::text(root.object(), {"metadata", "annotations", "kubernetes.io/service-account.name"}).empty()) {
      root.add(FieldError::Type::Required, "metadata.annotations[kubernetes.io/service-account.name]",
               "Required value");
    }
  } else if (type == "kubernetes.io/dockerconfigjson" || type == "kubernetes.io/dockercfg") {
    std::string_view key = type.ends_with("json") ? ".dockerconfigjson" : ".dockercfg";
    needs(key);
    std::string_view text = data == nullptr ? "" : json::text(*data, {key});
    Result<std::string> decoded = base64Decode(text);
    json::error_code problem;
    if (!text.empty() && decoded) json::parse(*decoded, problem);
    if (problem) {
      std::string first = decoded->substr(0, 1);
      root.invalidAt(fmt::format("data[{}]", key), "<secret contents redacted>",
                     fmt::format("invalid character '{}' looking for beginning of value", first));
    }
  } else if (type == "kubernetes.io/basic-auth") {
    if (data == nullptr || (!data->contains("username") && !data->contains("password"))) {
      needs("username");
      needs("password");
    }
  } else if (type == "kubernetes.io/ssh-auth") {
    needs("ssh-privatekey");
  } else if (type == "kubernetes.io/tls") {
    needs("tls.crt");
    needs("tls.key");
  }
}
void updateSecret(const Check& root, const object& old) {
  checkImmutable(root, old, {"type"});
  immutableData(root, old, {"data"});
}

void createNamespace(const Check& root) {
  Check spec = root.child("spec");
  spec.strings("finalizers", [&](std::string_view name, size_t) {
    Problems problems = qualifiedName(name);
    for (const std::string& problem : problems) spec.invalidAt(spec.path("finalizers"), name, problem);
    if (problems.empty() && name != "kubernetes" && name.find('/') == std::string_view::npos) {
      spec.invalidAt(spec.path("finalizers"), name,
                     "name is neither a standard finalizer name nor is it fully qualified");
    }
  });
}

void statusOfNamespace(const Check& root, const object&) {
  const bool going = !root.child("metadata").text("deletionTimestamp").empty();
  const std::string_view phase = root.child("status").text("phase");
  if (phase == (going ? "Terminating" : "Active")) return;
  root.invalidAt("status.Phase", phase,
                 going ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
                       : "may only be 'Active' if `deletionTimestamp` is empty");
}

void createNode(const Check& root) {
  Check spec = root.child("spec");
  std::set<std::string> seen;
  size_t index = 0;
  spec.list("taints", [&](const Check& taint) {
    // The real server shows taints under metadata.
    std::string path = fmt::format("metadata.taints[{}]", index++);
    for (const std::string& problem : qualifiedName(taint.text("key")))
      taint.invalidAt(path + ".key", taint.text("key"), problem);
    for (const std::string& problem : labelValue(taint.text("value")))
      taint.invalidAt(path + ".value", taint.text("value"), problem);
    std::string_view effect = taint.text("effect");
    if (effect.empty()) {
      taint.add(FieldError::Type::Required, path + ".effect", "Required value");
    } else if (effect != "NoSchedule" && effect != "PreferNoSchedule" && effect != "NoExecute") {
      taint.notSupportedAt(path + ".effect", effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"});
    } else if (!seen.insert(fmt::format("{}:{}", effect, taint.text("key"))).second) {
      object shown = {
          {"Key", taint.text("key")}, {"Value", taint.text("value")}, {"Effect", effect}, {"TimeAdded", nullptr}};
      taint.add(
          FieldError::Type::Duplicate, path,
          fmt::format("Duplicate value: {}: taints must be unique by key and effect pair", json::serialize(shown)));
    }
  });
  for (std::string_view list : {"capacity", "allocatable"}) {
    const object* quantities = json::findObject(root.object(), {"status", list});
    if (quantities == nullptr) continue;
    for (const auto& [name, part] : *quantities) {
      if (!part.is_string() || !part.get_string().starts_with('-')) continue;
      root.invalidAt(fmt::format("status.{}.{}", list, std::string_view(name)), part,
                     "must be greater than or equal to 0");
    }
  }
  std::string_view one = spec.text("podCIDR");
  if (spec.count("podCIDRs") > 0) {
    spec.strings("podCIDRs", [&](std::string_view range, size_t at) {
      for (const std::string& problem : cidr(range))
        spec.invalidAt(fmt::format("spec.podCIDRs[{}]", at), range, problem);
    });
  } else if (!one.empty()) {
    for (const std::string& problem : cidr(one)) spec.invalidAt("spec.podCIDRs[0]", one, problem);
  }
}
void updateNode(const Check& root, const object& old) {
  const value* before = json::find(old, {"spec", "podCIDRs"});
  if (before != nullptr && !json::equalIgnoringEmpty(before, json::find(root.object(), {"spec", "podCIDRs"}))) {
    root.add(FieldError::Type::Forbidden, "spec.podCIDRs",
             "Forbidden: node updates may not change podCIDR except from \"\" to valid");
  }
  std::string_view provider = json::text(old, {"spec", "providerID"});
  if (!provider.empty() && provider != root.child("spec").text("providerID")) {
    root.add(FieldError::Type::Forbidden, "spec.providerID",
             "Forbidden: node updates may not change providerID except from \"\" to valid");
  }
}

constexpr std::array kCoreRules = {
    KindRules{"ConfigMap", createConfigMap, updateConfigMap, When::Before},
    KindRules{"Secret", createSecret, updateSecret, When::Before},
    KindRules{"Namespace", createNamespace, nullptr, When::After, statusOfNamespace},
    KindRules{"Node", createNode, updateNode},
};

}  // namespace

std::span<const KindRules> coreRules() {
  return kCoreRules;
}

}  // namespace slipway::schema
