#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr int kTokenSeconds = 3607;

json::object tokenVolume(const std::string& name) {
  json::array sources;
  sources.push_back(
      json::object{{"serviceAccountToken", json::object{{"expirationSeconds", kTokenSeconds}, {"path", "token"}}}});
  json::array items{json::object{{"key", "ca.crt"}, {"path", "ca.crt"}}};
  sources.push_back(
      json::object{{"configMap", json::object{{"name", "kube-root-ca.crt"}, {"items", std::move(items)}}}});
  json::object field{{"path", "namespace"}};
  field["fieldRef"] = json::object{{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}};
  sources.push_back(json::object{{"downwardAPI", json::object{{"items", json::array{std::move(field)}}}}});
  return {{"name", name}, {"projected", json::object{{"sources", std::move(sources)}, {"defaultMode", 420}}}};
}

/// False when the container mounts something there already.
bool mount(json::object& container, const std::string& volume) {
  json::value& mounts = container["volumeMounts"];
  if (!mounts.is_array()) mounts = json::array();
  for (const json::value& entry : mounts.get_array()) {
    if (json::text(entry.as_object(), {"mountPath"}) == kMountPath) return false;
  }
  mounts.get_array().push_back(json::object{{"name", volume}, {"readOnly", true}, {"mountPath", kMountPath}});
  return true;
}

bool wantsToken(const json::object& pod, const json::object& account) {
  for (const json::value* flag : {json::find(pod, {"spec", "automountServiceAccountToken"}),
                                  account.if_contains("automountServiceAccountToken")}) {
    if (flag != nullptr && flag->is_bool()) return flag->get_bool();
  }
  return true;
}

class ServiceAccountAdmission final : public PlainAdmission {
 public:
  ServiceAccountAdmission(Store& store, Random& random) : store_(store), random_(random) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table != "core/pods" || request.operation != "CREATE" || !request.subresource.empty()) return {};
    json::object& pod = *request.object;
    const json::object* annotations = json::findObject(pod, {"metadata", "annotations"});
    if (annotations != nullptr && annotations->contains("kubernetes.io/config.mirror")) return {};
    json::object& spec = json::ensureObject(pod, "spec");
    std::string name(json::text(spec, {"serviceAccountName"}));
    if (name.empty()) name = json::text(spec, {"serviceAccount"});
    if (name.empty()) name = "default";
    spec["serviceAccountName"] = name;
    spec["serviceAccount"] = name;
    const StoredPtr stored = store_.table("core/serviceaccounts").find(request.ns + "/" + name);
    if (!stored) {
      return failure(
          refuse::forbidden(request.kind->resource(), request.name,
                            fmt::format("error looking up service account {}/{}: serviceaccount \"{}\" not found",
                                        request.ns, name, name)));
    }
    const json::value document = json::parse(stored->bytes);
    const json::object& account = document.as_object();
    const json::array* secrets = json::findArray(account, {"imagePullSecrets"});
    const json::array* own = json::findArray(spec, {"imagePullSecrets"});
    if (secrets != nullptr && (own == nullptr || own->empty())) spec["imagePullSecrets"] = *secrets;
    if (wantsToken(pod, account)) addToken(spec);
    return {};
  }

 private:
  void addToken(json::object& spec) {
    const std::string volume = "kube-api-access-" + random_.suffix(5);
    bool used = false;
    for (const std::string_view list : {"initContainers", "containers"}) {
      json::array* containers = json::findArray(spec, {list});
      if (containers == nullptr) continue;
      for (json::value& container : *containers) used = mount(container.as_object(), volume) || used;
    }
    if (!used) return;
    json::value& volumes = spec["volumes"];
    if (!volumes.is_array()) volumes = json::array();
    volumes.get_array().push_back(tokenVolume(volume));
  }

  Store& store_;
  Random& random_;
};

}  // namespace

std::unique_ptr<Admission> serviceAccountAdmission(Store& store, Random& random) {
  return std::make_unique<ServiceAccountAdmission>(store, random);
}

}  // namespace slipway::apiserver
