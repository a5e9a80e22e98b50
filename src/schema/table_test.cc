#include "schema/table.h"

#include <gtest/gtest.h>

#include "json/document.h"

namespace slipway::schema {
namespace {

json::object o(std::string_view text) {
  return json::readDocument(text).value().as_object();
}
const WallTime kNow = *parseTime("2026-01-10T00:00:00Z");

std::string row(const Gvk& gvk, std::string_view text) {
  std::vector<std::string> out;
  for (const json::value& cell : tableCells(gvk, o(text), kNow)) {
    out.push_back(cell.is_string() ? std::string(cell.get_string()) : json::serialize(cell));
  }
  EXPECT_EQ(out.size(), tableColumns(gvk).size());
  return fmt::format("{}", fmt::join(out, "|"));
}

TEST(Table, HumanDurations) {
  struct Row {
    int64_t seconds;
    std::string_view text;
  };
  for (const Row& one : std::initializer_list<Row>{{-5, "<invalid>"},
                                                   {0, "0s"},
                                                   {119, "119s"},
                                                   {120, "2m"},
                                                   {125, "2m5s"},
                                                   {600, "10m"},
                                                   {179 * 60, "179m"},
                                                   {3 * 3600 + 60, "3h1m"},
                                                   {8 * 3600, "8h"},
                                                   {47 * 3600, "47h"},
                                                   {49 * 3600, "2d1h"},
                                                   {8 * 86400, "8d"},
                                                   {729 * 86400, "729d"},
                                                   {731 * 86400, "2y1d"},
                                                   {3000 * 86400LL, "8y"}}) {
    EXPECT_EQ(humanDuration(std::chrono::seconds(one.seconds)), one.text);
  }
}

TEST(Table, PodsAreSummarisedAsKubectlShowsThem) {
  Gvk pod{"", "v1", "Pod"};
  EXPECT_EQ(row(pod, R"({"metadata":{"name":"a","creationTimestamp":"2026-01-09T23:59:30Z"},
      "spec":{"nodeName":"n","containers":[{"name":"c"},{"name":"d"}]},
      "status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"}],"containerStatuses":[
        {"name":"c","ready":true,"restartCount":2,"state":{"running":{}},
         "lastState":{"terminated":{"finishedAt":"2026-01-09T23:59:00Z"}}},
        {"name":"d","restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})"),
            "a|1/2|CrashLoopBackOff|3 (60s ago)|30s|10.0.0.1|n|<none>|<none>");
  struct Row {
    std::string_view status, wanted;
  };
  for (const Row& one : std::initializer_list<Row>{
           {R"({"phase":"Pending"})", "Pending"},
           {R"({"phase":"Failed","reason":"Evicted"})", "Evicted"},
           {R"({"phase":"Pending","conditions":[{"type":"PodScheduled","reason":"SchedulingGated"}]})",
            "SchedulingGated"},
           {R"({"phase":"Succeeded","containerStatuses":[{"state":{"terminated":{"reason":"Completed"}}}]})",
            "Completed"},
           {R"({"phase":"Failed","containerStatuses":[{"state":{"terminated":{"exitCode":3}}}]})", "ExitCode:3"},
           {R"({"phase":"Failed","containerStatuses":[{"state":{"terminated":{"signal":9}}}]})", "Signal:9"},
           {R"({"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"running":{}}}]})", "Init:0/1"},
           {R"({"phase":"Pending","initContainerStatuses":[{"state":{"terminated":{"exitCode":1,"reason":"Error"}}}]})",
            "Init:Error"},
           {R"({"phase":"Running","containerStatuses":[{"ready":true,"state":{"running":{}}},
               {"state":{"terminated":{"reason":"Completed"}}}]})",
            "NotReady"},
       }) {
    json::array cells = tableCells(
        pod,
        o(fmt::format(R"({{"metadata":{{"name":"a"}},"spec":{{"initContainers":[{{"name":"i"}}]}},"status":{}}})",
                      one.status)),
        kNow);
    EXPECT_EQ(cells[2], json::value(one.wanted));
  }
}

TEST(Table, OtherKinds) {
  EXPECT_EQ(row({"", "v1", "Node"}, R"({"metadata":{"name":"n1","labels":{"node-role.kubernetes.io/worker":""}},
      "spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],
      "addresses":[{"type":"InternalIP","address":"1.2.3.4"}],"nodeInfo":{"kubeletVersion":"v1"}}})"),
            "n1|Ready,SchedulingDisabled|worker|<unknown>|v1|1.2.3.4|<none>|<unknown>|<unknown>|<unknown>");
  EXPECT_EQ(row({"", "v1", "Service"}, R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","clusterIPs":["10.0.0.5"],
      "ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},{"port":53,"protocol":"UDP"}],"selector":{"a":"b"}}})"),
            "s|NodePort|10.0.0.5|<none>|80:30080/TCP,53/UDP|<unknown>|a=b");
  EXPECT_EQ(row({"apps", "v1", "Deployment"}, R"({"metadata":{"name":"d"},"spec":{"replicas":3,
      "selector":{"matchLabels":{"b":"c","a":"b"},"matchExpressions":[{"key":"k","operator":"In","values":["y","x"]}]},
      "template":{"spec":{"containers":[{"name":"c","image":"i"}]}}},"status":{"readyReplicas":1,"updatedReplicas":2}})"),
            "d|1/3|2|0|<unknown>|c|i|a=b,b=c,k in (x,y)");
  EXPECT_EQ(row({"rbac.authorization.k8s.io", "v1", "Role"}, R"({"metadata":{"name":"r","creationTimestamp":"t"}})"),
            "r|t");
  EXPECT_EQ(row({"example.com", "v1", "Custom"}, R"({"metadata":{"name":"r"}})"), "r|");
}

TEST(Table, EveryKindsRowFitsItsColumns) {
  std::unique_ptr<const Schema> schema = Schema::builtin();
  for (const GroupVersion& group : schema->groups()) {
    for (const ResourceInfo& resource : group.resources) {
      row(gvkOf(group.group.empty() ? std::string(group.version) : fmt::format("{}/{}", group.group, group.version),
                resource.kind),
          R"({"metadata":{"name":"x"}})");
    }
  }
}

}  // namespace
}  // namespace slipway::schema
