#include "schema/field_selectors.h"

#include "base/strings.h"
#include "json/document.h"

namespace slipway::schema {
namespace {

/// What a kind offers besides metadata.name and metadata.namespace. A field is a path; `=` names another source, `|`
/// what stands in when that is empty.
struct KindFields {
  std::string_view group, kind, fields;
};

constexpr std::string_view kEventFields =
    "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion "
    "involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent "
    "source=source.component|reportingComponent type";

constexpr std::array kKinds = {
    KindFields{
        "", "Pod",
        "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase "
        "status.podIP status.podIPs=status.podIP status.nominatedNodeName"},
    KindFields{"", "Node", "spec.unschedulable"},
    KindFields{"", "Namespace", "status.phase"},
    KindFields{"", "Secret", "type"},
    KindFields{"", "Service", "spec.clusterIP spec.type"},
    KindFields{"", "Event", kEventFields},
    KindFields{"events.k8s.io", "Event",
               "regarding.kind regarding.namespace regarding.name regarding.uid regarding.apiVersion "
               "regarding.resourceVersion regarding.fieldPath reason reportingController type"},
    KindFields{"", "ReplicationController", "status.replicas"},
    KindFields{"apps", "ReplicaSet", "status.replicas"},
    KindFields{"batch", "Job", "status.successful=status.succeeded"},
    KindFields{"certificates.k8s.io", "CertificateSigningRequest", "spec.signerName"},
    KindFields{"resource.k8s.io", "ResourceSlice", "spec.nodeName spec.driver"},
};

std::string valueAt(const json::object& object, std::string_view path) {
  const json::object* here = &object;
  std::vector<std::string_view> words = split(path, '.');
  for (size_t i = 0; i < words.size(); ++i) {
    const json::value* found = here->if_contains(words[i]);
    if (found == nullptr) return "";
    if (i + 1 == words.size()) {
      return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
    }
    here = found->if_object();
    if (here == nullptr) return "";
  }
  return "";
}

std::string_view fieldsOfKind(const ResourceInfo& resource) {
  for (const KindFields& one : kKinds) {
    if (one.kind == resource.kind && one.group == resource.group) return one.fields;
  }
  return "";
}

/// What a missing field stands for: a number or a flag is never "".
std::string_view missingValue(std::string_view field) {
  if (field == "spec.unschedulable" || field == "spec.hostNetwork") return "false";
  return field.starts_with("status.replicas") || field == "status.successful" ? "0" : "";
}

/// Splits at unescaped separators, the escapes still in place.
std::vector<std::string> splitUnescaped(std::string_view text, char separator) {
  std::vector<std::string> out(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      out.back() += text.substr(i++, 2);
    } else if (text[i] == separator) {
      out.emplace_back();
    } else {
      out.back() += text[i];
    }
  }
  return out;
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    bool known = i + 1 < text.size() && std::string_view("\\,=").find(text[i + 1]) != std::string_view::npos;
    if (!known)
      return failure(Code::BadRequest, "invalid field selector: invalid escape sequence: {}", text.substr(i, 2));
    out += text[++i];
  }
  return out;
}

}  // namespace

std::map<std::string, std::string, std::less<>> selectableFields(const ResourceInfo& resource,
                                                                 const json::object& object) {
  std::map<std::string, std::string, std::less<>> out;
  out["metadata.name"] = json::text(object, {"metadata", "name"});
  if (resource.namespaced) out["metadata.namespace"] = json::text(object, {"metadata", "namespace"});
  for (std::string_view word : split(fieldsOfKind(resource), ' ')) {
    auto [field, source] = splitOnce(word, '=');
    auto [first, second] = splitOnce(source.empty() ? field : source, '|');
    std::string found = valueAt(object, first);
    if (found.empty() && !second.empty()) found = valueAt(object, second);
    out[std::string(field)] = found.empty() ? std::string(missingValue(field)) : found;
  }
  return out;
}

bool FieldRequirement::matches(const std::map<std::string, std::string, std::less<>>& fields) const {
  auto at = fields.find(field);
  return (at != fields.end() && at->second == value) == equal;
}

Result<std::vector<FieldRequirement>> parseFieldSelector(const ResourceInfo& resource, std::string_view selector) {
  std::vector<FieldRequirement> out;
  std::map<std::string, std::string, std::less<>> known = selectableFields(resource, {});
  for (const std::string& part : splitUnescaped(selector, ',')) {
    if (part.empty()) continue;
    size_t at = part.find('=');
    if (at == std::string::npos || at == 0) {
      return failure(Code::BadRequest, "invalid selector: '{}'; can't understand '{}'", selector, part);
    }
    FieldRequirement requirement;
    requirement.equal = part[at - 1] != '!';
    requirement.field = trim(std::string_view(part).substr(0, requirement.equal ? at : at - 1));
    std::string_view rest = std::string_view(part).substr(at + 1);
    if (rest.starts_with('=')) rest.remove_prefix(1);
    TRY(requirement.value, unescape(trim(rest)));
    if (!known.contains(requirement.field) && fieldsOfKind(resource).empty()) {
      return failure(Code::BadRequest,
                     "{:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                     requirement.field);
    }
    if (!known.contains(requirement.field)) {
      return failure(Code::BadRequest, "field label not supported: {}", requirement.field);
    }
    out.push_back(std::move(requirement));
  }
  return out;
}

}  // namespace slipway::schema
