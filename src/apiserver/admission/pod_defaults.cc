#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "json/compare.h"

namespace slipway::apiserver {
namespace {

bool createsPod(const AdmissionRequest& request) {
  return request.kind->table == "core/pods" && request.operation == "CREATE" && request.subresource.empty();
}

StatusError refused(const AdmissionRequest& request, std::string why) {
  return refuse::forbidden(request.kind->resource(), request.name, why);
}

class PriorityAdmission final : public PlainAdmission {
 public:
  explicit PriorityAdmission(Store& store) : store_(store) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (!createsPod(request)) return {};
    json::object& spec = json::ensureObject(*request.object, "spec");
    const std::string name(json::text(spec, {"priorityClassName"}));
    TRY(const json::object chosen, name.empty() ? defaultClass() : namedClass(request, name));
    const int64_t priority = json::findInt(chosen, {"value"}).value_or(0);
    const auto given = json::findInt(spec, {"priority"});
    if (given && *given != priority) {
      return failure(
          refused(request, fmt::format("the integer value of priority ({}) must not be provided in pod spec; "
                                       "priority admission controller computed {} from the given PriorityClass name",
                                       *given, priority)));
    }
    spec["priority"] = priority;
    if (name.empty() && chosen.contains("metadata")) spec["priorityClassName"] = meta::name(chosen);
    const std::string_view chosen_policy = json::text(chosen, {"preemptionPolicy"});
    const std::string_view policy = chosen_policy.empty() ? std::string_view("PreemptLowerPriority") : chosen_policy;
    const std::string_view given_policy = json::text(spec, {"preemptionPolicy"});
    if (!given_policy.empty() && given_policy != policy) {
      return failure(
          refused(request, fmt::format("the string value of PreemptionPolicy ({}) must not be provided in pod "
                                       "spec; priority admission controller computed {} from the given "
                                       "PriorityClass name",
                                       given_policy, policy)));
    }
    spec["preemptionPolicy"] = policy;
    return {};
  }

 private:
  Answer<json::object> namedClass(const AdmissionRequest& request, const std::string& name) const {
    const StoredPtr stored = store_.table("scheduling.k8s.io/priorityclasses").find(name);
    if (!stored) return failure(refused(request, fmt::format("no PriorityClass with name {} was found", name)));
    return json::parse(stored->bytes).as_object();
  }
  Answer<json::object> defaultClass() const {
    for (const auto& [key, stored] : store_.table("scheduling.k8s.io/priorityclasses").objects()) {
      if (stored->bytes.find("\"globalDefault\":true") == std::string::npos) continue;
      return json::parse(stored->bytes).as_object();
    }
    return json::object();
  }
  Store& store_;
};

class DefaultTolerations final : public PlainAdmission {
 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table != "core/pods" || !request.subresource.empty() || request.operation == "DELETE") return {};
    json::value& tolerations = json::ensureObject(*request.object, "spec")["tolerations"];
    if (!tolerations.is_array()) tolerations = json::array();
    for (const std::string_view key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
      add(tolerations.get_array(), key);
    }
    return {};
  }

 private:
  static void add(json::array& tolerations, std::string_view key) {
    for (const json::value& entry : tolerations) {
      const std::string_view its_key = json::text(entry.as_object(), {"key"});
      const std::string_view effect = json::text(entry.as_object(), {"effect"});
      if ((its_key == key || its_key.empty()) && (effect.empty() || effect == "NoExecute")) return;
    }
    tolerations.push_back(
        json::object{{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}});
  }
};

class RuntimeClassAdmission final : public PlainAdmission {
 public:
  explicit RuntimeClassAdmission(Store& store) : store_(store) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (!createsPod(request)) return {};
    json::object& spec = json::ensureObject(*request.object, "spec");
    const std::string name(json::text(spec, {"runtimeClassName"}));
    const json::object* overhead = json::findObject(spec, {"overhead"});
    if (name.empty() && overhead != nullptr && !overhead->empty()) {
      return failure(
          refused(request, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"));
    }
    if (name.empty()) return {};
    const StoredPtr stored = store_.table("node.k8s.io/runtimeclasses").find(name);
    if (!stored) return failure(refused(request, fmt::format("pod rejected: RuntimeClass \"{}\" not found", name)));
    const json::value document = json::parse(stored->bytes);
    const json::object& chosen = document.as_object();
    if (const json::value* fixed = json::find(chosen, {"overhead", "podFixed"})) {
      const bool other =
          overhead != nullptr && !overhead->empty() && !json::equalIgnoringEmpty(*fixed, spec["overhead"]);
      if (other) {
        return failure(refused(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"));
      }
      spec["overhead"] = *fixed;
    }
    if (const json::object* wanted = json::findObject(chosen, {"scheduling", "nodeSelector"})) {
      json::object& selector = json::ensureObject(spec, "nodeSelector");
      for (const auto& [key, value] : *wanted) {
        const json::value* mine = selector.if_contains(key);
        if (mine != nullptr && *mine != value) {
          return failure(refused(request, fmt::format("conflict: runtimeClass.scheduling.nodeSelector[{0}] = {1}; "
                                                      "pod.spec.nodeSelector[{0}] = {2}",
                                                      std::string_view(key), std::string_view(value.as_string()),
                                                      std::string_view(mine->as_string()))));
        }
        selector[key] = value;
      }
    }
    if (const json::array* tolerations = json::findArray(chosen, {"scheduling", "tolerations"})) {
      json::value& mine = spec["tolerations"];
      if (!mine.is_array()) mine = json::array();
      for (const json::value& toleration : *tolerations) mine.get_array().push_back(toleration);
    }
    return {};
  }

 private:
  Store& store_;
};

/// The class that is marked as the default one; of several the newest.
std::string defaultClassOf(Table& classes, std::string_view mark) {
  std::string newest, name;
  for (const auto& [key, stored] : classes.objects()) {
    if (stored->bytes.find(mark) == std::string::npos) continue;
    const json::value document = json::parse(stored->bytes);
    if (json::text(document.as_object(), {"metadata", "annotations", mark}) != "true") continue;
    const std::string_view made = json::text(document.as_object(), {"metadata", "creationTimestamp"});
    if (!name.empty() && made <= newest) continue;
    newest = made;
    name = key;
  }
  return name;
}

class DefaultStorageClass final : public PlainAdmission {
 public:
  explicit DefaultStorageClass(Store& store) : store_(store) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table != "core/persistentvolumeclaims" || request.operation != "CREATE") return {};
    json::object& spec = json::ensureObject(*request.object, "spec");
    if (spec.contains("storageClassName")) return {};
    const std::string name =
        defaultClassOf(store_.table("storage.k8s.io/storageclasses"), "storageclass.kubernetes.io/is-default-class");
    if (!name.empty()) spec["storageClassName"] = name;
    return {};
  }

 private:
  Store& store_;
};

class DefaultIngressClass final : public PlainAdmission {
 public:
  explicit DefaultIngressClass(Store& store) : store_(store) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table != "networking.k8s.io/ingresses" || request.operation != "CREATE") return {};
    json::object& spec = json::ensureObject(*request.object, "spec");
    const json::object* annotations = json::findObject(*request.object, {"metadata", "annotations"});
    const bool by_annotation = annotations != nullptr && annotations->contains("kubernetes.io/ingress.class");
    if (spec.contains("ingressClassName") || by_annotation) return {};
    const std::string name =
        defaultClassOf(store_.table("networking.k8s.io/ingressclasses"), "ingressclass.kubernetes.io/is-default-class");
    if (!name.empty()) spec["ingressClassName"] = name;
    return {};
  }

 private:
  Store& store_;
};

}  // namespace

std::unique_ptr<Admission> priorityAdmission(Store& store) {
  return std::make_unique<PriorityAdmission>(store);
}
std::unique_ptr<Admission> defaultTolerations() {
  return std::make_unique<DefaultTolerations>();
}
std::unique_ptr<Admission> runtimeClassAdmission(Store& store) {
  return std::make_unique<RuntimeClassAdmission>(store);
}
std::unique_ptr<Admission> defaultIngressClass(Store& store) {
  return std::make_unique<DefaultIngressClass>(store);
}
std::unique_ptr<Admission> defaultStorageClass(Store& store) {
  return std::make_unique<DefaultStorageClass>(store);
}

}  // namespace slipway::apiserver
