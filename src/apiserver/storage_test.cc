#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "apiserver/api_server.h"
#include "apiserver/backup.h"
#include "apiserver/store/testing/power_loss_disk.h"
#include "apiserver/testing/api_client.h"
#include "async/loop.h"
#include "base/files.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;
using Body = std::function<Task<void>(ApiServer&, testing::ApiClient&)>;

constexpr const char* kConfigMaps = "/api/v1/namespaces/default/configmaps";

json::value largeMap(const std::string& name, size_t size) {
  return {{"metadata", {{"name", name}}}, {"data", {{"k", std::string(size, 'x')}}}};
}

Task<void> whileServing(ApiServer& server, const Body& body) {
  const Status started = co_await server.start();
  EXPECT_TRUE(started) << started.error().message;
  if (!started) co_return;
  {
    testing::ApiClient client(co_await async::thisExecutor(), server.kubeconfig());
    co_await body(server, client);
  }
  co_await server.stop();
}

class StorageTest : public ::testing::Test {
 protected:
  void with(const std::filesystem::path& data, const Body& body) {
    async::Loop loop;
    ApiServerOptions options;
    options.data_dir = data;
    options.port = 0;
    ApiServer server(loop.executor(), options);
    loop.run(whileServing(server, body), false);
  }
  std::filesystem::path data() const { return directory_.path() / "data"; }

  TemporaryDirectory directory_;
};

TEST_F(StorageTest, FullDiskIsA507AndReadsGoOn) {
  testing::PowerLossDisk disk;
  const testing::DiskUnderSqlite under_sqlite(disk);
  with(data(), [&](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto first = co_await client.ask("POST", kConfigMaps, largeMap("first", 10));
    EXPECT_EQ(first.code, 201) << first.text;
    disk.setRoom(0);
    const auto refused = co_await client.ask("POST", kConfigMaps, largeMap("second", 100000));
    EXPECT_EQ(refused.code, 507);
    EXPECT_EQ(json::text(refused.body, {"kind"}), "Status");
    EXPECT_EQ(json::text(refused.body, {"reason"}), "InsufficientStorage");
    EXPECT_THAT(refused.text, HasSubstr("no space left"));
    EXPECT_THAT(refused.text, HasSubstr("state.db"));
    const auto read = co_await client.ask("GET", std::string(kConfigMaps) + "/first");
    EXPECT_EQ(read.code, 200);
    disk.setRoom(SIZE_MAX);
    const auto healed = co_await client.ask("POST", kConfigMaps, largeMap("second", 100000));
    EXPECT_EQ(healed.code, 201) << healed.text;
  });
}

TEST_F(StorageTest, BackupOfARunningServerIsRestoredWithHigherRevisions) {
  const std::filesystem::path copy = directory_.path() / "copy.db";
  int64_t last_seen = 0;
  with(data(), [&](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    co_await client.ask("POST", kConfigMaps, largeMap("kept", 10));
    const auto backup = co_await client.ask("GET", kBackupPath);
    EXPECT_EQ(backup.code, 200);
    std::ofstream(copy, std::ios::binary) << backup.text;
    const auto later = co_await client.ask("POST", kConfigMaps, largeMap("later", 10));
    last_seen = parseInt(json::text(later.body, {"metadata", "resourceVersion"})).value();
    testing::ApiClient nobody = testing::ApiClient::anonymous(co_await async::thisExecutor(), server.port());
    const auto refused = co_await nobody.ask("GET", kBackupPath);
    EXPECT_EQ(refused.code, 401);
    const Status too_early = restoreBackup(data(), copy);
    EXPECT_FALSE(too_early);
    EXPECT_THAT(too_early.error().message, HasSubstr("stop the API server first"));
  });
  const Status restored = restoreBackup(data(), copy);
  ASSERT_TRUE(restored) << restored.error().message;
  with(data(), [&](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto kept = co_await client.ask("GET", std::string(kConfigMaps) + "/kept");
    EXPECT_EQ(kept.code, 200);
    const auto later = co_await client.ask("GET", std::string(kConfigMaps) + "/later");
    EXPECT_EQ(later.code, 404);
    const auto next = co_await client.ask("POST", kConfigMaps, largeMap("next", 10));
    EXPECT_GT(parseInt(json::text(next.body, {"metadata", "resourceVersion"})).value(), last_seen);
    const auto watch = co_await client.ask(
        "GET", fmt::format("{}?watch=1&timeoutSeconds=1&resourceVersion={}", kConfigMaps, last_seen));
    EXPECT_THAT(watch.text, HasSubstr("too old resource version"));
    const auto future = co_await client.ask(
        "GET", fmt::format("{}?watch=1&timeoutSeconds=1&resourceVersion={}", kConfigMaps, last_seen + 3'000'000'000));
    EXPECT_THAT(future.text, HasSubstr("\"code\":410")) << "data that were put back by copying files";
  });
  EXPECT_TRUE(std::filesystem::exists(data() / "state.db.before-restore"));
}

TEST_F(StorageTest, WhoIsSlowerThanTheHistoryIsToldToStartAgain) {
  with(data(), [](ApiServer&, testing::ApiClient& client) -> Task<void> {
    for (const std::string name : {"a", "b", "c"}) co_await client.ask("POST", kConfigMaps, largeMap(name, 10));
    const auto page = co_await client.ask("GET", std::string(kConfigMaps) + "?limit=2");
    const std::string token(json::text(page.body, {"metadata", "continue"}));
    const std::string version(json::text(page.body, {"metadata", "resourceVersion"}));
    const std::string next = fmt::format("{}?limit=2&continue={}", kConfigMaps, token);
    const std::string watch = fmt::format("{}?watch=1&timeoutSeconds=1&resourceVersion={}", kConfigMaps, version);
    const auto in_time = co_await client.ask("GET", next);
    EXPECT_EQ(in_time.code, 200);
    // More than is kept of the past.
    for (int i = 0; i < 40; ++i) {
      const auto changed = co_await client.ask("PUT", std::string(kConfigMaps) + "/a", largeMap("a", 1000000 + i));
      EXPECT_EQ(changed.code, 200) << changed.text.substr(0, 300);
    }
    const auto expired = co_await client.ask("GET", next);
    EXPECT_EQ(expired.code, 410);
    EXPECT_EQ(json::text(expired.body, {"reason"}), "Expired");
    const std::string going_on(json::text(expired.body, {"metadata", "continue"}));
    const auto rest = co_await client.ask("GET", fmt::format("{}?limit=2&continue={}", kConfigMaps, going_on));
    EXPECT_EQ(rest.code, 200);
    EXPECT_THAT(rest.text, HasSubstr("\"name\":\"c\""));
    const auto too_old = co_await client.ask("GET", watch);
    EXPECT_THAT(too_old.text, HasSubstr("\"code\":410"));
    const auto exact = co_await client.ask(
        "GET", fmt::format("{}?resourceVersion={}&resourceVersionMatch=Exact", kConfigMaps, version));
    EXPECT_EQ(exact.code, 410);
  });
}

TEST_F(StorageTest, ABrokenBackupIsNotRestored) {
  with(data(), [](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.ask("POST", kConfigMaps, largeMap("kept", 10));
  });
  std::ofstream(directory_.path() / "broken.db") << "no database at all, but long enough to be looked at";
  const Status refused = restoreBackup(data(), directory_.path() / "broken.db");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("broken.db is no whole backup"));
  with(data(), [](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto kept = co_await client.ask("GET", std::string(kConfigMaps) + "/kept");
    EXPECT_EQ(kept.code, 200);
  });
}

}  // namespace
}  // namespace slipway::apiserver
