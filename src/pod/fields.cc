#include "pod/fields.h"

#include <array>
#include <map>

#include "base/strings.h"
#include "pod/resources.h"

namespace slipway::pod {
namespace {

constexpr std::array<std::string_view, 4> kJobFields = {"status.podIP", "status.podIPs", "status.hostIP",
                                                        "status.hostIPs"};

/// Go's %q for what labels and annotations hold.
std::string goQuoted(std::string_view text) {
  std::string out = "\"";
  for (const unsigned char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\v':
        out += "\\v";
        break;
      default:
        if (c < 0x20 || c == 0x7F) {
          out += fmt::format("\\x{:02x}", c);
        } else {
          out += static_cast<char>(c);
        }
    }
  }
  return out + "\"";
}

std::string formatMap(const kube::Object& map) {
  std::map<std::string, std::string> sorted;
  for (const auto& [key, value] : map) {
    if (value.is_string()) sorted[std::string(key)] = std::string(value.get_string());
  }
  std::vector<std::string> lines;
  for (const auto& [key, value] : sorted) lines.push_back(key + "=" + goQuoted(value));
  return join(lines, "\n");
}

/// The KEY of "metadata.labels['KEY']".
std::optional<std::string> subscript(std::string_view path, std::string_view map) {
  const std::string prefix = fmt::format("{}['", map);
  if (!path.starts_with(prefix) || !path.ends_with("']") || path.size() < prefix.size() + 2) return std::nullopt;
  return std::string(path.substr(prefix.size(), path.size() - prefix.size() - 2));
}

}  // namespace

bool isJobField(std::string_view path) {
  return std::find(kJobFields.begin(), kJobFields.end(), path) != kJobFields.end();
}

std::string jobFieldsIn(std::string_view text) {
  std::vector<std::string> found;
  for (const std::string_view field : kJobFields) {
    if (text.find(fmt::format("$({})", field)) != std::string_view::npos) found.emplace_back(field);
  }
  return join(found, ",");
}

Result<std::string> fieldValue(const kube::Object& pod, std::string_view path) {
  if (isJobField(path)) return fmt::format("$({})", path);
  if (path == "metadata.name") return std::string(kube::name(pod));
  if (path == "metadata.namespace") return std::string(kube::nameSpace(pod));
  if (path == "metadata.uid") return std::string(kube::uid(pod));
  if (path == "metadata.labels") return formatMap(kube::child(pod, {"metadata", "labels"}));
  if (path == "metadata.annotations") return formatMap(kube::child(pod, {"metadata", "annotations"}));
  if (path == "spec.nodeName") return std::string(kube::text(pod, {"spec", "nodeName"}));
  if (path == "spec.serviceAccountName") return std::string(kube::text(pod, {"spec", "serviceAccountName"}));
  for (const std::string_view map : {"labels", "annotations"}) {
    if (const auto key = subscript(path, fmt::format("metadata.{}", map))) {
      return std::string(kube::text(pod, {"metadata", map, *key}));
    }
  }
  return failure(Code::Invalid, "fieldRef.fieldPath: \"{}\" is not a field that a container can refer to", path);
}

const kube::Object* findContainer(const kube::Object& pod, std::string_view name) {
  for (const std::string_view list : {"containers", "initContainers"}) {
    for (const kube::json::value& item : kube::items(pod, {"spec", list})) {
      if (item.is_object() && kube::text(kube::objectOf(item), {"name"}) == name) return &kube::objectOf(item);
    }
  }
  return nullptr;
}

Result<std::string> resourceFieldValue(const kube::Object& pod, const kube::Object& reference,
                                       std::string_view container, const kube::Object& node) {
  const std::string_view named = kube::text(reference, {"containerName"});
  const std::string_view resource = kube::text(reference, {"resource"});
  const kube::Object* owner = findContainer(pod, named.empty() ? container : named);
  if (owner == nullptr) return failure(Code::Invalid, "resourceFieldRef: no container \"{}\" in the pod", named);
  const auto [list, name] = splitOnce(resource, '.');
  if ((list != "limits" && list != "requests") || name.empty()) {
    return failure(Code::Invalid, "resourceFieldRef.resource: \"{}\" is not limits.<name> or requests.<name>",
                   resource);
  }
  std::string quantity = quantityText(kube::child(*owner, {"resources", list}), name);
  if (quantity.empty() && list == "limits") quantity = quantityText(kube::child(node, {"status", "allocatable"}), name);
  std::string divisor = quantityText(reference, "divisor");
  TRY(const int64_t amount, milliValue(quantity.empty() ? "0" : quantity));
  TRY(int64_t unit, milliValue(divisor.empty() ? "1" : divisor));
  if (unit <= 0) unit = 1000;
  return std::to_string(amount / unit + (amount % unit > 0 ? 1 : 0));
}

std::string pullPolicyOf(std::string_view asked, std::string_view image) {
  if (!asked.empty()) return std::string(asked);
  const std::string_view last = image.substr(image.rfind('/') + 1);
  const bool pinned = image.find('@') != std::string_view::npos;
  const auto [name, tag] = splitOnce(last, ':');
  return !pinned && (tag.empty() || tag == "latest") ? "Always" : "IfNotPresent";
}

}  // namespace slipway::pod
