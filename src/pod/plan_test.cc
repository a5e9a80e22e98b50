#include "pod/plan.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/strings.h"
#include "pod/expansion.h"
#include "pod/notes.h"
#include "pod/slurm_options.h"
#include "pod/testing/fake_plan_source.h"

namespace slipway::pod {
namespace {

kube::Object object(std::string_view text) {
  return kube::json::parse(kube::json::string_view(text.data(), text.size())).as_object();
}

kube::Object podWith(std::string_view container, std::string_view spec = "", std::string_view metadata = "") {
  return object(fmt::format(
      R"({{"metadata":{{"name":"web","namespace":"shop","uid":"u-1"{}}},
           "spec":{{"nodeName":"n1","containers":[{{"name":"main","image":"busybox"{}}}]{}}}}})",
      metadata, container, spec));
}

Result<site::v1::PodPlan> plan(const kube::Object& pod, FakePlanSource& source, PlanOptions options = {}) {
  return async::runToEnd(buildPlan(pod, source, std::move(options)));
}
Result<site::v1::PodPlan> plan(const kube::Object& pod) {
  FakePlanSource source;
  return plan(pod, source);
}

std::map<std::string, std::string> envOf(const site::v1::PodPlan& plan) {
  std::map<std::string, std::string> out;
  for (const auto& each : plan.containers(0).env()) out[each.name()] = each.value();
  return out;
}

TEST(Expand, FollowsKubernetesRules) {
  const auto lookup = [](const std::string& name) -> std::optional<std::string> {
    if (name == "A") return "a$(B)";
    if (name == "E") return "";
    return std::nullopt;
  };
  const std::map<std::string, std::string> cases = {
      {"$(A)", "a$(B)"},  {"$$(A)", "$(A)"},     {"$$$(A)", "$a$(B)"},
      {"$(NO)", "$(NO)"}, {"$(A", "$(A"},        {"$", "$"},
      {"x$y", "x$y"},     {"$(E)", ""},          {"$()", "$()"},
      {"$$", "$"},        {"a$$b", "a$b"},       {"$(A)$(A)", "a$(B)a$(B)"},
      {"${A}", "${A}"},   {"$(A)-$$", "a$(B)-$"}};
  for (const auto& [text, expanded] : cases) EXPECT_EQ(expand(text, lookup), expanded) << text;
}

TEST(BuildPlan, EnvironmentComesFromEverywhereAndExpands) {
  FakePlanSource source;
  source.config_maps["shop/conf"] = object(R"({"kind":"ConfigMap","data":{"k":"v","bad=key":"x"}})");
  source.secrets["shop/sec"] = object(R"({"kind":"Secret","type":"Opaque","data":{"p":"czNjcmV0"}})");
  source.service_list.push_back(
      object(R"({"metadata":{"name":"my-db"},"spec":{"clusterIP":"10.1.2.3","ports":[{"port":5432,"name":"pg"}]}})"));
  const auto pod = podWith(R"J(,"envFrom":[{"prefix":"C_","configMapRef":{"name":"conf"}}],
    "command":["$(P)","$(MY_DB_SERVICE_HOST)"],"args":["$$(P)"],
    "resources":{"limits":{"cpu":"1500m","memory":"100Mi"}},
    "env":[{"name":"P","valueFrom":{"secretKeyRef":{"name":"sec","key":"p"}}},
           {"name":"ODD","value":"\"q\" $(C_k) \n`id` $(id) \\"},
           {"name":"URL","value":"http://$(IP):80"},
           {"name":"IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},
           {"name":"URL2","value":"http://$(IP):80"},
           {"name":"CPU","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu"}}},
           {"name":"MEM","valueFrom":{"resourceFieldRef":{"resource":"limits.memory","divisor":"1Mi"}}},
           {"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}},
           {"name":"GONE","valueFrom":{"configMapKeyRef":{"name":"conf","key":"nope","optional":true}}}])J");
  const auto built = plan(pod, source);
  ASSERT_TRUE(built.has_value()) << built.error().message;
  const auto env = envOf(*built);
  EXPECT_EQ(env.at("P"), "s3cret");
  EXPECT_EQ(env.at("C_k"), "v");
  EXPECT_FALSE(env.contains("C_bad=key"));
  EXPECT_EQ(env.at("ODD"), "\"q\" v \n`id` $(id) \\");
  EXPECT_EQ(env.at("URL"), "http://$(IP):80");
  EXPECT_EQ(env.at("URL2"), "http://$(status.podIP):80");
  EXPECT_EQ(env.at("CPU"), "2");
  EXPECT_EQ(env.at("MEM"), "100");
  EXPECT_EQ(env.at("NODE"), "n1");
  EXPECT_FALSE(env.contains("GONE"));
  EXPECT_EQ(env.at("MY_DB_PORT_5432_TCP_ADDR"), "10.1.2.3");
  EXPECT_EQ(built->containers(0).command(0), "s3cret");
  EXPECT_EQ(built->containers(0).command(1), "10.1.2.3");
  EXPECT_EQ(built->containers(0).args(0), "$(P)");
  EXPECT_EQ(built->containers(0).image_pull_policy(), "Always");
}

TEST(BuildPlan, EveryPodIsToldOfTheApiServer) {
  FakePlanSource source;
  for (const char* name : {"kubernetes", "other"}) {
    source.service_list.push_back(object(fmt::format(
        R"({{"metadata":{{"name":"{}"}},"spec":{{"clusterIP":"10.96.0.1","ports":[{{"name":"https","port":443}}]}}}})",
        name)));
  }
  const auto made = plan(podWith("", R"(,"enableServiceLinks":false)"), source);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  const auto env = envOf(*made);
  EXPECT_EQ(env.at("KUBERNETES_SERVICE_HOST"), "10.96.0.1");
  EXPECT_EQ(env.at("KUBERNETES_SERVICE_PORT"), "443");
  EXPECT_FALSE(env.contains("OTHER_SERVICE_HOST"));
}

TEST(BuildPlan, MissingObjectsAreNotFoundUnlessOptional) {
  const auto missing = plan(podWith(R"(,"envFrom":[{"secretRef":{"name":"sec"}}])"));
  ASSERT_FALSE(missing.has_value());
  EXPECT_TRUE(missing.error().is(Code::NotFound));
  EXPECT_EQ(missing.error().message, "container main: secret \"sec\" not found");
  EXPECT_TRUE(plan(podWith(R"(,"envFrom":[{"secretRef":{"name":"sec","optional":true}}])")).has_value());
}

TEST(BuildPlan, VolumesCarryTheirContents) {
  FakePlanSource source;
  source.config_maps["shop/conf"] =
      object(R"({"kind":"ConfigMap","data":{"a":"1","b":"2"},"binaryData":{"z":"AAE="}})");
  source.claims["shop/data"] = object(R"({"spec":{"volumeName":"pv1"},"status":{"phase":"Bound"}})");
  source.volumes["pv1"] = object(R"({"spec":{"nfs":{"server":"s","path":"/export/x"}}})");
  const auto pod = podWith(
      R"(,"volumeMounts":[{"name":"conf","mountPath":"/etc/conf","readOnly":true},
                          {"name":"data","mountPath":"/data","subPathExpr":"$(WHO)/x"},
                          {"name":"tok","mountPath":"/tok"}],
         "env":[{"name":"WHO","value":"me"}])",
      R"(,"volumes":[{"name":"conf","configMap":{"name":"conf","defaultMode":256,"items":[{"key":"b","path":"d/b","mode":511}]}},
        {"name":"data","persistentVolumeClaim":{"claimName":"data"}},
        {"name":"mem","emptyDir":{"medium":"Memory","sizeLimit":"1Gi"}},
        {"name":"tok","projected":{"sources":[{"serviceAccountToken":{"path":"token","audience":"x"}},{"configMap":{"name":"conf"}},
           {"downwardAPI":{"items":[{"path":"l","fieldRef":{"fieldPath":"metadata.labels"}}]}}]}}])",
      R"(,"labels":{"b":"2","a":"1"})");
  const auto built = plan(pod, source);
  ASSERT_TRUE(built.has_value()) << built.error().message;
  EXPECT_EQ(built->volumes(0).files().files(0).path(), "d/b");
  EXPECT_EQ(built->volumes(0).files().files(0).mode(), 0777U);
  EXPECT_EQ(built->volumes(1).host_path().path(), "/export/x");
  EXPECT_EQ(built->volumes(1).host_path().type(), "nfs:s");
  EXPECT_EQ(built->volumes(2).empty_dir().size_limit(), 1 << 30);
  EXPECT_TRUE(built->containers(0).mounts(0).read_only());
  EXPECT_FALSE(built->containers(0).mounts(1).read_only());
  EXPECT_TRUE(built->containers(0).mounts(2).read_only()) << "no container writes to a volume of files";
  const auto& projected = built->volumes(3).files();
  EXPECT_TRUE(projected.secret());
  EXPECT_EQ(projected.files(0).contents(), "token:default:x");
  EXPECT_EQ(projected.files(3).contents(), std::string("\0\1", 2));
  EXPECT_EQ(projected.files(4).contents(), "a=\"1\"\nb=\"2\"");
  EXPECT_EQ(built->containers(0).mounts(1).sub_path(), "me/x");
  EXPECT_EQ(source.requests, 1);
}

TEST(BuildPlan, RefusesWhatNeedsRootAndListsAll) {
  const auto pod =
      podWith(R"(,"securityContext":{"privileged":true,"capabilities":{"add":["NET_ADMIN"]}})", R"(,"hostPID":true)");
  const auto built = plan(pod);
  ASSERT_FALSE(built.has_value());
  EXPECT_TRUE(built.error().is(Code::Invalid));
  EXPECT_NE(built.error().message.find("spec.hostPID"), std::string::npos);
  EXPECT_NE(built.error().message.find("spec.containers[main].securityContext.privileged"), std::string::npos);
  EXPECT_NE(built.error().message.find("capabilities.add"), std::string::npos);
}

// An API server refuses such a pod; whoever stands in for one must not be able to end the controller.
TEST(BuildPlan, ItemsOfTheWrongTypeEndNothing) {
  const auto whole = podWith(
      R"J(,"envFrom":[{"configMapRef":{"name":"conf"}}],"env":[{"name":"A","value":"x"}],"command":["a"],"args":["b"],
          "ports":[{"containerPort":1}],"volumeMounts":[{"name":"v","mountPath":"/v"}],
          "livenessProbe":{"exec":{"command":["c"]}},"startupProbe":{"httpGet":{"port":1,"httpHeaders":[{"name":"h"}]}})J",
      R"J(,"volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":"conf","items":[{"key":"k"}]}}]}}],
          "hostAliases":[{"ip":"1.2.3.4","hostnames":["x"]}],"imagePullSecrets":[{"name":"s"}],"initContainers":[{"name":"i"}],
          "dnsConfig":{"nameservers":["1.1.1.1"],"searches":["x"],"options":[{"name":"o"}]})J");
  kube::json::value root(whole);
  // Each value in its turn is replaced by one of another type.
  const std::function<void(kube::json::value&)> visit = [&](kube::json::value& at) {
    if (&at != &root) {
      for (const kube::json::value& wrong :
           {kube::json::value(7), kube::json::value("text"), kube::json::value(nullptr),
            kube::json::value(kube::json::array{7}), kube::json::value(kube::Object{})}) {
        const kube::json::value right = std::exchange(at, wrong);
        (void)plan(root.get_object());
        (void)checkSupported(root.get_object());
        (void)referencesOf(root.get_object());
        at = right;
      }
    }
    if (auto* object = at.if_object()) {
      for (auto& entry : *object) visit(entry.value());
    } else if (auto* array = at.if_array()) {
      for (auto& item : *array) visit(item);
    }
  };
  visit(root);
}

TEST(BuildPlan, PathsThatLeaveAVolumeAreInvalid) {
  const auto pod = podWith(R"(,"volumeMounts":[{"name":"v","mountPath":"/v","subPath":"a/../../b"}])",
                           R"(,"volumes":[{"name":"v"}])");
  EXPECT_TRUE(plan(pod).error().is(Code::Invalid));
}

TEST(BuildPlan, AnExpandedSubPathThatLeavesItsVolumeMayBeMendedLater) {
  for (const std::string value : {"..", "/tmp", ""}) {
    const auto pod = podWith(R"x(,"volumeMounts":[{"name":"v","mountPath":"/v","subPathExpr":"$(P)"}],)x"
                             R"x("env":[{"name":"P","value":")x" +
                                 value + R"x("}])x",
                             R"(,"volumes":[{"name":"v"}])");
    EXPECT_TRUE(plan(pod).error().is(Code::BadRequest)) << value;
  }
}

TEST(BuildPlan, ResourcesBecomeSlurmOptions) {
  const auto pod = podWith(
      R"(,"resources":{"requests":{"cpu":"500m","memory":"64Mi"},"limits":{"memory":"128Mi","nvidia.com/gpu":"2","slipway.dev/gres-nic":"1"}})",
      R"(,"initContainers":[{"name":"side","restartPolicy":"Always","resources":{"requests":{"cpu":"1"}}},
                            {"name":"big","resources":{"requests":{"cpu":"3","memory":"32Mi"}}}],
          "activeDeadlineSeconds":600)");
  const auto built = plan(pod);
  ASSERT_TRUE(built.has_value()) << built.error().message;
  EXPECT_EQ(built->slurm().cpus_per_task(), 4);
  EXPECT_EQ(built->slurm().memory_mib(), 128);
  ASSERT_EQ(built->slurm().gres_size(), 2);
  EXPECT_EQ(built->slurm().gres(0).name(), "gpu");
  EXPECT_EQ(built->slurm().gres(0).count(), 2);
  EXPECT_EQ(built->slurm().time_limit_seconds(), 600 + 30 + 60);
}

TEST(BuildPlan, AnnotationsAreCheckedAndNamed) {
  const auto with = [](std::string_view name, std::string_view value) {
    auto pod = podWith("");
    kube::ensure(pod, {"metadata", "annotations"})[name] = value;
    return plan(pod);
  };
  EXPECT_EQ(with("slipway.dev/partition", "gpu")->slurm().partition(), "gpu");
  EXPECT_EQ(with("slipway.dev/time-limit", "1-12")->slurm().time_limit_seconds(), 129600);
  EXPECT_EQ(with("slipway.dev/time-limit", "1h30m")->slurm().time_limit_seconds(), 5400);
  EXPECT_EQ(with("slurm.hpk.io/flags", "-N2 --mail-user 'a b' --exclusive")->slurm().flags(0), "--mail-user=a b");
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"partition", "a\n#SBATCH --uid=0"},
                                                                                    {"account", "a b"},
                                                                                    {"nodes", "-1"},
                                                                                    {"time-limit", "soon"},
                                                                                    {"flags", "--comment=x"},
                                                                                    {"flags", "--comm x"},
                                                                                    {"flags", "-o x"},
                                                                                    {"flags", "--wrap=id"},
                                                                                    {"flags", "rm"},
                                                                                    {"flags", "--qos=a\nb"},
                                                                                    {"flags", "--mail-user \"x"},
                                                                                    {"flags", "--ex=ALL"}}) {
    const auto refused = with("slipway.dev/" + name, value);
    ASSERT_FALSE(refused.has_value()) << name << " " << value;
    EXPECT_TRUE(refused.error().is(Code::Invalid));
    EXPECT_NE(refused.error().message.find("annotation slipway.dev/" + name), std::string::npos)
        << refused.error().message;
  }
}

TEST(BuildPlan, AFlagWithAFieldGoesThere) {
  const auto with = [](std::string_view flags, std::string_view partition = "", std::string_view resources = "") {
    auto pod = podWith(resources);
    kube::ensure(pod, {"metadata", "annotations"})["slurm.hpk.io/flags"] = flags;
    if (!partition.empty()) kube::ensure(pod, {"metadata", "annotations"})["slipway.dev/partition"] = partition;
    return plan(pod);
  };
  const auto built = with("-p gpu --account=other -q high -t 1:00:00 --nodes=2 --ntasks-per-node=2 -c4 --mem=2G --nice",
                          "", R"(,"resources":{"requests":{"cpu":"1","memory":"64Mi"}})");
  ASSERT_TRUE(built) << built.error().message;
  const auto& slurm = built->slurm();
  EXPECT_EQ(slurm.partition(), "gpu");
  EXPECT_EQ(slurm.account(), "other");
  EXPECT_EQ(slurm.qos(), "high");
  EXPECT_EQ(slurm.time_limit_seconds(), 3600);
  EXPECT_EQ(slurm.nodes(), 2);
  EXPECT_EQ(slurm.ntasks_per_node(), 2);
  EXPECT_EQ(slurm.cpus_per_task(), 8) << "of a node: it is shared by its tasks";
  EXPECT_EQ(slurm.memory_mib(), 2048);
  ASSERT_EQ(slurm.flags_size(), 1);
  EXPECT_EQ(slurm.flags(0), "--nice");
  EXPECT_EQ(with("-p gpu", "big")->slurm().partition(), "big") << "an annotation goes before a flag";
  EXPECT_EQ(with("-n 4")->slurm().ntasks_per_node(), 4);
  EXPECT_EQ(with("-N2 -n 4")->slurm().ntasks_per_node(), 2);
  EXPECT_EQ(with("--time=UNLIMITED")->slurm().flags(0), "--time=UNLIMITED");
  EXPECT_NE(with("--nodes=2-4").error().message.find("--nodes"), std::string::npos);
  EXPECT_TRUE(with("-n x").error().is(Code::Invalid));
}

TEST(BuildPlan, AnAnnotationThatMeansNothingIsNoted) {
  auto pod = podWith("");
  kube::ensure(pod, {"metadata", "annotations"})["slipway.dev/time_limit"] = "5";
  kube::ensure(pod, {"metadata", "annotations"})["slipway.dev/time-limit"] = "5";
  kube::ensure(pod, {"metadata", "annotations"})["example.org/x"] = "5";
  const auto notes = notesOn(pod);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].starts_with("annotation slipway.dev/time_limit:")) << notes[0];
}

TEST(BuildPlan, ProbesResolveNamedPorts) {
  const auto built = plan(podWith(R"(,"ports":[{"name":"http","containerPort":8080}],
      "livenessProbe":{"httpGet":{"port":"http","path":"/ok"},"periodSeconds":3},"lifecycle":{"preStop":{"sleep":{"seconds":4}}})"));
  ASSERT_TRUE(built.has_value()) << built.error().message;
  EXPECT_EQ(built->containers(0).liveness_probe().handler().http().port(), 8080);
  EXPECT_EQ(built->containers(0).liveness_probe().failure_threshold(), 3);
  EXPECT_FALSE(built->containers(0).has_readiness_probe());
  EXPECT_EQ(built->containers(0).pre_stop().sleep_seconds(), 4);
  EXPECT_TRUE(plan(podWith(R"(,"livenessProbe":{"tcpSocket":{"port":"nope"}})")).error().is(Code::Invalid));
}

TEST(BuildPlan, RuntimeClassPicksTheRuntime) {
  EXPECT_EQ(plan(podWith("", R"(,"runtimeClassName":"slipway-host")"))->runtime(), "host");
  EXPECT_TRUE(plan(podWith("", R"(,"runtimeClassName":"gvisor")")).error().is(Code::Invalid));
}

TEST(BuildPlan, PullSecretsBecomeCredentials) {
  FakePlanSource source;
  const std::string auth = R"({"auths":{"reg.example:5000":{"auth":"dTpw"}}})";
  source.secrets["shop/pull"] =
      object(fmt::format(R"({{"kind":"Secret","type":"x","data":{{".dockerconfigjson":"{}"}}}})", base64Encode(auth)));
  const auto built = plan(podWith("", R"(,"imagePullSecrets":[{"name":"pull"},{"name":"gone"}])"), source);
  ASSERT_EQ(built->registry_auth_size(), 1);
  EXPECT_EQ(built->registry_auth(0).registry(), "reg.example:5000");
  EXPECT_EQ(built->registry_auth(0).username(), "u");
  EXPECT_EQ(built->registry_auth(0).password(), "p");
}

TEST(ReferencesOf, NamesWhatThePlanDependsOn) {
  const auto pod = podWith(
      R"(,"envFrom":[{"secretRef":{"name":"s2"}}],"env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"c1","key":"k"}}}])",
      R"(,"volumes":[{"name":"v","secret":{"secretName":"s1"}},{"name":"p","projected":{"sources":[{"serviceAccountToken":{"path":"t","expirationSeconds":600}}]}}])");
  const PlanReferences references = referencesOf(pod);
  EXPECT_EQ(references.config_maps, std::vector<std::string>({"c1"}));
  EXPECT_EQ(references.secrets, std::vector<std::string>({"s1", "s2"}));
  EXPECT_EQ(references.shortest_token_seconds, 600);
}

}  // namespace
}  // namespace slipway::pod
