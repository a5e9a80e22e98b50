// The rows of docs/pods.md that say "refused" or "differs": each field gets its sentence, and none is passed over.
#include <gtest/gtest.h>

#include "async/loop.h"
#include "pod/notes.h"
#include "pod/plan.h"
#include "pod/testing/fake_plan_source.h"

namespace slipway::pod {
namespace {

struct Row {
  const char* name;
  const char* container;  ///< further members of the container, as JSON
  const char* spec;       ///< further members of the spec
  const char* says;       ///< how the sentence about it begins
};

kube::Object podOf(const Row& row) {
  const std::string text = fmt::format(
      R"({{"metadata":{{"name":"p","namespace":"n","uid":"u"}},"spec":{{"containers":[{{"name":"c","image":"i"{}{}}}]{}{}}}}})",
      *row.container == 0 ? "" : ",", row.container, *row.spec == 0 ? "" : ",", row.spec);
  return kube::json::parse(text).as_object();
}

std::string nameOf(const testing::TestParamInfo<Row>& info) {
  return info.param.name;
}

struct Refused : testing::TestWithParam<Row> {};

TEST_P(Refused, NamesTheField) {
  const Status checked = checkSupported(podOf(GetParam()));
  ASSERT_FALSE(checked.has_value());
  EXPECT_TRUE(checked.error().is(Code::Invalid));
  EXPECT_NE(checked.error().message.find(GetParam().says), std::string::npos) << checked.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, Refused,
    testing::Values(
        Row{"privileged", R"("securityContext":{"privileged":true})", "",
            "spec.containers[c].securityContext.privileged:"},
        Row{"capabilities", R"("securityContext":{"capabilities":{"add":["NET_ADMIN"]}})", "",
            "spec.containers[c].securityContext.capabilities.add:"},
        Row{"procMount", R"("securityContext":{"procMount":"Unmasked"})", "",
            "spec.containers[c].securityContext.procMount:"},
        Row{"seccompLocalhost", R"("securityContext":{"seccompProfile":{"type":"Localhost","localhostProfile":"x"}})",
            "", "spec.containers[c].securityContext.seccompProfile:"},
        Row{"appArmorLocalhost", R"("securityContext":{"appArmorProfile":{"type":"Localhost","localhostProfile":"x"}})",
            "", "spec.containers[c].securityContext.appArmorProfile:"},
        Row{"podSeccompLocalhost", "", R"("securityContext":{"seccompProfile":{"type":"Localhost"}})",
            "spec.securityContext.seccompProfile:"},
        Row{"windowsOptions", R"("securityContext":{"windowsOptions":{"runAsUserName":"x"}})", "",
            "spec.containers[c].securityContext.windowsOptions:"},
        Row{"volumeDevices", R"("volumeDevices":[{"name":"v","devicePath":"/dev/x"}])", "",
            "spec.containers[c].volumeDevices:"},
        Row{"bidirectional", R"("volumeMounts":[{"name":"v","mountPath":"/v","mountPropagation":"Bidirectional"}])", "",
            "spec.containers[c].volumeMounts.mountPropagation:"},
        Row{"recursiveReadOnly", R"("volumeMounts":[{"name":"v","mountPath":"/v","recursiveReadOnly":"Enabled"}])", "",
            "spec.containers[c].volumeMounts.recursiveReadOnly:"},
        Row{"hostPort", R"("ports":[{"containerPort":80,"hostPort":8080}])", "", "spec.containers[c].ports.hostPort:"},
        Row{"hugepages", R"("resources":{"limits":{"hugepages-2Mi":"4Mi"}})", "",
            "spec.containers[c].resources.limits.hugepages-2Mi:"},
        Row{"claims", R"("resources":{"claims":[{"name":"gpu"}]})", "", "spec.containers[c].resources.claims:"},
        Row{"restartPolicyRules", R"("restartPolicyRules":[{"action":"RestartAllContainers"}])", "",
            "spec.containers[c].restartPolicyRules:"},
        Row{"resourceClaims", "", R"("resourceClaims":[{"name":"gpu"}])", "spec.resourceClaims:"},
        Row{"hostPID", "", R"("hostPID":true)", "spec.hostPID:"},
        Row{"windows", "", R"("os":{"name":"windows"})", "spec.os.name:"},
        Row{"sysctls", "", R"("securityContext":{"sysctls":[{"name":"a","value":"b"}]})",
            "spec.securityContext.sysctls:"},
        Row{"iscsi", "", R"("volumes":[{"name":"v","iscsi":{"iqn":"x"}}])", "spec.volumes[v].iscsi:"},
        Row{"csi", "", R"("volumes":[{"name":"v","csi":{"driver":"x"}}])", "spec.volumes[v].csi:"},
        Row{"gitRepo", "", R"("volumes":[{"name":"v","gitRepo":{"repository":"x"}}])", "spec.volumes[v].gitRepo:"},
        Row{"clusterTrustBundle", "",
            R"("volumes":[{"name":"v","projected":{"sources":[{"clusterTrustBundle":{"path":"x"}}]}}])",
            "spec.volumes[v].projected.sources.clusterTrustBundle:"}),
    nameOf);

struct Noted : testing::TestWithParam<Row> {};

TEST_P(Noted, IsRunWithASentenceThatNamesTheField) {
  const kube::Object pod = podOf(GetParam());
  EXPECT_TRUE(checkSupported(pod).has_value());
  const auto notes = notesOn(pod);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].starts_with(GetParam().says)) << notes[0];
}

INSTANTIATE_TEST_SUITE_P(
    Fields, Noted,
    testing::Values(
        Row{"seccomp", R"("securityContext":{"seccompProfile":{"type":"RuntimeDefault"}})", "",
            "spec.containers[c].securityContext.seccompProfile:"},
        Row{"appArmor", R"("securityContext":{"appArmorProfile":{"type":"RuntimeDefault"}})", "",
            "spec.containers[c].securityContext.appArmorProfile:"},
        Row{"seLinux", R"("securityContext":{"seLinuxOptions":{"level":"s0"}})", "",
            "spec.containers[c].securityContext.seLinuxOptions:"},
        Row{"podSeLinux", "", R"("securityContext":{"seLinuxOptions":{"level":"s0"}})",
            "spec.securityContext.seLinuxOptions:"},
        Row{"supplementalGroups", "", R"("securityContext":{"supplementalGroups":[7]})",
            "spec.securityContext.supplementalGroups:"},
        Row{"hostToContainer", R"("volumeMounts":[{"name":"v","mountPath":"/v","mountPropagation":"HostToContainer"}])",
            "", "spec.containers[c].volumeMounts.mountPropagation:"},
        Row{"hostIP", R"("ports":[{"containerPort":80,"hostIP":"127.0.0.1"}])", "", "spec.containers[c].ports.hostIP:"},
        Row{"ephemeralStorage", R"("resources":{"requests":{"ephemeral-storage":"1Gi"}})", "",
            "spec.containers[c].resources.requests.ephemeral-storage:"}),
    nameOf);

TEST(Supported, WhatWorksIsNeitherRefusedNorNoted) {
  for (
      const Row& row :
      {Row{"", R"("securityContext":{"privileged":false,"allowPrivilegeEscalation":false,"runAsNonRoot":true,
                   "readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]}})",
           R"("hostNetwork":true,"hostIPC":true,"shareProcessNamespace":true,"setHostnameAsFQDN":true,
               "securityContext":{"fsGroup":7,"fsGroupChangePolicy":"OnRootMismatch"})"},
       Row{"", R"("ports":[{"containerPort":80,"hostPort":80}],"stdin":true,"tty":true)",
           R"("os":{"name":"linux"},"volumes":[{"name":"v","emptyDir":{}},{"name":"w","nfs":{"path":"/x","server":"s"}},
               {"name":"x","ephemeral":{}},{"name":"y","projected":{"sources":[{"secret":{"name":"s"}}]}}])"}}) {
    EXPECT_TRUE(checkSupported(podOf(row)).has_value());
    EXPECT_TRUE(notesOn(podOf(row)).empty());
  }
}

TEST(Supported, AllProblemsOfAPodAreToldAtOnce) {
  const Status checked =
      checkSupported(podOf({"", R"("securityContext":{"privileged":true})", R"("hostPID":true)", ""}));
  EXPECT_NE(checked.error().message.find("hostPID"), std::string::npos);
  EXPECT_NE(checked.error().message.find("privileged"), std::string::npos);
}

TEST(Supported, ADebuggerMayAskToTraceAndNothingMore) {
  const auto pod = [](std::string_view capability) {
    return podOf({"", "",
                  fmt::format(R"("ephemeralContainers":[{{"name":"d","image":"i",
      "securityContext":{{"capabilities":{{"add":["{}"]}}}}}}])",
                              capability)
                      .c_str(),
                  ""});
  };
  EXPECT_TRUE(checkEphemeral(pod("SYS_PTRACE")).has_value());
  EXPECT_FALSE(checkEphemeral(pod("SYS_ADMIN")).has_value());
  // A pod that runs is not failed for what somebody adds to it.
  EXPECT_TRUE(checkSupported(pod("SYS_ADMIN")).has_value());
}

struct Mapped : testing::Test {
  static site::v1::PodPlan plan(const Row& row) {
    FakePlanSource source;
    auto built = async::runToEnd(buildPlan(podOf(row), source, {}));
    EXPECT_TRUE(built.has_value()) << built.error().message;
    return built.value();
  }
};

TEST_F(Mapped, HostnameOfEachKind) {
  EXPECT_EQ(plan({"", "", "", ""}).hostname(), "p");
  EXPECT_EQ(plan({"", "", R"("hostname":"h")", ""}).hostname(), "h");
  EXPECT_EQ(plan({"", "", R"("hostname":"h","hostnameOverride":"o")", ""}).hostname(), "o");
  EXPECT_FALSE(plan({"", "", R"("setHostnameAsFQDN":true)", ""}).hostname_as_fqdn());
  EXPECT_TRUE(plan({"", "", R"("setHostnameAsFQDN":true,"subdomain":"s")", ""}).hostname_as_fqdn());
}

TEST_F(Mapped, RunAsNonRootOfTheContainerWins) {
  const char* spec = R"("securityContext":{"runAsNonRoot":true,"runAsUser":7,"runAsGroup":8,"fsGroup":9})";
  const auto inherited = plan({"", "", spec, ""});
  EXPECT_TRUE(inherited.containers(0).run_as_non_root());
  EXPECT_EQ(inherited.containers(0).run_as_user(), 7);
  EXPECT_EQ(inherited.containers(0).run_as_group(), 8);
  EXPECT_EQ(inherited.fs_group(), 9);
  const auto own = plan({"", R"("securityContext":{"runAsNonRoot":false,"runAsUser":5})", spec, ""});
  EXPECT_FALSE(own.containers(0).run_as_non_root());
  EXPECT_EQ(own.containers(0).run_as_user(), 5);
  EXPECT_FALSE(plan({"", "", "", ""}).has_fs_group());
}

TEST_F(Mapped, LifecycleAndRestartPolicyOfAContainer) {
  const auto built = plan({"", R"("restartPolicy":"OnFailure","lifecycle":{"stopSignal":"SIGUSR1"})", "", ""});
  EXPECT_EQ(built.containers(0).restart_policy(), "OnFailure");
  EXPECT_EQ(built.containers(0).stop_signal(), "USR1");
}

TEST_F(Mapped, NotesBecomeEvents) {
  const auto built = plan({"", "", R"("securityContext":{"supplementalGroups":[7]})", ""});
  ASSERT_EQ(built.notes_size(), 1);
  EXPECT_EQ(built.notes(0).type(), "Warning");
  EXPECT_EQ(built.notes(0).reason(), "WorksDifferently");
}

}  // namespace
}  // namespace slipway::pod
