// Load on an API server, any one: apiserver_bench KUBECONFIG WHAT [NUMBER...]. Prints "<name> <value> <unit>" lines.
//   create CLIENTS COUNT   pods, each acknowledged          get CLIENTS COUNT     of pods made before
//   patch CLIENTS COUNT    the status of pods made before   list TIMES            of all pods
//   watch WATCHERS EVENTS  from the write to the last one   watched WATCHERS COUNT pods made under watches of tables
#include <algorithm>
#include <cstdlib>

#include "async/event.h"
#include "async/loop.h"
#include "async/task_group.h"
#include "base/strings.h"
#include "http/client.h"
#include "json/json.h"
#include "kube/kubeconfig.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kPods = "/api/v1/namespaces/default/pods";
constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

void print(std::string_view name, double value, std::string_view unit) {
  fmt::print("{} {:.3f} {}\n", name, value, unit);
}

[[noreturn]] void giveUp(const std::string& why) {
  fmt::print(stderr, "apiserver_bench: {}\n", why);
  std::exit(1);
}

/// A pod as a Deployment makes it, as text up to its name and after it: the client's work must not be what is measured.
std::pair<std::string, std::string> podText() {
  json::value pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"name", "@"}, {"labels", {{"app", "bench"}, {"pod-template-hash", "5d8f7c9b6d"}, {"tier", "backend"}}}}},
      {"spec",
       {{"nodeName", "n1"},
        {"automountServiceAccountToken", false},
        {"tolerations", {{{"key", "slurm.slipway.dev/node"}, {"operator", "Exists"}, {"effect", "NoSchedule"}}}},
        {"volumes", {{{"name", "scratch"}, {"emptyDir", json::object()}}}},
        {"containers",
         {{{"name", "main"},
           {"image", "registry.example.org/team/service:1.2.3"},
           {"command", {"/bin/service", "--listen=:8080", "--verbose"}},
           {"env", {{{"name", "MODE"}, {"value", "production"}}, {{"name", "REGION"}, {"value", "north"}}}},
           {"ports", {{{"containerPort", 8080}, {"name", "http"}}}},
           {"resources",
            {{"requests", {{"cpu", "100m"}, {"memory", "128Mi"}}}, {"limits", {{"cpu", "1"}, {"memory", "256Mi"}}}}},
           {"volumeMounts", {{{"name", "scratch"}, {"mountPath", "/scratch"}}}}}}}}}};
  const std::string text = json::serialize(pod);
  const size_t name = text.find('@');
  return {text.substr(0, name), text.substr(name + 1)};
}

std::string podBody(const std::string& name) {
  static const auto text = podText();
  return text.first + name + text.second;
}

http::Request ask(std::string method, std::string target, std::string body = {}) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = std::move(body);
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  return request;
}

/// The server under load, as one client with its pool of connections.
class Target {
 public:
  Target(Executor executor, const kube::ClusterAccess& access) {
    const size_t scheme = access.server.find("://");
    const auto where = net::parseHostPort(std::string_view(access.server).substr(scheme + 3), 443);
    if (!where) giveUp(where.error().message);
    net::TlsOptions tls;
    tls.ca = access.ca;
    tls.certificate = access.certificate;
    tls.key = access.key;
    auto context = net::TlsContext::client(tls);
    if (!context) giveUp(context.error().message);
    auto dialer = net::tlsDialer(net::tcpDialer(*where), std::move(*context), where->host);
    client_ = std::make_unique<http::Client>(std::move(executor), std::move(dialer),
                                             http::ClientOptions{.max_idle_connections = 1000});
  }

  Task<std::string> must(http::Request request, int status) {
    const std::string what = request.method + " " + request.target;
    Result<http::Response> answer = co_await client_->send(std::move(request), std::chrono::seconds(120));
    if (!answer) giveUp(answer.error().message);
    if (answer->status != status) giveUp(fmt::format("{}: {} {}", what, answer->status, answer->body.substr(0, 500)));
    co_return std::move(answer->body);
  }

  Task<std::unique_ptr<http::ResponseStream>> mustOpen(http::Request request) {
    auto stream = co_await client_->open(std::move(request), std::chrono::seconds(120));
    if (!stream) giveUp(stream.error().message);
    if ((*stream)->head().status != 200) giveUp(fmt::format("watch: {}", (*stream)->head().status));
    co_return std::move(*stream);
  }

 private:
  std::unique_ptr<http::Client> client_;
};

/// Numbers that several clients share.
struct Counter {
  int next = 0;
  int end = 0;
  std::string prefix;
  std::string name() const { return fmt::format("{}-{}", prefix, next); }
};

Task<void> createPods(Target* target, Counter* counter) {
  while (counter->next < counter->end) {
    const std::string name = counter->name();
    ++counter->next;
    http::Request request = ask("POST", kPods, podBody(name));
    co_await target->must(std::move(request), 201);
  }
}

Task<void> getPods(Target* target, Counter* counter, std::vector<std::string> names) {
  while (counter->next < counter->end) {
    const std::string name = names[static_cast<size_t>(counter->next++) % names.size()];
    http::Request request = ask("GET", std::string(kPods) + "/" + name);
    co_await target->must(std::move(request), 200);
  }
}

/// As a kubelet reports a pod's start; each round says something new.
std::string statusPatch(int round) {
  const json::value patch = {
      {"status",
       {{"phase", "Running"},
        {"hostIP", "10.0.0.1"},
        {"podIP", fmt::format("10.1.{}.{}", round / 250 % 250, round % 250)},
        {"startTime", "2026-01-01T00:00:00Z"},
        {"conditions",
         {{{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "2026-01-01T00:00:00Z"}},
          {{"type", "ContainersReady"}, {"status", "True"}, {"lastTransitionTime", "2026-01-01T00:00:00Z"}}}},
        {"containerStatuses",
         {{{"name", "main"},
           {"ready", true},
           {"restartCount", round % 1000},
           {"image", "registry.example.org/team/service:1.2.3"},
           {"imageID", ""},
           {"state", {{"running", {{"startedAt", "2026-01-01T00:00:00Z"}}}}}}}}}}};
  return json::serialize(patch);
}

Task<void> patchPods(Target* target, Counter* counter, std::vector<std::string> names) {
  while (counter->next < counter->end) {
    const int round = counter->next++;
    const std::string& name = names[static_cast<size_t>(round) % names.size()];
    http::Request request = ask("PATCH", fmt::format("{}/{}/status", kPods, name), statusPatch(round));
    request.headers.set("Content-Type", "application/strategic-merge-patch+json");
    co_await target->must(std::move(request), 200);
  }
}

Task<void> create(Target& target, int clients, int count) {
  Counter counter{0, count, fmt::format("bench-{:x}", Clock::now().time_since_epoch().count() & 0xFFFFFFF)};
  async::TaskGroup group(co_await async::thisExecutor());
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < clients; ++i) group.spawn("client", createPods(&target, &counter));
  co_await group.join();
  print("creates", count / secondsSince(begin), "/s");
}

Task<std::vector<std::string>> someNames(Target& target) {
  http::Request some = ask("GET", std::string(kPods) + "?limit=500");
  const std::string page = co_await target.must(std::move(some), 200);
  std::vector<std::string> names;
  const json::value list = json::parse(page);
  for (const json::value& item : list.at("items").as_array()) {
    names.emplace_back(item.at("metadata").at("name").as_string());
  }
  if (names.empty()) giveUp("there are no pods");
  co_return names;
}

Task<void> patch(Target& target, int clients, int count) {
  const std::vector<std::string> names = co_await someNames(target);
  Counter counter{0, count, ""};
  async::TaskGroup group(co_await async::thisExecutor());
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < clients; ++i) group.spawn("client", patchPods(&target, &counter, names));
  co_await group.join();
  print("patches", count / secondsSince(begin), "/s");
}

Task<void> get(Target& target, int clients, int count) {
  const std::vector<std::string> names = co_await someNames(target);
  Counter counter{0, count, ""};
  async::TaskGroup group(co_await async::thisExecutor());
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < clients; ++i) group.spawn("client", getPods(&target, &counter, names));
  co_await group.join();
  print("gets", count / secondsSince(begin), "/s");
}

Task<void> list(Target& target, int times) {
  std::vector<double> took;
  size_t bytes = 0;
  for (int i = 0; i < times; ++i) {
    const Clock::time_point begin = Clock::now();
    http::Request request = ask("GET", "/api/v1/pods");
    const std::string body = co_await target.must(std::move(request), 200);
    took.push_back(secondsSince(begin) * 1000);
    bytes = body.size();
  }
  print("list", median(took), "ms");
  print("list_size", static_cast<double>(bytes) / 1e6, "MB");
}

struct Watchers {
  int ready = 0;
  int64_t lines = 0;
  int64_t wanted = INT64_MAX;
  async::Event reached;
};

/// Opens a watch and counts its lines until it ends.
Task<void> countEvents(Target* target, Watchers* all, http::Request request) {
  const std::unique_ptr<http::ResponseStream> stream = co_await target->mustOpen(std::move(request));
  ++all->ready;
  std::vector<char> buffer(16 * 1024);
  while (true) {
    const Result<size_t> got = co_await stream->readSome(buffer);
    if (!got || *got == 0) co_return;
    all->lines += std::count(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got), '\n');
    if (all->lines >= all->wanted) all->reached.set();
  }
}

Task<void> watch(Target& target, int watchers, int events) {
  http::Request request = ask("GET", std::string(kMaps) + "?limit=1");
  const json::value now = json::parse(co_await target.must(std::move(request), 200));
  const std::string version(now.at("metadata").at("resourceVersion").as_string());
  Watchers all;
  async::TaskGroup group(co_await async::thisExecutor());
  for (int i = 0; i < watchers; ++i) {
    http::Request opening = ask("GET", fmt::format("{}?watch=1&resourceVersion={}", kMaps, version));
    group.spawn("watcher", countEvents(&target, &all, std::move(opening)));
    // As many handshakes at once as a server likes.
    while (i - all.ready > 20) co_await async::sleepFor(std::chrono::milliseconds(1));
  }
  while (all.ready < watchers) co_await async::sleepFor(std::chrono::milliseconds(5));
  std::vector<double> took;
  for (int i = 0; i < events; ++i) {
    all.reached.reset();
    all.wanted = all.lines + watchers;
    const json::value body = {{"metadata", {{"generateName", "bench-"}}}, {"data", {{"k", std::string(1000, 'x')}}}};
    http::Request write = ask("POST", kMaps, json::serialize(body));
    const Clock::time_point begin = Clock::now();
    co_await target.must(std::move(write), 201);
    co_await all.reached.wait();
    took.push_back(secondsSince(begin) * 1000);
    co_await async::sleepFor(std::chrono::milliseconds(20));
  }
  print("event_to_all", median(took), "ms");
  print("event_to_all_worst", *std::max_element(took.begin(), took.end()), "ms");
  co_await group.stop();
}

/// As consoles do it: all pods of the cluster as a Table, from now on.
http::Request podTable(const std::string& version) {
  http::Request request = ask("GET", fmt::format("/api/v1/pods?watch=1&resourceVersion={}", version));
  request.headers.set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
  return request;
}

/// How many events a second all the watchers together get while pods are made one after another.
Task<void> watched(Target& target, int watchers, int count) {
  http::Request request = ask("GET", std::string(kPods) + "?limit=1");
  const json::value now = json::parse(co_await target.must(std::move(request), 200));
  const std::string version(now.at("metadata").at("resourceVersion").as_string());
  Watchers all;
  all.wanted = static_cast<int64_t>(watchers) * count;
  async::TaskGroup group(co_await async::thisExecutor());
  for (int i = 0; i < watchers; ++i) {
    group.spawn("watcher", countEvents(&target, &all, podTable(version)));
    while (i - all.ready > 20) co_await async::sleepFor(std::chrono::milliseconds(1));
  }
  while (all.ready < watchers) co_await async::sleepFor(std::chrono::milliseconds(5));
  Counter counter{0, count, fmt::format("watched-{:x}", Clock::now().time_since_epoch().count() & 0xFFFFFFF)};
  const Clock::time_point begin = Clock::now();
  co_await createPods(&target, &counter);
  print("watched_creates", count / secondsSince(begin), "/s");
  co_await all.reached.wait();
  print("watched_events", static_cast<double>(all.lines) / secondsSince(begin), "/s");
  co_await group.stop();
}

Task<void> run(std::string kubeconfig, std::string what, std::vector<int> numbers) {
  const auto access = kube::loadKubeconfig(kubeconfig);
  if (!access) giveUp(access.error().message);
  Target target(co_await async::thisExecutor(), *access);
  numbers.resize(2, 1);
  if (what == "create") {
    co_await create(target, numbers[0], numbers[1]);
  } else if (what == "get") {
    co_await get(target, numbers[0], numbers[1]);
  } else if (what == "patch") {
    co_await patch(target, numbers[0], numbers[1]);
  } else if (what == "list") {
    co_await list(target, numbers[0]);
  } else if (what == "watched") {
    co_await watched(target, numbers[0], numbers[1]);
  } else if (what == "watch") {
    co_await watch(target, numbers[0], numbers[1]);
  } else {
    giveUp("what is " + what + "?");
  }
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  using namespace slipway;
  if (argc < 4) {
    fmt::print(stderr, "usage: apiserver_bench KUBECONFIG create|get|patch|list|watch|watched NUMBER [NUMBER]\n");
    return 2;
  }
  std::vector<int> numbers;
  for (int i = 3; i < argc; ++i) numbers.push_back(static_cast<int>(parseInt(argv[i]).value_or(1)));
  async::Loop loop;
  loop.run(run(argv[1], argv[2], numbers));
  return 0;
}
