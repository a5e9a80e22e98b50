// What the Pod Security Standards say of a pod, against what a real server of 1.36 said of the same pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/admission/pod_security.h"
#include "apiserver/admission/pod_security_checks.h"
#include "async/loop.h"
#include "base/files.h"
#include "base/strings.h"
#include "base/testing/manual_clock.h"

namespace slipway::apiserver::pod_security {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LevelVersion standardNamed(std::string_view text) {
  const auto [level, version] = splitOnce(text, ':');
  std::vector<Cause> problems;
  const json::object labels{{"pod-security.kubernetes.io/enforce", level},
                            {"pod-security.kubernetes.io/enforce-version", version}};
  const Policy policy = readPolicy(&labels, problems);
  EXPECT_THAT(problems, IsEmpty()) << text;
  return policy.enforce;
}

TEST(PodSecurityChecks, SayOfEachPodWhatTheRealServerSaid) {
  const auto text = readFile(std::filesystem::path(SLIPWAY_TEST_DATA) / "pod_security.jsonl");
  ASSERT_TRUE(text) << text.error().message;
  size_t count = 0;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.empty()) continue;
    ++count;
    const json::value record = json::parse(line);
    const json::object& fields = record.as_object();
    const LevelVersion standard = standardNamed(json::text(fields, {"standard"}));
    EXPECT_EQ(standard.str(), json::text(fields, {"standard"}));
    EXPECT_EQ(describe(violationsOf(standard, *json::findObject(fields, {"pod"}))), json::text(fields, {"says"}))
        << line;
  }
  EXPECT_GT(count, 200U);
}

TEST(PodSecurityPolicy, LabelsThatSayNothingSensibleEnforceTheStrictest) {
  struct {
    json::object labels;
    std::string enforce, audit, warn;
    size_t problems;
  } const cases[] = {
      {{}, "privileged:latest", "privileged:latest", "privileged:latest", 0},
      {{{"enforce", "baseline"}}, "baseline:latest", "privileged:latest", "baseline:latest", 0},
      {{{"enforce", "baseline"}, {"enforce-version", "v1.25"}},
       "baseline:v1.25",
       "privileged:latest",
       "baseline:v1.25",
       0},
      {{{"enforce", "baseline"}, {"warn", "privileged"}},
       "baseline:latest",
       "privileged:latest",
       "privileged:latest",
       0},
      {{{"enforce", "baseline"}, {"warn", "restricted"}, {"warn-version", "v1.0"}},
       "baseline:latest",
       "privileged:latest",
       "restricted:v1.0",
       0},
      {{{"audit", "restricted"}, {"audit-version", "latest"}},
       "privileged:latest",
       "restricted:latest",
       "privileged:latest",
       0},
      {{{"enforce", "Baseline"}}, "restricted:latest", "privileged:latest", "privileged:latest", 1},
      {{{"audit", ""}, {"warn", "x"}}, "privileged:latest", "privileged:latest", "privileged:latest", 2},
      {{{"enforce", "baseline"}, {"enforce-version", "v1.01"}},
       "baseline:latest",
       "privileged:latest",
       "baseline:latest",
       1},
      {{{"enforce-version", "1.5"}, {"audit-version", "v2.1"}, {"warn-version", "v1."}},
       "privileged:latest",
       "privileged:latest",
       "privileged:latest",
       3},
  };
  for (const auto& one : cases) {
    json::object labels{{"app", "x"}};
    for (const auto& [key, value] : one.labels) labels[fmt::format("{}{}", kLabelPrefix, std::string(key))] = value;
    std::vector<Cause> problems;
    const Policy policy = readPolicy(&labels, problems);
    const std::string about = json::serialize(one.labels);
    EXPECT_EQ(policy.enforce.str(), one.enforce) << about;
    EXPECT_EQ(policy.audit.str(), one.audit) << about;
    EXPECT_EQ(policy.warn.str(), one.warn) << about;
    EXPECT_EQ(problems.size(), one.problems) << about;
  }
}

Task<void> putPod(Store* store, std::string name, std::string controller, bool shares) {
  json::object pod{{"metadata", {{"name", name}, {"namespace", "n"}}}, {"spec", {{"hostPID", shares}}}};
  if (!controller.empty())
    pod["metadata"].as_object()["ownerReferences"] = json::array{{{"controller", true}, {"uid", controller}}};
  const std::string bytes = json::serialize(pod), table = "core/pods", key = "n/" + name;
  Store::Render render = [bytes](int64_t) { return bytes; };
  const auto done = co_await store->put(table, key, nullptr, render);
  EXPECT_TRUE(done);
}

TEST(PodSecurityPods, WhereTheyAreTooManyOneOfEachControllerComesFirst) {
  TemporaryDirectory directory;
  const slipway::testing::ManualClock clock;
  async::Loop loop;
  const auto store = Store::open(loop.executor(), directory.path() / "state.db", clock);
  ASSERT_TRUE(store);
  const auto body = [](Store* pods, const Clock* time) -> Task<void> {
    for (const char* name : {"r1", "r2", "r3"}) co_await putPod(pods, name, "uid-r", true);
    for (const char* name : {"s1", "s2"}) co_await putPod(pods, name, "", true);
    co_await putPod(pods, "t", "", false);
    const LevelVersion baseline{Level::Baseline, kLatest};
    const std::string ns = "n", other = "m";
    const PodCheckLimits three{3, std::chrono::seconds(1)}, no_time{3000, std::chrono::seconds(0)};
    const auto all = co_await warningsOfPods(*pods, *time, ns, baseline);
    EXPECT_THAT(
        all,
        ElementsAre("existing pods in namespace \"n\" violate the new PodSecurity enforce level \"baseline:latest\"",
                    "r1 (and 4 other pods): host namespaces"));
    const auto some = co_await warningsOfPods(*pods, *time, ns, baseline, three);
    EXPECT_THAT(
        some,
        ElementsAre("new PodSecurity enforce level only checked against the first 3 of 6 existing pods",
                    "existing pods in namespace \"n\" violate the new PodSecurity enforce level \"baseline:latest\"",
                    "r1 (and 2 other pods): host namespaces"));
    const auto one = co_await warningsOfPods(*pods, *time, ns, baseline, no_time);
    EXPECT_THAT(
        one,
        ElementsAre("new PodSecurity enforce level only checked against the first 1 of 6 existing pods",
                    "existing pods in namespace \"n\" violate the new PodSecurity enforce level \"baseline:latest\"",
                    "r1: host namespaces"));
    const auto none = co_await warningsOfPods(*pods, *time, other, baseline);
    EXPECT_THAT(none, IsEmpty());
  };
  loop.run(body(store->get(), &clock), false);
}

}  // namespace
}  // namespace slipway::apiserver::pod_security
