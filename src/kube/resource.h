#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::kube {

namespace json = boost::json;

/// A Kubernetes object as JSON. Missing fields are missing; null is never stored.
using Object = json::object;

/// Where a kind is served.
struct Resource {
  std::string group;    ///< "" for core
  std::string version;  ///< "v1"
  std::string plural;   ///< "pods"
  std::string kind;     ///< "Pod"
  bool namespaced = true;

  std::string apiVersion() const { return group.empty() ? version : group + "/" + version; }
  auto operator<=>(const Resource&) const = default;
};

inline const Resource kPods{"", "v1", "pods", "Pod", true};
inline const Resource kNodes{"", "v1", "nodes", "Node", false};
inline const Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline const Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap", true};
inline const Resource kSecrets{"", "v1", "secrets", "Secret", true};
inline const Resource kServices{"", "v1", "services", "Service", true};
inline const Resource kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount", true};
inline const Resource kPersistentVolumeClaims{"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true};
inline const Resource kPersistentVolumes{"", "v1", "persistentvolumes", "PersistentVolume", false};
inline const Resource kEvents{"", "v1", "events", "Event", true};
inline const Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};
inline const Resource kCertificateSigningRequests{"certificates.k8s.io", "v1", "certificatesigningrequests",
                                                  "CertificateSigningRequest", false};
inline const Resource kTokenReviews{"authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false};
inline const Resource kSubjectAccessReviews{"authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview",
                                            false};

/// The value at a path of keys, or null. Never throws: at(object, {"spec", "nodeName"}).
const json::value* find(const Object& object, std::initializer_list<std::string_view> path);
/// A string at a path, or "".
std::string_view text(const Object& object, std::initializer_list<std::string_view> path);
int64_t integer(const Object& object, std::initializer_list<std::string_view> path, int64_t otherwise = 0);
bool boolean(const Object& object, std::initializer_list<std::string_view> path, bool otherwise = false);
/// The object or array at a path; an empty one that lives for ever if there is none.
const Object& child(const Object& object, std::initializer_list<std::string_view> path);
const json::array& items(const Object& object, std::initializer_list<std::string_view> path);
/// A list's item as an object or a string; an empty one if it is neither: nothing relies on what an API server checks.
const Object& objectOf(const json::value& item);
std::string_view textOf(const json::value& item);
/// The object at a path, made where it is missing.
Object& ensure(Object& object, std::initializer_list<std::string_view> path);

std::string_view name(const Object& object);
std::string_view nameSpace(const Object& object);
std::string_view uid(const Object& object);
std::string_view resourceVersion(const Object& object);
/// "namespace/name", or "name".
std::string key(const Object& object);
/// A label's or an annotation's value, or "".
std::string_view label(const Object& object, std::string_view name);
std::string_view annotation(const Object& object, std::string_view name);

}  // namespace slipway::kube
