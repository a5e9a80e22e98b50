// Rows of docs/pods.md that no other test is about.
#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/strings.h"
#include "pod/notes.h"
#include "pod/plan.h"
#include "pod/testing/fake_plan_source.h"

namespace slipway::pod {
namespace {

kube::Object podWithSpec(std::string_view spec, std::string_view container = "") {
  const std::string text = fmt::format(
      R"({{"metadata":{{"name":"p","namespace":"n","uid":"u"}},"spec":{{"containers":[{{"name":"c","image":"i"{}}}]{}}}}})",
      container, spec);
  return kube::json::parse(text).as_object();
}

Result<site::v1::PodPlan> planOf(const kube::Object& pod) {
  FakePlanSource source;
  return async::runToEnd(buildPlan(pod, source, {}));
}

class RefusedVolumes : public ::testing::TestWithParam<const char*> {};

TEST_P(RefusedVolumes, NamesTheKind) {
  const auto plan = planOf(podWithSpec(fmt::format(R"(,"volumes":[{{"name":"v","{}":{{}}}}])", GetParam())));
  ASSERT_FALSE(plan);
  EXPECT_TRUE(plan.error().is(Code::Invalid));
  EXPECT_NE(plan.error().message.find(fmt::format("spec.volumes[v].{}", GetParam())), std::string::npos)
      << plan.error().message;
}

INSTANTIATE_TEST_SUITE_P(Rows, RefusedVolumes,
                         ::testing::Values("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi",
                                           "fc", "flexVolume", "flocker", "gcePersistentDisk", "gitRepo", "glusterfs",
                                           "iscsi", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd",
                                           "scaleIO", "storageos", "vsphereVolume"));

TEST(Rows, OtherProjectionsAreRefused) {
  for (const std::string kind : {"clusterTrustBundle", "podCertificate"}) {
    const auto plan = planOf(
        podWithSpec(fmt::format(R"(,"volumes":[{{"name":"v","projected":{{"sources":[{{"{}":{{}}}}]}}}}])", kind)));
    ASSERT_FALSE(plan);
    EXPECT_NE(plan.error().message.find("projected.sources." + kind), std::string::npos) << plan.error().message;
  }
}

TEST(Rows, WhatDiffersIsToldWhereItIsAskedFor) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(,"hostUsers":false)", "spec.hostUsers"},
      {R"(,"securityContext":{"seLinuxChangePolicy":"MountOption"})", "spec.securityContext.seLinuxChangePolicy"},
      {R"(,"securityContext":{"supplementalGroupsPolicy":"Strict"})", "spec.securityContext.supplementalGroupsPolicy"}};
  for (const auto& [spec, field] : cases) {
    const auto notes = notesOn(podWithSpec(spec));
    ASSERT_EQ(notes.size(), 1U) << field;
    EXPECT_TRUE(notes[0].starts_with(field)) << notes[0];
  }
  EXPECT_TRUE(notesOn(podWithSpec(R"(,"hostUsers":true)")).empty());
}

TEST(Rows, OverheadIsAddedToWhatTheJobAsksFor) {
  const char* asks = R"(,"resources":{"requests":{"cpu":"1","memory":"100Mi"}})";
  const auto with = planOf(podWithSpec(R"(,"overhead":{"cpu":"1","memory":"28Mi"})", asks));
  ASSERT_TRUE(with) << with.error().message;
  EXPECT_EQ(with->slurm().cpus_per_task(), 2);
  EXPECT_EQ(with->slurm().memory_mib(), 128);
}

TEST(Rows, WorkingDirAndTheImageVolumeAreInThePlan) {
  const auto plan =
      planOf(podWithSpec(R"(,"volumes":[{"name":"v","image":{"reference":"r.io/data:1"}}])",
                         R"(,"workingDir":"/srv","volumeMounts":[{"name":"v","mountPath":"/v","subPath":"a/b"}])"));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->containers(0).working_dir(), "/srv");
  EXPECT_EQ(plan->volumes(0).image().reference(), "r.io/data:1");
  EXPECT_EQ(plan->volumes(0).image().pull_policy(), "IfNotPresent");
  EXPECT_TRUE(plan->containers(0).mounts(0).read_only());
}

TEST(Rows, RestartPolicyRulesAndFileKeyRefAreInThePlan) {
  const auto plan = planOf(podWithSpec("", R"(,"restartPolicy":"Never","restartPolicyRules":[
      {"action":"Restart","exitCodes":{"operator":"In","values":[42,43]}}],
      "env":[{"name":"A","valueFrom":{"fileKeyRef":{"volumeName":"v","path":"p","key":"k","optional":true}}}])"));
  ASSERT_TRUE(plan) << plan.error().message;
  const auto& rule = plan->containers(0).restart_rules(0);
  EXPECT_EQ(rule.action() + rule.operator_() + std::to_string(rule.exit_codes(1)), "RestartIn43");
  const auto& file = plan->containers(0).env(0).file();
  EXPECT_EQ(file.volume() + file.path() + file.key(), "vpk");
  EXPECT_TRUE(file.optional());
}

TEST(Rows, TargetContainerNameIsTheDebuggersTarget) {
  const kube::Object pod =
      podWithSpec(R"(,"ephemeralContainers":[{"name":"d","image":"i","targetContainerName":"c"}])");
  FakePlanSource source;
  const auto debuggers = async::runToEnd(buildEphemeral(pod, source, {}));
  ASSERT_TRUE(debuggers) << debuggers.error().message;
  EXPECT_EQ(debuggers->at(0).target(), "c");
}

TEST(Rows, ResizePolicyChangesNothing) {
  const auto plan =
      planOf(podWithSpec("", R"(,"resizePolicy":[{"resourceName":"cpu","restartPolicy":"NotRequired"}])"));
  EXPECT_TRUE(plan) << plan.error().message;
}

}  // namespace
}  // namespace slipway::pod
