#include "schema/defaults.h"

#include <gtest/gtest.h>

#include "json/document.h"
#include "schema/conform.h"

namespace slipway::schema {
namespace {

class DefaultsTest : public testing::Test {
 protected:
  static const Schema& schema() {
    static const std::unique_ptr<const Schema> one = Schema::builtin();
    return *one;
  }
  static json::object filled(std::string_view api_version, std::string_view kind, std::string_view text) {
    static const Defaults defaults(schema());
    json::object document = json::readDocument(text).value().as_object();
    const Type& type = *schema().find(api_version, kind);
    EXPECT_TRUE(conform(document, type));
    defaults.apply(document, type);
    json::object again = document;
    defaults.apply(again, type);
    EXPECT_EQ(document, again) << "filled in twice";
    return document;
  }
  static json::object o(std::string_view text) { return json::readDocument(text).value().as_object(); }
};

TEST_F(DefaultsTest, Pod) {
  EXPECT_EQ(filled("v1", "Pod", R"({"metadata":{"name":"a"},"spec":{"serviceAccountName":"sa",
      "containers":[{"name":"c","image":"busybox","resources":{"limits":{"cpu":"1"}},"ports":[{"containerPort":80}],
        "livenessProbe":{"httpGet":{"port":80}}, "env":[{"name":"X","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}],
      "volumes":[{"name":"e"},{"name":"s","secret":{"secretName":"x"}},{"name":"h","hostPath":{"path":"/x"}}]}})"),
            o(R"({"metadata":{"name":"a"},"spec":{"serviceAccountName":"sa","serviceAccount":"sa",
      "containers":[{"name":"c","image":"busybox","resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}},
        "ports":[{"containerPort":80,"protocol":"TCP"}],"imagePullPolicy":"Always",
        "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File",
        "livenessProbe":{"httpGet":{"port":80,"path":"/","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,
          "successThreshold":1,"failureThreshold":3},
        "env":[{"name":"X","valueFrom":{"fieldRef":{"fieldPath":"metadata.name","apiVersion":"v1"}}}]}],
      "volumes":[{"name":"e","emptyDir":{}},{"name":"s","secret":{"secretName":"x","defaultMode":420}},
        {"name":"h","hostPath":{"path":"/x","type":""}}],
      "dnsPolicy":"ClusterFirst","restartPolicy":"Always","securityContext":{},"terminationGracePeriodSeconds":30,
      "schedulerName":"default-scheduler","enableServiceLinks":true},"status":{}})"));
}

TEST_F(DefaultsTest, PullPolicyFollowsTheTag) {
  EXPECT_EQ(defaultPullPolicy("busybox"), "Always");
  EXPECT_EQ(defaultPullPolicy("busybox:latest"), "Always");
  EXPECT_EQ(defaultPullPolicy("busybox:1.36"), "IfNotPresent");
  EXPECT_EQ(defaultPullPolicy("localhost:5000/busybox"), "Always");
  EXPECT_EQ(defaultPullPolicy("localhost:5000/busybox:1"), "IfNotPresent");
  EXPECT_EQ(defaultPullPolicy("busybox@sha256:0123"), "IfNotPresent");
}

TEST_F(DefaultsTest, Workloads) {
  EXPECT_EQ(filled("apps/v1", "Deployment", R"({"spec":{"template":{"spec":{}}}})")["spec"],
            json::value(o(R"({"replicas":1,"revisionHistoryLimit":10,"progressDeadlineSeconds":600,
      "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}},
      "template":{"metadata":{},"spec":{"dnsPolicy":"ClusterFirst","restartPolicy":"Always","securityContext":{},
      "terminationGracePeriodSeconds":30,"schedulerName":"default-scheduler"}}})")));
  EXPECT_EQ(filled("apps/v1", "Deployment", R"({"spec":{"strategy":{"type":"Recreate"}}})")["spec"].at("strategy"),
            json::value(o(R"({"type":"Recreate"})")));
  json::object job = filled("batch/v1", "Job", R"({"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}})");
  EXPECT_EQ(job["metadata"], json::value(o(R"({"labels":{"a":"b"}})")));
  job["spec"].as_object().erase("template");
  EXPECT_EQ(job["spec"], json::value(o(R"({"backoffLimit":6,"completionMode":"NonIndexed","completions":1,
      "manualSelector":false,"parallelism":1,"podReplacementPolicy":"TerminatingOrFailed","suspend":false})")));
}

TEST_F(DefaultsTest, OtherKinds) {
  EXPECT_EQ(filled("v1", "Namespace", R"({"metadata":{"name":"x"}})"),
            o(R"({"metadata":{"name":"x","labels":{"kubernetes.io/metadata.name":"x"}},"spec":{},
      "status":{"phase":"Active"}})"));
  EXPECT_EQ(filled("v1", "Service", R"({"spec":{"ports":[{"port":80}]}})")["spec"],
            json::value(o(R"({"ports":[{"port":80,"targetPort":80,"protocol":"TCP"}],"sessionAffinity":"None",
      "type":"ClusterIP","internalTrafficPolicy":"Cluster"})")));
  EXPECT_EQ(filled("v1", "Secret", R"({"data":{}})"), o(R"({"metadata":{},"type":"Opaque"})"));
}

}  // namespace
}  // namespace slipway::schema
