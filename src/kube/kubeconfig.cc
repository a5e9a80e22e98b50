#include "kube/kubeconfig.h"

#include <yaml-cpp/yaml.h>

#include "base/files.h"
#include "base/strings.h"

namespace slipway::kube {
namespace {

using Path = std::filesystem::path;

std::string scalar(const YAML::Node& node, const char* key) {
  const YAML::Node value = node.IsMap() ? node[key] : YAML::Node();
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

/// The entry of a named list: clusters, contexts or users.
Result<YAML::Node> named(const YAML::Node& root, const char* list, const char* inner, const std::string& name) {
  const YAML::Node entries = root[list];
  if (entries && entries.IsSequence()) {
    for (const YAML::Node& entry : entries) {
      if (scalar(entry, "name") == name)
        return YAML::Node(entry[inner] ? entry[inner] : YAML::Node(YAML::NodeType::Map));
    }
  }
  return failure(Code::NotFound, "{}: there is no \"{}\"", list, name);
}

/// The text that stands in the file as base64 under `data_key`, or in another file named by `file_key`.
Result<std::string> material(const YAML::Node& node, const char* data_key, const char* file_key,
                             const Path& directory) {
  if (const std::string data = scalar(node, data_key); !data.empty()) {
    Result<std::string> decoded = base64Decode(data);
    if (!decoded) return failure(Code::Invalid, "{}: not base64", data_key);
    return decoded;
  }
  const std::string file = scalar(node, file_key);
  if (file.empty()) return std::string();
  return readFile(directory / file);
}

Status readCluster(const YAML::Node& cluster, const Path& directory, ClusterAccess& access) {
  access.server = scalar(cluster, "server");
  if (access.server.empty()) return failure(Code::Invalid, "the cluster has no server");
  access.server_name = scalar(cluster, "tls-server-name");
  access.insecure = scalar(cluster, "insecure-skip-tls-verify") == "true";
  access.proxy_url = scalar(cluster, "proxy-url");
  TRY(access.ca, material(cluster, "certificate-authority-data", "certificate-authority", directory));
  return {};
}

Status readUser(const YAML::Node& user, const Path& directory, ClusterAccess& access) {
  TRY(access.certificate, material(user, "client-certificate-data", "client-certificate", directory));
  TRY(access.key, material(user, "client-key-data", "client-key", directory));
  access.token = scalar(user, "token");
  access.user = scalar(user, "username");
  access.password = scalar(user, "password");
  if (const std::string file = scalar(user, "tokenFile"); !file.empty()) access.token_file = directory / file;
  const bool has_credentials = !access.certificate.empty() || !access.token.empty() || !access.token_file.empty();
  if (has_credentials || !user.IsMap()) return {};
  for (const char* plugin : {"exec", "auth-provider"}) {
    if (!user[plugin]) continue;
    return failure(Code::NotImplemented,
                   "users with a credential plugin ({}) are not supported: use a token, a tokenFile or a client "
                   "certificate, for example of a service account (kubectl create token)",
                   plugin);
  }
  return {};
}

Result<ClusterAccess> read(const YAML::Node& root, const Path& directory, const std::string& wanted_context) {
  if (!root.IsMap()) return failure(Code::Invalid, "not a kubeconfig");
  const std::string context_name = wanted_context.empty() ? scalar(root, "current-context") : wanted_context;
  if (context_name.empty()) return failure(Code::Invalid, "no current-context is set");
  TRY(const YAML::Node context, named(root, "contexts", "context", context_name));
  TRY(const YAML::Node cluster, named(root, "clusters", "cluster", scalar(context, "cluster")));
  ClusterAccess access;
  TRY_STATUS(readCluster(cluster, directory, access));
  if (const std::string user_name = scalar(context, "user"); !user_name.empty()) {
    TRY(const YAML::Node user, named(root, "users", "user", user_name));
    TRY_STATUS(readUser(user, directory, access));
  }
  if (const std::string ns = scalar(context, "namespace"); !ns.empty()) access.ns = ns;
  return access;
}

}  // namespace

Result<ClusterAccess> parseKubeconfig(const std::string& yaml, const Path& directory, const std::string& context) {
  try {
    return read(YAML::Load(yaml), directory, context);
  } catch (const YAML::Exception& e) {
    return failure(Code::Invalid, "not valid YAML: {}", e.what());
  }
}

Result<ClusterAccess> loadKubeconfig(const Path& file, const std::string& context) {
  TRY(const std::string yaml, readFile(file));
  Result<ClusterAccess> access = parseKubeconfig(yaml, file.parent_path(), context);
  if (!access) return failure(access.error().wrap("kubeconfig " + file.string()));
  return access;
}

Result<ClusterAccess> inClusterAccess(const std::string& host, const std::string& port, const Path& directory) {
  if (host.empty() || port.empty()) {
    return failure(
        Code::NotFound,
        "not inside a Kubernetes pod (KUBERNETES_SERVICE_HOST is not set): give a kubeconfig with --kubeconfig");
  }
  ClusterAccess access;
  const bool bare_ipv6 = host.find(':') != std::string::npos;
  access.server = fmt::format("https://{}:{}", bare_ipv6 ? "[" + host + "]" : host, port);
  access.token_file = directory / "token";
  TRY(access.ca, readFile(directory / "ca.crt"));
  if (const Result<std::string> ns = readFile(directory / "namespace"); ns && !trim(*ns).empty()) access.ns = trim(*ns);
  return access;
}

}  // namespace slipway::kube
