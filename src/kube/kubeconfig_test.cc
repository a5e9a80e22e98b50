#include "kube/kubeconfig.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"

namespace slipway::kube {
namespace {

std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
         "contexts: [{name: c, context: {cluster: k, user: u, namespace: work}}, {name: d, context: {cluster: x}}]\n"
         "clusters: [{name: k, cluster: " +
         cluster + "}]\nusers: [{name: u, user: " + user + "}]\n";
}

TEST(Kubeconfig, GivesServerCertificatesAndNamespace) {
  const std::string yaml = kubeconfig(
      "{server: 'https://h:6443', certificate-authority-data: " + base64Encode("CA") + "}",
      "{client-certificate-data: " + base64Encode("CERT") + ", client-key-data: " + base64Encode("KEY") + "}");
  const Result<ClusterAccess> access = parseKubeconfig(yaml, ".");
  ASSERT_TRUE(access.has_value());
  EXPECT_EQ(access->server, "https://h:6443");
  EXPECT_EQ(access->ca, "CA");
  EXPECT_EQ(access->certificate, "CERT");
  EXPECT_EQ(access->key, "KEY");
  EXPECT_EQ(access->ns, "work");
  EXPECT_FALSE(access->insecure);
}

TEST(Kubeconfig, ReadsFilesBesideIt) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(writeFileAtomic(directory.path() / "ca.pem", "CA FILE"));
  const std::string yaml = kubeconfig(
      "{server: 'https://h', certificate-authority: ca.pem, insecure-skip-tls-verify: true}", "{tokenFile: token}");
  ASSERT_TRUE(writeFileAtomic(directory.path() / "config", yaml));
  const Result<ClusterAccess> access = loadKubeconfig(directory.path() / "config");
  ASSERT_TRUE(access.has_value());
  EXPECT_EQ(access->ca, "CA FILE");
  EXPECT_TRUE(access->insecure);
  EXPECT_EQ(access->token_file, directory.path() / "token");
}

TEST(Kubeconfig, RefusesCredentialPluginsInPlainWords) {
  const Result<ClusterAccess> access =
      parseKubeconfig(kubeconfig("{server: 'https://h'}", "{exec: {command: aws}}"), ".");
  ASSERT_FALSE(access.has_value());
  EXPECT_TRUE(access.error().is(Code::NotImplemented));
  EXPECT_NE(access.error().message.find("service account"), std::string::npos);
}

TEST(Kubeconfig, NamesWhatIsMissing) {
  EXPECT_FALSE(parseKubeconfig("not: [valid", ".").has_value());
  EXPECT_FALSE(parseKubeconfig("[]", ".").has_value());
  EXPECT_FALSE(parseKubeconfig("", ".").has_value());
  const Result<ClusterAccess> unknown = parseKubeconfig(kubeconfig("{server: 'https://h'}", "{token: t}"), ".", "nope");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_NE(unknown.error().message.find("nope"), std::string::npos);
  EXPECT_FALSE(parseKubeconfig(kubeconfig("{server: 'https://h'}", "{token: t}"), ".", "d").has_value());
  EXPECT_FALSE(loadKubeconfig("/nonexistent/kubeconfig").has_value());
}

TEST(InCluster, UsesTheServiceAccount) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(writeFileAtomic(directory.path() / "ca.crt", "CA"));
  ASSERT_TRUE(writeFileAtomic(directory.path() / "namespace", "slipway\n"));
  const Result<ClusterAccess> access = inClusterAccess("fd00::1", "443", directory.path());
  ASSERT_TRUE(access.has_value());
  EXPECT_EQ(access->server, "https://[fd00::1]:443");
  EXPECT_EQ(access->ns, "slipway");
  EXPECT_FALSE(inClusterAccess("", "", directory.path()).has_value());
}

}  // namespace
}  // namespace slipway::kube
