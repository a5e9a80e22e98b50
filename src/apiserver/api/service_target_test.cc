#include "apiserver/api/service_target.h"

#include <gmock/gmock.h>

#include "apiserver/api/strategy.h"
#include "async/loop.h"
#include "base/files.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;

Task<void> put(Store* store, std::string table, std::string key, std::string bytes) {
  const Result<StoredPtr> written = co_await store->put(table, key, nullptr, [bytes](int64_t) { return bytes; });
  EXPECT_TRUE(written);
}

Task<void> script(std::filesystem::path directory) {
  SystemClock clock;
  SystemRandom random;
  Kinds kinds;
  Strategies strategies;
  Result<std::unique_ptr<Store>> store = Store::open(co_await async::thisExecutor(), directory / "state.db", clock);
  EXPECT_TRUE(store);
  if (!store) co_return;
  Registry registry({**store, kinds, strategies, nullptr, clock, random});
  const json::object service = json::parse(R"({"metadata": {"name": "web", "namespace": "d"},
    "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}})")
                                   .as_object();
  const Answer<ServiceTarget> none = findServiceTarget(registry, service, "http");
  EXPECT_FALSE(none);
  if (!none) EXPECT_THAT(none.error().message, HasSubstr("no endpoints available for service \"web\""));
  co_await put(store->get(), "core/endpoints", "d/web",
               R"({"subsets": [{"addresses": [{"ip": "10.0.0.9"}], "ports": [{"name": "http", "port": 9}]}]})");
  const Answer<ServiceTarget> old_way = findServiceTarget(registry, service, "80");
  EXPECT_TRUE(old_way && old_way->address == "10.0.0.9" && old_way->port == 9);
  co_await put(store->get(), "discovery.k8s.io/endpointslices", "d/web-1",
               R"({"metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "ports": [{"name": "http",
      "port": 8080}], "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": false}},
      {"addresses": ["10.0.0.2"], "conditions": {"ready": true}}]})");
  for (const char* port : {"", "http", "80"}) {
    const Answer<ServiceTarget> ready = findServiceTarget(registry, service, port);
    EXPECT_TRUE(ready && ready->address == "10.0.0.2" && ready->port == 8080) << port;
  }
}

TEST(FindServiceTarget, TakesAReadyEndpointByThePortsNameOrNumber) {
  TemporaryDirectory directory;
  async::runToEnd(script(directory.path()));
}

}  // namespace
}  // namespace slipway::apiserver
