#include "pod/registry_auth.h"

#include "base/strings.h"

namespace slipway::pod {
namespace {

void addAuths(const std::string& text, bool has_auths, site::v1::PodPlan& plan) {
  boost::system::error_code error;
  const kube::json::value document = kube::json::parse(text, error);
  if (error || !document.is_object()) return;
  const kube::Object& object = document.get_object();
  for (const auto& [registry, value] : has_auths ? kube::child(object, {"auths"}) : object) {
    if (!value.is_object()) continue;
    const kube::Object& entry = value.get_object();
    std::string username(kube::text(entry, {"username"}));
    std::string password(kube::text(entry, {"password"}));
    if (const auto both = base64Decode(kube::text(entry, {"auth"})); username.empty() && both) {
      const auto [user, secret] = splitOnce(*both, ':');
      username = user;
      password = secret;
    }
    auto* to = plan.add_registry_auth();
    to->set_registry(std::string(registry));
    to->set_username(username);
    to->set_password(password);
  }
}

}  // namespace

Task<Status> addRegistryAuth(const kube::Object& pod, References& references, site::v1::PodPlan& plan) {
  for (const auto& item : kube::items(pod, {"spec", "imagePullSecrets"})) {
    const std::string name(kube::text(kube::objectOf(item), {"name"}));
    plan.add_image_pull_secrets(name);
    const auto secret = co_await references.secret(name);
    if (!secret && secret.error().is(Code::NotFound)) continue;
    if (!secret) co_return failure(secret.error());
    const auto data = dataOf(*secret);
    if (!data) continue;
    if (const auto found = data->find(".dockerconfigjson"); found != data->end()) addAuths(found->second, true, plan);
    if (const auto found = data->find(".dockercfg"); found != data->end()) addAuths(found->second, false, plan);
  }
  co_return Status();
}

}  // namespace slipway::pod
