#include "schema/schema.h"

#include <gtest/gtest.h>

#include <ctime>

#include "json/document.h"
#include "schema/builtin_text.h"
#include "schema/conform.h"
#include "schema/quantity.h"

namespace slipway::schema {
namespace {

const Schema& builtin() {
  static const std::unique_ptr<const Schema> schema = Schema::builtin();
  return *schema;
}
json::object o(std::string_view text) {
  return json::readDocument(text).value().as_object();
}

TEST(Schema, LoadsWithinMilliseconds) {
  // The processor's time: a busy machine makes nothing slower by it.
  const std::clock_t begin = std::clock();
  auto schema = Schema::load(builtinText());
  const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  ASSERT_TRUE(schema);
  RecordProperty("microseconds", static_cast<int>(took * 1e6));
  EXPECT_LT(took, 0.200);  // 20 ms is the limit of a release build
}

TEST(Schema, KnowsResourcesAndKinds) {
  const ResourceInfo* pods = builtin().resource("", "v1", "pods");
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ(pods->kind, "Pod");
  EXPECT_TRUE(pods->can("watch"));
  EXPECT_EQ(pods->short_names, std::vector<std::string_view>{"po"});
  EXPECT_EQ(pods->subresource("eviction")->api_version, "policy/v1");
  EXPECT_EQ(pods->type, builtin().find("v1", "Pod"));
  EXPECT_EQ(builtin().resourceOfKind({"apps", "v1", "Deployment"})->subresource("scale")->kind, "Scale");
  for (const GroupVersion& group : builtin().groups()) {
    for (const ResourceInfo& resource : group.resources) {
      EXPECT_NE(resource.type, nullptr) << resource.plural;
    }
  }
}

TEST(Schema, ABrokenTextNamesTheLine) {
  EXPECT_EQ(Schema::load("G - v1\nR pods\n").error().message, "schema, line 2: a resource out of place");
  EXPECT_FALSE(Schema::load("T a\n b @\n c ?\n"));
  EXPECT_FALSE(Schema::load(" x s\n"));
}

std::string decode(std::string_view api_version, std::string_view kind, std::string_view text) {
  json::object document = o(text);
  auto done = conform(document, *builtin().find(api_version, kind));
  return done ? fmt::format("{}{}", fmt::join(*done, ","), json::serialize(document)) : done.error().message;
}

TEST(Conform, UnknownFieldsAreNamedAndPruned) {
  EXPECT_EQ(decode("v1", "ConfigMap", R"({"foo":1,"metadata":{"bar":2,"labels":{"x":"y"}},"data":null})"),
            R"(foo,metadata.bar{"metadata":{"labels":{"x":"y"}}})");
}

TEST(Conform, WrongFormsAreToldInGosWords) {
  struct Row {
    std::string_view container, message;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"("command":"a")", "string into Go struct field Container.spec.containers.command of type []string"},
           {R"("command":[1])", "number into Go struct field Container.spec.containers.command of type string"},
           {R"("ports":[{"containerPort":"a"}])",
            "string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"},
           {R"("ports":[{"containerPort":99999999999}])",
            "number 99999999999 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"},
           {R"("ports":[{"containerPort":1.5}])",
            "number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"},
           {R"("ports":{})", "object into Go struct field Container.spec.containers.ports of type []v1.ContainerPort"},
           {R"("stdin":"true")", "string into Go struct field Container.spec.containers.stdin of type bool"},
           {R"("imagePullPolicy":5)",
            "number into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy"},
           {R"("livenessProbe":5)",
            "number into Go struct field Container.spec.containers.livenessProbe of type v1.Probe"},
           {R"("env":[5])", "number into Go struct field Container.spec.containers.env of type v1.EnvVar"},
       }) {
    EXPECT_EQ(decode("v1", "Pod", fmt::format(R"({{"spec":{{"containers":[{{{}}}]}}}})", row.container)),
              fmt::format("json: cannot unmarshal {}", row.message));
  }
  EXPECT_EQ(decode("v1", "Pod", R"({"metadata":5})"),
            "json: cannot unmarshal number into Go struct field Pod.metadata of type v1.ObjectMeta");
  EXPECT_EQ(decode("v1", "Pod", R"({"metadata":{"labels":{"a":1}}})"),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string");
  EXPECT_EQ(decode("v1", "Secret", R"({"data":{"a":"%%%"}})"), "illegal base64 data at input byte 0");
  EXPECT_EQ(decode("v1", "Pod", R"({"metadata":{"creationTimestamp":"zz"}})"),
            R"(parsing time "zz" as "2006-01-02T15:04:05Z07:00": cannot parse "zz" as "2006")");
}

TEST(Conform, TheFormIsThatOfATypedServer) {
  EXPECT_EQ(o(decode("v1", "Pod", R"({"metadata":{"name":"a","labels":{}},"spec":{"hostNetwork":false,"nodeName":"",
      "terminationGracePeriodSeconds":0,"volumes":[],"containers":[{"name":"c","resources":{"limits":{"cpu":0.5,
      "memory":"1024Mi"}},"env":[{"name":"X","value":""}]}]}})")),
            o(R"({"metadata":{"name":"a"},"spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"c",
      "resources":{"limits":{"cpu":"500m","memory":"1Gi"}},"env":[{"name":"X"}]}]},"status":{}})"));
}

TEST(Quantity, CanonicalForms) {
  struct Row {
    std::string_view text, canonical;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"1000m", "1"},
           {"0.5", "500m"},
           {"1000", "1k"},
           {"1500", "1500"},
           {"1024Mi", "1Gi"},
           {"1536Mi", "1536Mi"},
           {"0.5Gi", "512Mi"},
           {"1e3", "1e3"},
           {"100Ki", "100Ki"},
           {"512", "512"},
           {"1Ki", "1Ki"},
           {"0.5Ki", "512"},
           {"-1", "-1"},
           {"+1", "1"},
           {"0", "0"},
           {"0Mi", "0"},
           {"1E", "1E"},
           {"12e6", "12e6"},
           {".5", "500m"},
           {"5.", "5"},
           {"1n", "1n"},
           {"0.1n", "1n"},
           {"100000000000000000000", "9223372036854775807"},
           {"1.2345678901", "1234567891n"},
           {"1000000Ki", "1000000Ki"},
           {"2Ei", "2Ei"},
       }) {
    EXPECT_EQ(Quantity::parse(row.text).value().canonical(), row.canonical) << row.text;
  }
  for (std::string_view bad : {"", "1x", "true", "1.2.3", "Ki", "1 Ki", "1K", "1kk", "1e", "--1"}) {
    EXPECT_FALSE(Quantity::parse(bad)) << bad;
  }
  EXPECT_EQ(Quantity::parse("1500m")->value(), 2);
  EXPECT_EQ(Quantity::parse("1500m")->milliValue(), 1500);
  EXPECT_LT(*Quantity::parse("999Mi"), *Quantity::parse("1Gi"));
}

}  // namespace
}  // namespace slipway::schema
