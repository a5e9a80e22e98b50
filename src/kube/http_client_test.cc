#include "kube/http_client.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "async/task_group.h"
#include "http/server.h"
#include "kube/stop_after.h"
#include "kube/watch_stream.h"
#include "net/tcp.h"

namespace slipway::kube {
namespace {

using namespace std::chrono_literals;

/// A server that answers from a list of (method and target → status and body) and keeps what it was asked.
struct Api {
  std::map<std::string, http::Response> answers;
  std::vector<http::Request> asked;
  std::string watch_body;

  Task<void> handle(http::Exchange& exchange) {
    const http::Request request = exchange.request();
    asked.push_back(request);
    if (request.target.find("watch=true") != std::string::npos && !watch_body.empty()) {
      (void)co_await exchange.stream({200, {}, ""});
      for (const char byte : watch_body) (void)co_await exchange.write(std::string_view(&byte, 1));
      (void)co_await exchange.finish();
      co_return;
    }
    const auto found = answers.find(request.method + " " + request.target);
    http::Response answer = found == answers.end()
                                ? http::Response{404, {}, R"({"kind":"Status","reason":"NotFound","message":"none"})"}
                                : found->second;
    (void)co_await exchange.respond(std::move(answer));
  }
};

Task<void> withApi(Api& api, std::function<Task<void>(Client&, Api&)> script) {
  const Executor executor = co_await async::thisExecutor();
  auto listener = net::listenTcp(executor, "127.0.0.1", 0);
  EXPECT_TRUE(listener.has_value());
  ClusterAccess access;
  access.server = fmt::format("http://127.0.0.1:{}", (*listener)->port());
  access.token = "secret";
  const SystemClock clock;
  auto client = HttpClient::make(executor, access, {}, clock);
  EXPECT_TRUE(client.has_value());
  http::Server server(executor, {}, [&api](http::Exchange& exchange) { return api.handle(exchange); });
  async::TaskGroup group(executor);
  group.spawn("server", server.serve(std::move(*listener), nullptr));
  Task<void> task = script(**client, api);
  co_await std::move(task);
  co_await server.stop(10ms);
  co_await group.stop();
}

void with(Api api, Task<void> (*script)(Client&, Api&)) {
  async::runToEnd(withApi(api, script));
}

Task<void> readsPages(Client& client, Api& api) {
  ListOptions options;
  options.limit = 2;
  options.label_selector = "a in (b,c)";
  const Result<List> list = co_await client.list(kPods, "ns", options);
  EXPECT_TRUE(list.has_value());
  if (!list) co_return;
  EXPECT_EQ(list->items.size(), 3U);
  EXPECT_EQ(list->resource_version, "9");
  EXPECT_EQ(text(list->items[2], {"kind"}), "Pod");
  EXPECT_FALSE(child(list->items[0], {"metadata"}).contains("creationTimestamp")) << "null is missing";
  EXPECT_EQ(api.asked[0].headers.get("Authorization"), "Bearer secret");
}
TEST(HttpClient, ReadsAllPages) {
  const std::string path = "GET /api/v1/namespaces/ns/pods?labelSelector=a%20in%20%28b%2Cc%29&limit=2";
  with({{{path, {200, {}, R"({"metadata":{"resourceVersion":"9","continue":"t/1"},"items":[
             {"metadata":{"name":"a","creationTimestamp":null}},{"metadata":{"name":"b"}}]})"}},
         {path + "&continue=t%2F1",
          {200, {}, R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"c"}}]})"}}}},
       readsPages);
}

Task<void> tellsErrors(Client& client, Api&) {
  const Result<Object> taken = co_await client.create(kPods, "ns", Object{{"metadata", {{"name", "p"}}}});
  EXPECT_TRUE(!taken && taken.error().is(Code::AlreadyExists));
  const Result<Object> stale = co_await client.update(kNodes, Object{{"metadata", {{"name", "n"}}}});
  EXPECT_TRUE(!stale && stale.error().is(Code::Conflict));
  EXPECT_NE(stale.error().message.find("update nodes n"), std::string::npos);
  const Result<Object> none = co_await client.get(kNodes, "", "x", "");
  EXPECT_TRUE(!none && none.error().is(Code::NotFound));
}
TEST(HttpClient, ErrorsAreWhatTheServerMeans) {
  with({{{"POST /api/v1/namespaces/ns/pods?fieldManager=slipway",
          {409, {}, R"({"kind":"Status","reason":"AlreadyExists","message":"m"})"}},
         {"PUT /api/v1/nodes/n?fieldManager=slipway",
          {409, {}, R"({"kind":"Status","reason":"Conflict","message":"m"})"}}}},
       tellsErrors);
}

Task<void> sendsPatches(Client& client, Api& api) {
  const Result<Object> patched = co_await client.patch(kLeases, "kube-node-lease", "n1", PatchType::Merge,
                                                       json::value{{"spec", {{"x", 1}}}}, "", false);
  EXPECT_TRUE(patched.has_value());
  EXPECT_EQ(api.asked[0].headers.get("Content-Type"), "application/merge-patch+json");
  EXPECT_EQ(api.asked[0].body, R"({"spec":{"x":1}})");
  DeleteOptions options;
  options.grace_seconds = 0;
  options.uid = "u";
  const Result<Object> removed = co_await client.remove(kPods, "ns", "p", options);
  EXPECT_FALSE(removed.has_value());
  EXPECT_EQ(api.asked[1].body,
            R"({"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"preconditions":{"uid":"u"}})");
}
TEST(HttpClient, SendsPatchesAndPreconditions) {
  with({{{"PATCH /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1?fieldManager=slipway",
          {200, {}, "{}"}}}},
       sendsPatches);
}

Task<void> watches(Client& client, Api&) {
  WatchOptions options;
  options.resource_version = "5";
  Result<std::unique_ptr<Watch>> watch = co_await client.watch(kPods, "", options);
  EXPECT_TRUE(watch.has_value());
  if (!watch) co_return;
  Result<std::optional<WatchEvent>> first = co_await (*watch)->next();
  EXPECT_TRUE(first && *first && (*first)->type == WatchEvent::Type::Added);
  Result<std::optional<WatchEvent>> second = co_await (*watch)->next();
  EXPECT_TRUE(second && *second && (*second)->type == WatchEvent::Type::Bookmark);
  Result<std::optional<WatchEvent>> third = co_await (*watch)->next();
  EXPECT_TRUE(!third && third.error().is(Code::Expired));
}
TEST(HttpClient, WatchGivesEventsAndExpired) {
  Api api;
  api.watch_body = R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"6"}}}
{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}}
{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}
)";
  with(std::move(api), watches);
}

TEST(WatchDecoder, AnyPiecesGiveTheSameEvents) {
  const std::string wire =
      "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"ä\"}}}\r\n\n{\"type\":\"DELETED\",\"object\":{}}\n";
  for (size_t cut = 0; cut <= wire.size(); ++cut) {
    WatchDecoder decoder;
    int events = 0;
    for (const std::string_view piece : {std::string_view(wire).substr(0, cut), std::string_view(wire).substr(cut)}) {
      decoder.feed(piece);
      while (true) {
        const Result<std::optional<WatchEvent>> event = decoder.next();
        ASSERT_TRUE(event.has_value());
        if (!*event) break;
        ++events;
      }
    }
    EXPECT_EQ(events, 2) << cut;
  }
}

TEST(WatchDecoder, NonsenseIsAnError) {
  for (const char* bad :
       {"x\n", "{}\n", "[1]\n", "{\"type\":\"ODD\",\"object\":{}}\n", "{\"type\":\"ADDED\",\"object\":1}\n"}) {
    WatchDecoder decoder;
    decoder.feed(bad);
    EXPECT_FALSE(decoder.next().has_value()) << bad;
  }
}

}  // namespace
}  // namespace slipway::kube
