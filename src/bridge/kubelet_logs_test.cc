#include "async/deadline.h"
#include "bridge/kubelet_backend.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using site::v1::PodReport;
using testing::Harness;
using namespace std::chrono_literals;

Task<std::string> readUntil(kubelet::LogStream& stream, std::string wanted) {
  std::string out;
  while (out.find(wanted) == std::string::npos) {
    Task<Result<std::optional<std::string>>> next = stream.next();
    const auto piece = co_await async::withDeadline(std::move(next), 5s, "log");
    if (!piece) ADD_FAILURE() << piece.error().message;
    if (!piece || !*piece) co_return out;
    out += **piece;
  }
  co_return out;
}

Task<void> followsOverBreaks(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  const std::string uid(kube::uid(*h.pod("p")));
  PodReport report = h.site.reportOf(uid, PodReport::RUNNING);
  site::v1::ContainerReport* container = report.add_containers();
  container->set_name("c");
  container->mutable_running()->set_started_at_ns(1);
  h.site.report(report);
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  KubeletBackend backend(*h.bridge, h.clock);
  kubelet::LogOptions options;
  options.follow = true;
  h.site.appendLog("one\ntwo\n");
  kubelet::ContainerRef ref;
  ref.ns = "default";
  ref.pod = "p";
  ref.uid = uid;
  ref.container = "c";
  auto stream = co_await backend.logs(ref, options);
  if (!stream) co_return ADD_FAILURE() << stream.error().message;
  std::string all = co_await readUntil(**stream, "two\n");
  h.site.breakTunnels();
  h.site.appendLog("three\n");
  co_await h.reconnect();
  all += co_await readUntil(**stream, "three\n");
  EXPECT_EQ(all, "one\ntwo\nthree\n");
}
TEST(KubeletLogs, FollowerOutlivesTheAgentsTunnel) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(followsOverBreaks);
}

}  // namespace
}  // namespace slipway::bridge
