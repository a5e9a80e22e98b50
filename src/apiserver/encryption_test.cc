// Secrets at rest: what lies on the disk, who can read it again, and what a start with the wrong keys says.
#include "apiserver/encryption.h"

#include <gmock/gmock.h>

#include <fstream>

#include "apiserver/backup.h"
#include "apiserver/store/store.h"
#include "apiserver/testing/server_test.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecrets = "/api/v1/namespaces/default/secrets";
constexpr const char* kSealedMark = "c2VhbGVkLW1hcms=";
constexpr const char* kKey1 = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";
constexpr const char* kKey2 = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=";

std::string keyLine(std::string_view provider, std::string_view name, std::string_view secret) {
  return fmt::format("      - {}: {{keys: [{{name: {}, secret: {}}}]}}\n", provider, name, secret);
}

std::string configText(const std::string& providers, std::string_view resources = "secrets") {
  return fmt::format(
      "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
      "  - resources: [{}]\n    providers:\n{}",
      resources, providers);
}

class Encryption : public testing::ServerTest {
 protected:
  std::filesystem::path config(const std::string& text) {
    std::filesystem::path path = directory_.path() / "encryption.yaml";
    EXPECT_TRUE(writeFileAtomic(path, text, 0600));
    return path;
  }
  std::string problemOf(const std::string& text) {
    const auto made = rowCipher(config(text));
    return made ? "none" : made.error().message;
  }
  /// Everything that SQLite has on the disk.
  std::string onDisk() const {
    std::string all;
    for (const char* name : {"state.db", "state.db-wal"}) {
      std::ifstream file(directory_.path() / "data" / name, std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  }
  /// Why a store with these keys does not open the server's database; "" when it does.
  std::string openingProblem(const std::filesystem::path& keys) {
    async::Loop loop;
    StoreOptions options;
    options.cipher = rowCipher(keys).value();
    const auto store = Store::open(loop.executor(), directory_.path() / "data" / "state.db", clock_, options);
    return store ? "" : store.error().message;
  }

  SystemClock clock_;
};

json::value sealedSecret() {
  return {{"metadata", {{"name", "token"}}}, {"data", {{"k", kSealedMark}}}};
}

Task<void> makeSecret(testing::ApiClient* client) {
  const auto made = co_await client->ask("POST", kSecrets, sealedSecret());
  EXPECT_EQ(made.code, 201) << made.text;
}

TEST_F(Encryption, NoSecretIsReadableInDatabaseLogOrBackup) {
  options_.encryption = config(configText(keyLine("aesgcm", "k1", kKey1)));
  with([this](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await makeSecret(&client);
    const json::value plain{{"metadata", {{"name", "m"}}}, {"data", {{"k", "open-mark"}}}};
    co_await client.ask("POST", "/api/v1/namespaces/default/configmaps", plain);
    EXPECT_THAT(onDisk(),
                AllOf(HasSubstr("k8s:enc:aesgcm:v1:k1:"), HasSubstr("open-mark"), Not(HasSubstr(kSealedMark))));
  });
  EXPECT_THAT(onDisk(), Not(HasSubstr(kSealedMark)));
  const std::filesystem::path copy = directory_.path() / "copy.db";
  ASSERT_TRUE(backupAtRest(directory_.path() / "data", copy));
  EXPECT_THAT(readFile(copy).value(), AllOf(HasSubstr("open-mark"), Not(HasSubstr(kSealedMark))));
  ASSERT_TRUE(restoreBackup(directory_.path() / "data", copy));
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto read = co_await client.ask("GET", std::string(kSecrets) + "/token");
    EXPECT_EQ(json::text(read.body, {"data", "k"}), kSealedMark) << read.text;
  });
}

TEST_F(Encryption, AStartWithTheWrongKeysNamesTheObjectAndTheKey) {
  options_.encryption = config(configText(keyLine("aesgcm", "k1", kKey1)));
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> { co_await makeSecret(&client); });
  EXPECT_THAT(openingProblem({}), AllOf(HasSubstr("secrets default/token is encrypted by aesgcm with the key \"k1\""),
                                        HasSubstr("start with --encryption-provider-config")));
  EXPECT_THAT(openingProblem(config(configText(keyLine("aesgcm", "k2", kKey2)))),
              AllOf(HasSubstr("secrets default/token"), HasSubstr("does not have among the providers of secrets")));
  EXPECT_THAT(openingProblem(config(configText(keyLine("aesgcm", "k1", kKey2)))),
              AllOf(HasSubstr("secrets default/token"), HasSubstr("another key of that name")));
  EXPECT_THAT(openingProblem(config(configText(keyLine("aesgcm", "k1", kKey1), "'*.*'"))),
              AllOf(HasSubstr("is not encrypted"), HasSubstr("add `identity: {}`")));
  EXPECT_EQ(openingProblem(config(configText(keyLine("aesgcm", "k1", kKey1)))), "");
}

TEST_F(Encryption, TheFirstKeyWritesAndAllRead) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> { co_await makeSecret(&client); });
  EXPECT_THAT(onDisk(), HasSubstr(kSealedMark));
  const auto writeAgain = [](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const std::string path = std::string(kSecrets) + "/token";
    const auto read = co_await client.ask("GET", path);
    EXPECT_EQ(json::text(read.body, {"data", "k"}), kSealedMark) << read.text;
    const auto written = co_await client.ask("PUT", path, read.body);
    EXPECT_EQ(written.code, 200) << written.text;
  };
  options_.encryption = config(configText(keyLine("aescbc", "old", kKey1) + "      - identity: {}\n"));
  with(writeAgain);
  EXPECT_THAT(onDisk(), HasSubstr("k8s:enc:aescbc:v1:old:"));
  options_.encryption =
      config(configText(keyLine("aesgcm", "new", kKey2) + keyLine("aescbc", "old", kKey1) + "      - identity: {}\n"));
  with(writeAgain);
  EXPECT_THAT(onDisk(), HasSubstr("k8s:enc:aesgcm:v1:new:"));
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto before = co_await client.ask("GET", std::string(kSecrets) + "/token");
    const auto written = co_await client.ask("PUT", std::string(kSecrets) + "/token", before.body);
    EXPECT_EQ(json::text(written.body, {"metadata", "resourceVersion"}),
              json::text(before.body, {"metadata", "resourceVersion"}));
  });
}

TEST_F(Encryption, WhatTheConfigurationGetsWrongIsNamedByFieldAndNeverShown) {
  EXPECT_THAT(problemOf("kind: Pod\n"), HasSubstr("apiserver.config.k8s.io/v1 and EncryptionConfiguration"));
  EXPECT_THAT(problemOf(configText(keyLine("aesgcm", "k1", "c2hvcnQ="))),
              AllOf(HasSubstr("resources[0].providers[0].aesgcm.keys[0].secret: "), HasSubstr("got 5, expected one of"),
                    Not(HasSubstr("c2hvcnQ"))));
  EXPECT_THAT(problemOf(configText(keyLine("aesgcm", "k1", "'!!'"))), HasSubstr("must be base64"));
  EXPECT_THAT(problemOf(configText(keyLine("secretbox", "k1", kKey1))), HasSubstr("providers[0].secretbox: Forbidden"));
  EXPECT_THAT(problemOf(configText("      - kms: {name: x}\n")), HasSubstr("use aesgcm"));
  EXPECT_THAT(problemOf(configText("      - {identity: {}, aesgcm: {keys: []}}\n")), HasSubstr("exactly one provider"));
  EXPECT_THAT(problemOf(configText(keyLine("aesgcm", "k1", kKey1) + keyLine("aesgcm", "k1", kKey2))),
              HasSubstr("Duplicate"));
  EXPECT_THAT(problemOf(configText("      - idenity: {}\n")), HasSubstr("idenity: unknown field"));
  EXPECT_EQ(problemOf(configText("      - identity: {}\n")), "none");
}

}  // namespace
}  // namespace slipway::apiserver
