// What nodes and jobs look like in Kubernetes: no API, no site.
#include <gtest/gtest.h>

#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "bridge/inventory.h"
#include "bridge/job_object.h"
#include "bridge/names.h"
#include "bridge/node_object.h"
#include "bridge/objects.h"
#include "bridge/pod_patches.h"
#include "bridge/port_allocator.h"

namespace slipway::bridge {
namespace {

using kube::Object;

site::v1::Job job(std::string state, std::vector<std::string> nodes = {}) {
  site::v1::Job job;
  job.set_id(42);
  job.set_state(std::move(state));
  job.set_name("train");
  job.set_user("bob");
  job.set_partition("batch");
  job.set_cpus(8);
  job.set_memory_mib(4096);
  job.set_node_count(2);
  for (const std::string& node : nodes) {
    site::v1::JobNode* share = job.add_nodes();
    share->set_node(node);
    share->set_cpus(4);
    share->set_memory_mib(2048);
  }
  return job;
}

struct StateCase {
  const char* state;
  std::vector<const char*> flags;
  bool with_node;
  const char* phase;
  const char* reason;
  bool allocated;
  bool finished;
};

TEST(JobStates, EachHasAPhaseAndNothingEndsEarly) {
  const std::vector<StateCase> cases = {
      {"PENDING", {}, false, "Pending", "", false, false},
      {"PENDING", {"REQUEUED"}, false, "Pending", "", false, false},
      {"REQUEUED", {}, false, "Pending", "Requeued", false, false},
      {"REQUEUE_HOLD", {}, false, "Pending", "RequeueHold", false, false},
      {"REQUEUE_FED", {}, false, "Pending", "RequeueFederation", false, false},
      {"RESV_DEL_HOLD", {}, false, "Pending", "ReservationDeleted", false, false},
      {"SPECIAL_EXIT", {}, false, "Pending", "SpecialExit", false, false},
      {"CONFIGURING", {}, true, "Pending", "Configuring", true, false},
      {"POWER_UP_NODE", {}, true, "Pending", "PoweringUp", true, false},
      {"RUNNING", {}, true, "Running", "", true, false},
      {"RUNNING", {"CONFIGURING"}, true, "Pending", "Configuring", true, false},
      {"COMPLETING", {}, true, "Running", "Completing", true, false},
      {"FAILED", {"COMPLETING"}, true, "Running", "Completing", true, false},
      {"NODE_FAIL", {"REQUEUED"}, true, "Pending", "Requeued", false, false},
      {"RESIZING", {}, true, "Running", "Resizing", true, false},
      {"SIGNALING", {}, true, "Running", "Signaling", true, false},
      {"STAGE_OUT", {}, true, "Running", "StagingOut", true, false},
      {"STOPPED", {}, true, "Running", "Stopped", true, false},
      {"SUSPENDED", {}, true, "Running", "Suspended", true, false},
      {"COMPLETED", {}, true, "Succeeded", "Completed", true, true},
      {"BOOT_FAIL", {}, true, "Failed", "BootFail", true, true},
      {"CANCELLED", {}, false, "Failed", "Cancelled", false, true},
      {"DEADLINE", {}, true, "Failed", "DeadlineExceeded", true, true},
      {"FAILED", {}, true, "Failed", "Error", true, true},
      {"LAUNCH_FAILED", {}, true, "Failed", "LaunchFailed", true, true},
      {"RECONFIG_FAIL", {}, true, "Failed", "ReconfigFailed", true, true},
      {"NODE_FAIL", {}, true, "Failed", "NodeFail", true, true},
      {"OUT_OF_MEMORY", {}, true, "Failed", "OOMKilled", true, true},
      {"PREEMPTED", {}, true, "Failed", "Preempted", true, true},
      {"REVOKED", {}, true, "Failed", "Revoked", true, true},
      {"TIMEOUT", {}, true, "Failed", "TimeLimit", true, true},
      {"BRAND_NEW", {}, true, "Running", "UnknownState", true, false},
      {"BRAND_NEW", {}, false, "Pending", "UnknownState", false, false},
  };
  for (const StateCase& each : cases) {
    site::v1::Job one = job(each.state, each.with_node ? std::vector<std::string>{"n1"} : std::vector<std::string>{});
    for (const char* flag : each.flags) one.add_flags(flag);
    const JobPhase phase = phaseOf(one);
    EXPECT_EQ(phase.phase, each.phase) << each.state;
    EXPECT_EQ(phase.reason, each.reason) << each.state;
    EXPECT_EQ(phase.allocated, each.allocated) << each.state;
    EXPECT_EQ(phase.finished, each.finished) << each.state;
    EXPECT_EQ(phase.exit_code == 0, phase.phase != "Failed") << each.state;
  }
}

TEST(JobStates, ExitCodesAreTrue) {
  site::v1::Job failed = job("FAILED", {"n1"});
  failed.set_exit_code(7);
  EXPECT_EQ(phaseOf(failed).exit_code, 7);
  failed.set_exit_code(0);
  failed.set_exit_signal(9);
  EXPECT_EQ(phaseOf(failed).exit_code, 137);
  site::v1::Job oom = job("OUT_OF_MEMORY", {"n1"});
  oom.set_exit_signal(125);
  EXPECT_EQ(phaseOf(oom).exit_code, 137);
}

std::vector<Object> podsOfJob(const site::v1::Job& one, const MirrorOptions& options = {}) {
  JobContext context{"hpc", options, {}};
  context.node_of = [](const std::string& node, const std::string&) { return node == "hidden" ? "" : node; };
  return podsOf(one, context);
}

TEST(JobObject, OnePodForEachNodeWithItsShare) {
  const std::vector<Object> pods = podsOfJob(job("RUNNING", {"n1", "hidden", "n3"}));
  ASSERT_EQ(pods.size(), 2U);
  EXPECT_EQ(kube::name(pods[0]), "42-train-0");
  EXPECT_EQ(kube::name(pods[1]), "42-train-2");
  EXPECT_EQ(kube::text(pods[1], {"spec", "nodeName"}), "n3");
  EXPECT_EQ(kube::label(pods[0], "slipway.dev/user"), "bob");
  const Object& container = kube::items(pods[0], {"spec", "containers"})[0].as_object();
  EXPECT_EQ(kube::text(container, {"resources", "requests", "cpu"}), "4");
  EXPECT_EQ(kube::text(container, {"resources", "requests", "memory"}), "2Gi");
  EXPECT_EQ(kube::text(pods[0], {"status", "phase"}), "Running");
}

TEST(JobObject, WaitingJobIsOneGatedPodWithTheShareOfOneNode) {
  const std::vector<Object> pods = podsOfJob(job("PENDING"));
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(kube::text(pods[0], {"spec", "nodeName"}), "");
  EXPECT_EQ(kube::items(pods[0], {"spec", "schedulingGates"}).size(), 1U);
  const Object& container = kube::items(pods[0], {"spec", "containers"})[0].as_object();
  EXPECT_EQ(kube::text(container, {"resources", "requests", "cpu"}), "4");
}

TEST(JobObject, NamesAndLabelsAreValidWhateverTheJobIsCalled) {
  for (const std::string& name : {std::string("äiti"), std::string("a b=c"), std::string(300, 'x'), std::string("--"),
                                  std::string("\xff\xfe\n"), std::string("日本語"), std::string(),
                                  std::string("Name.With_Things!"), std::string("x-") + std::string(60, '-')}) {
    site::v1::Job one = job("RUNNING", {"n1"});
    // Protobuf strings are UTF-8; the agent sees to that.
    one.set_name(toValidUtf8(name));
    one.set_user("dom\\user name");
    one.set_array_job_id(40);
    one.set_array_task_id("1-10%2");
    const Object pod = podsOfJob(one).at(0);
    EXPECT_TRUE(isDnsLabel(kube::name(pod))) << kube::name(pod);
    EXPECT_EQ(kube::annotation(pod, "slipway.dev/job-name"), toValidUtf8(name));
    for (const auto& [label, value] : kube::child(pod, {"metadata", "labels"})) {
      const std::string_view text(value.as_string());
      EXPECT_EQ(toLabelValue(text), text) << std::string_view(label);
    }
  }
}

TEST(JobObject, ScopeAndNamespaceAreConfigurable) {
  MirrorOptions options;
  options.partitions = {"gpu"};
  EXPECT_TRUE(podsOfJob(job("PENDING"), options).empty());
  options.partitions = {"batch"};
  options.namespace_template = "jobs-{account}";
  site::v1::Job one = job("PENDING");
  one.set_account("Project_7");
  EXPECT_EQ(kube::nameSpace(podsOfJob(one, options).at(0)), "jobs-project-7");
  options.enabled = false;
  EXPECT_TRUE(podsOfJob(one, options).empty());
}

site::v1::Node slurmNode() {
  site::v1::Node node;
  node.set_name("n1");
  node.set_state("IDLE");
  node.set_cpus(64);
  node.set_cpus_reserved(2);
  node.set_memory_mib(256 * 1024);
  node.add_partitions("batch");
  node.add_features("avx512");
  site::v1::Gres* gpu = node.add_gres();
  gpu->set_name("gpu");
  gpu->set_type("a100");
  gpu->set_count(4);
  site::v1::Gres* fpga = node.add_gres();
  fpga->set_name("fpga");
  fpga->set_count(1);
  node.set_arch("x86_64");
  return node;
}

TEST(NodeObject, ShowsWhatSlurmKnows) {
  const slipway::testing::ManualClock clock;
  NodeOptions options;
  options.address = "10.1.2.3";
  const NodeView view{"n1", "n1", "", slurmNode()};
  const Object node = newNode(view, options, {"hpc", "", uint16_t{10301}, {}, clock.now()});
  EXPECT_EQ(kube::label(node, "kubernetes.io/arch"), "amd64");
  EXPECT_EQ(kube::label(node, "slipway.dev/partition.batch"), "true");
  EXPECT_EQ(kube::label(node, "slipway.dev/feature.avx512"), "true");
  EXPECT_EQ(kube::text(node, {"status", "capacity", "cpu"}), "64");
  EXPECT_EQ(kube::text(node, {"status", "allocatable", "cpu"}), "62");
  EXPECT_EQ(kube::text(node, {"status", "capacity", "memory"}), "256Gi");
  EXPECT_EQ(kube::text(node, {"status", "capacity", "nvidia.com/gpu"}), "4");
  EXPECT_EQ(kube::text(node, {"status", "capacity", "slipway.dev/gres-fpga"}), "1");
  EXPECT_EQ(kube::integer(node, {"status", "daemonEndpoints", "kubeletEndpoint", "Port"}), 10301);
  EXPECT_EQ(kube::items(node, {"spec", "taints"}).size(), 1U);
  const NodeChanges none = changesOf(node, view, options, {"hpc", "", uint16_t{10301}, {}, clock.now()});
  EXPECT_TRUE(none.object.empty());
  EXPECT_TRUE(none.status.empty());
}

TEST(NodeHealth, FollowsSlurm) {
  const auto health = [](std::string state, std::vector<std::string> flags) {
    site::v1::Node node = slurmNode();
    node.set_state(std::move(state));
    for (const std::string& flag : flags) node.add_flags(flag);
    return healthOf(node);
  };
  for (const char* up : {"IDLE", "MIXED", "ALLOCATED", "RESERVED", "MAINT"}) EXPECT_TRUE(health(up, {}).ready) << up;
  for (const char* down : {"DOWN", "FAIL", "ERROR", "UNKNOWN", "FUTURE", "WONDERFUL"})
    EXPECT_FALSE(health(down, {}).ready) << down;
  EXPECT_FALSE(health("IDLE", {"NOT_RESPONDING"}).ready);
  EXPECT_FALSE(health("IDLE", {"POWERED_DOWN"}).ready);
  EXPECT_EQ(health("IDLE", {"POWERED_DOWN"}).reason, "SlurmPoweredDown");
  EXPECT_TRUE(health("MIXED", {"DRAIN"}).drained);
  EXPECT_TRUE(health("IDLE", {"DRAIN"}).ready);
  EXPECT_EQ(health("IDLE", {"MAINTENANCE"}).reason, "SlurmMaintenance");
}

TEST(NodeCatalog, NamesStayAsTheyAreAndNeverClash) {
  NodeCatalog catalog(NodeMode::OneToOne, "hpc");
  EXPECT_EQ(catalog.kubeName("n1", ""), "n1");
  EXPECT_EQ(catalog.kubeName("N_1", ""), "n-1");
  const std::string other = catalog.kubeName("n.1", "");
  EXPECT_NE(other, "n-1");
  EXPECT_TRUE(isDnsLabel(other));
  EXPECT_EQ(catalog.kubeName("n.1", ""), other);
  NodeCatalog restarted(NodeMode::OneToOne, "hpc");
  restarted.remember("n-1", "N_1");
  EXPECT_EQ(restarted.kubeName("n.1", ""), other);
}

TEST(NodeCatalog, PartitionIsTheSumOfWhatIsUp) {
  Inventory inventory;
  site::v1::SiteUpdate update;
  for (const char* name : {"n1", "n2", "n3"}) {
    site::v1::Node node = slurmNode();
    node.set_name(name);
    if (std::string_view(name) == "n3") node.set_state("DOWN");
    *update.add_nodes() = node;
  }
  inventory.apply(update);
  NodeCatalog catalog(NodeMode::PerPartition, "hpc");
  EXPECT_EQ(catalog.affected("n1", inventory), std::vector<std::string>{"batch"});
  const std::optional<NodeView> view = catalog.view("batch", inventory);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->node.cpus(), 128);
  EXPECT_EQ(view->partition, "batch");
  EXPECT_TRUE(healthOf(view->node).ready);
}

TEST(Inventory, EmptySnapshotTakesNothingAway) {
  Inventory inventory;
  site::v1::SiteUpdate full;
  full.set_snapshot_begin(true);
  full.set_snapshot_complete(true);
  *full.add_nodes() = slurmNode();
  *full.add_jobs() = job("RUNNING", {"n1"});
  inventory.apply(full);
  EXPECT_TRUE(inventory.complete());
  site::v1::SiteUpdate empty;
  empty.set_snapshot_begin(true);
  empty.set_snapshot_complete(true);
  inventory.apply(empty);
  EXPECT_NE(inventory.node("n1"), nullptr);
  EXPECT_NE(inventory.job(42), nullptr);
  *empty.add_nodes() = slurmNode();
  inventory.apply(empty);
  EXPECT_EQ(inventory.job(42), nullptr);
}

TEST(PortAllocator, KeepsPortsAndRunsOut) {
  PortAllocator ports(100, 101);
  EXPECT_EQ(ports.allocate("a", 101), 101);
  EXPECT_EQ(ports.allocate("b", 101), 100);
  EXPECT_EQ(ports.allocate("a", 0), 101);
  EXPECT_EQ(ports.allocate("c", 0), std::nullopt);
  ports.release("a");
  EXPECT_EQ(ports.allocate("c", 0), 101);
  EXPECT_EQ(PortAllocator(0, 0).allocate("a", 5), std::nullopt);
}

TEST(Objects, CoversIgnoresWhatServersAdd) {
  const auto covered = [](const char* have, const char* wanted) {
    return covers(kube::json::parse(have), kube::json::parse(wanted));
  };
  EXPECT_TRUE(covered(R"({"a":1,"b":2})", R"({"a":1})"));
  EXPECT_FALSE(covered(R"({"a":1})", R"({"a":1,"b":2})"));
  EXPECT_TRUE(covered(R"({"a":1})", R"({"a":1,"b":{}})"));
  EXPECT_FALSE(covered(R"({"a":[1,2]})", R"({"a":[1]})"));
  EXPECT_TRUE(covered(R"({"a":[{"x":1,"y":2}]})", R"({"a":[{"x":1}]})"));
}

TEST(Objects, MergeDiffMakesOneOfTheOther) {
  const Object have = kube::json::parse(R"({"a":1,"b":{"c":1,"d":2},"e":[1]})").as_object();
  const Object wanted = kube::json::parse(R"({"a":1,"b":{"c":1},"e":[2],"f":true})").as_object();
  EXPECT_EQ(kube::json::serialize(mergeDiff(have, wanted)), R"({"b":{"d":null},"e":[2],"f":true})");
  EXPECT_TRUE(mergeDiff(have, have).empty());
}

TEST(PodPatches, OutagesEvictNothing) {
  const Object pod = kube::json::parse(R"({"metadata":{"uid":"u"},"spec":{"tolerations":[
      {"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},
      {"key":"slipway.dev/slurm","operator":"Exists"}]}})")
                         .as_object();
  const Object patch = outagePatch(pod);
  const auto& tolerations = kube::items(patch, {"spec", "tolerations"});
  ASSERT_EQ(tolerations.size(), 3U);
  EXPECT_FALSE(tolerations[0].as_object().contains("tolerationSeconds"));
  EXPECT_EQ(kube::text(tolerations[2].as_object(), {"key"}), "node.kubernetes.io/unreachable");
  EXPECT_EQ(kube::text(patch, {"metadata", "uid"}), "u");
  EXPECT_TRUE(outagePatch(Object{{"spec", kube::child(patch, {"spec"})}}).empty());
}

TEST(PodPatches, ASubmittedPodCarriesItsJob) {
  const Object patch = submittedPatch(Object{{"metadata", {{"uid", "u"}}}}, 7);
  EXPECT_EQ(kube::text(patch, {"metadata", "annotations", "slipway.dev/job-id"}), "7");
  EXPECT_FALSE(patch.contains("spec")) << "a change of the spec would be a new generation";
  EXPECT_TRUE(submittedPatch(patch, 7).empty());
}

}  // namespace
}  // namespace slipway::bridge
