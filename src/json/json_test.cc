#include <gtest/gtest.h>

#include "json/compare.h"
#include "json/document.h"
#include "json/indent.h"
#include "json/merge_patch.h"
#include "json/patch.h"
#include "json/strategic_merge.h"
#include "json/yaml.h"

namespace slipway::json {
namespace {

value j(std::string_view text) {
  return readDocument(text).value();
}

TEST(Document, RepeatedFieldsAreNamedByPathAndTheLastCounts) {
  std::vector<std::string> duplicates;
  value read = readDocument(R"({"spec":{"list":[{"a":1},{"a":1,"a":2}],"x":1,"x":{}}})", {}, &duplicates).value();
  EXPECT_EQ(duplicates, (std::vector<std::string>{"spec.list[1].a", "spec.x"}));
  EXPECT_EQ(read, j(R"({"spec":{"list":[{"a":1},{"a":2}],"x":{}}})"));
}

TEST(Document, EscapesAcrossKeysAndStringsAreKept) {
  value read = readDocument(R"({"a\nb":"c\u00e4\"d","":""})").value();
  EXPECT_EQ(std::string_view(read.at("a\nb").as_string()), "c\xc3\xa4\"d");
  EXPECT_EQ(read.as_object().size(), 2);
}

TEST(Document, LimitsHold) {
  EXPECT_EQ(readDocument(std::string(300, '[') + std::string(300, ']')).error().message, "json: exceeded max depth");
  EXPECT_EQ(readDocument("123456", {.max_bytes = 5}).error().code, Code::RequestEntityTooLarge);
  EXPECT_FALSE(readDocument(R"({"a":1} x)"));
  EXPECT_FALSE(readDocument(R"({"a":1)"));
  EXPECT_FALSE(readDocument(""));
  EXPECT_TRUE(readDocument(" {} \n"));
}

TEST(Patch, Rfc6902Examples) {
  struct Row {
    std::string_view document, patch, wanted;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])", R"({"baz":"qux","foo":"bar"})"},
           {R"({"foo":["a","b"]})", R"([{"op":"add","path":"/foo/1","value":"x"}])", R"({"foo":["a","x","b"]})"},
           {R"({"foo":["a"]})", R"([{"op":"add","path":"/foo/-","value":["x"]}])", R"({"foo":["a",["x"]]})"},
           {R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
           {R"({"foo":["a","b"]})", R"([{"op":"remove","path":"/foo/0"}])", R"({"foo":["b"]})"},
           {R"({"a":1})", R"([{"op":"replace","path":"/a","value":null}])", R"({"a":null})"},
           {R"({"a":{"b":1},"c":{}})", R"([{"op":"move","from":"/a/b","path":"/c/d"}])", R"({"a":{},"c":{"d":1}})"},
           {R"({"a":{"b":1}})", R"([{"op":"copy","from":"/a","path":"/a/c"}])", R"({"a":{"b":1,"c":{"b":1}}})"},
           {R"({"a/b":{"m~n":1}})", R"([{"op":"test","path":"/a~1b/m~0n","value":1.0}])", R"({"a/b":{"m~n":1}})"},
           {R"({"a":1})", R"([{"op":"add","path":"","value":[]}])", R"([])"},
       }) {
    Result<value> done = applyPatch(j(row.document), j(row.patch));
    ASSERT_TRUE(done) << row.patch << done.error().message;
    EXPECT_EQ(*done, j(row.wanted)) << row.patch;
  }
}

TEST(Patch, WhatDoesNotFitIsRefused) {
  for (std::string_view patch : {
           R"([{"op":"remove","path":"/nope"}])",
           R"([{"op":"replace","path":"/nope","value":1}])",
           R"([{"op":"add","path":"/list/7","value":1}])",
           R"([{"op":"add","path":"/list/01","value":1}])",
           R"([{"op":"test","path":"/a","value":2}])",
           R"([{"op":"move","from":"/list","path":"/list/0"}])",
           R"([{"op":"fly","path":"/a"}])",
           R"([{"op":"add"}])",
           R"([1])",
           R"({})",
           R"([{"op":"add","path":"a","value":1}])",
       }) {
    EXPECT_FALSE(applyPatch(j(R"({"a":1,"list":[1]})"), j(patch))) << patch;
  }
}

TEST(Patch, DoublingByCopyIsStopped) {
  array operations;
  for (int i = 0; i < 40; ++i) operations.push_back(j(R"({"op":"copy","from":"/a","path":"/a/-"})"));
  EXPECT_FALSE(applyPatch(j(R"({"a":[1]})"), operations));
}

TEST(MergePatch, Rfc7386Examples) {
  struct Row {
    std::string_view document, patch, wanted;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
           {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
           {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
           {R"({"a":"foo"})", R"("bar")", R"("bar")"},
           {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
           {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
           {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
       }) {
    value document = j(row.document);
    applyMergePatch(document, j(row.patch));
    EXPECT_EQ(document, j(row.wanted)) << row.patch;
  }
}

TEST(Indent, LooksAsGoWritesItForPeople) {
  EXPECT_EQ(indented(R"({"a":{},"b":[],"c":[1,{"d":"x, \"{\": y"}],"e":null})"), R"({
  "a": {},
  "b": [],
  "c": [
    1,
    {
      "d": "x, \"{\": y"
    }
  ],
  "e": null
})");
  EXPECT_EQ(indented("3"), "3");
}

TEST(MergePatch, TheDifferenceLeadsFromOneToTheOther) {
  value from = j(R"({"a":1,"b":{"c":[1],"d":2},"e":3})"), to = j(R"({"a":1,"b":{"c":[2],"d":2},"f":{"g":1}})");
  value patch = mergePatchBetween(from, to);
  EXPECT_EQ(patch, j(R"({"b":{"c":[2]},"e":null,"f":{"g":1}})"));
  applyMergePatch(from, patch);
  EXPECT_EQ(from, to);
  EXPECT_EQ(mergePatchBetween(to, to), j("{}"));
}

/// containers: merged by name, each with env (by name), args (replaced) and finalizers (scalars, merged).
class PodLike final : public MergeSchema {
 public:
  MergeField mergeField(std::string_view name) const override {
    if (name == "containers" || name == "env") return {this, "name", true, false};
    if (name == "finalizers") return {nullptr, "", true, false};
    if (name == "whole") return {nullptr, "", false, true};
    return {this, "", false, false};
  }
};

value smp(std::string_view document, std::string_view patch) {
  PodLike schema;
  Result<value> done = applyStrategicMerge(j(document), j(patch), &schema);
  return done ? *done : value(done.error().message);
}

TEST(StrategicMerge, ListsAreMergedByKey) {
  EXPECT_EQ(smp(R"({"containers":[{"name":"a","image":"1","env":[{"name":"X","value":"1"}]},{"name":"b"}]})",
                R"({"containers":[{"name":"a","image":"2","env":[{"name":"Y"}]},{"name":"c","z":null}]})"),
            j(R"({"containers":[{"name":"a","image":"2","env":[{"name":"Y"},{"name":"X","value":"1"}]},{"name":"c"},
                 {"name":"b"}]})"));
}

TEST(StrategicMerge, Directives) {
  EXPECT_EQ(smp(R"({"containers":[{"name":"a"},{"name":"b"}]})", R"({"containers":[{"$patch":"delete","name":"a"}]})"),
            j(R"({"containers":[{"name":"b"}]})"));
  EXPECT_EQ(smp(R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"z"},{"$patch":"replace"}]})"),
            j(R"({"containers":[{"name":"z"}]})"));
  EXPECT_EQ(smp(R"({"m":{"a":1,"b":2}})", R"({"m":{"$patch":"replace","c":3}})"), j(R"({"m":{"c":3}})"));
  EXPECT_EQ(smp(R"({"m":{"a":1}})", R"({"m":{"$patch":"delete"}})"), j(R"({"m":{}})"));
  EXPECT_EQ(smp(R"({"m":{"a":1,"b":2,"c":3}})", R"({"m":{"$retainKeys":["a","d"],"d":4}})"),
            j(R"({"m":{"a":1,"d":4}})"));
  EXPECT_EQ(smp(R"({"finalizers":["a","b"]})", R"({"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c"]})"),
            j(R"({"finalizers":["c","b"]})"));
  EXPECT_EQ(smp(R"({"args":["a"],"whole":{"x":1}})", R"({"args":["b"],"whole":{"y":1}})"),
            j(R"({"args":["b"],"whole":{"y":1}})"));
  EXPECT_EQ(smp(R"({"m":{"a":1}})", R"({"m":{"a":null,"q":null}})"), j(R"({"m":{}})"));
}

TEST(StrategicMerge, OrderIsThatOfTheDirectiveWithTheServersOwnBetween) {
  EXPECT_EQ(smp(R"({"containers":[{"name":"server"},{"name":"a"},{"name":"b"}]})",
                R"({"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"b","x":1}]})"),
            j(R"({"containers":[{"name":"server"},{"name":"b","x":1},{"name":"a"}]})"));
  EXPECT_EQ(smp(R"({"finalizers":["s","a","b"]})", R"({"$setElementOrder/finalizers":["b","a"]})"),
            j(R"({"finalizers":["s","b","a"]})"));
}

TEST(StrategicMerge, APatchThatContradictsItselfIsRefused) {
  EXPECT_TRUE(smp("{}", R"({"$patch":"fly"})").is_string());
  EXPECT_TRUE(smp(R"({"containers":[{"name":"a"}]})", R"({"containers":[{"image":"x"}]})").is_string());
  EXPECT_TRUE(smp(R"({"m":{"a":1}})", R"({"m":{"$retainKeys":["a"],"b":1}})").is_string());
  EXPECT_TRUE(
      smp(R"({"containers":[]})", R"({"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"b"}]})")
          .is_string());
}

TEST(Compare, EmptyEqualsMissing) {
  EXPECT_TRUE(equal(j("[1, 2.0]"), j("[1.0, 2]")));
  EXPECT_TRUE(equalIgnoringEmpty(j(R"({"a":1,"b":false,"c":{"d":""}})"), j(R"({"a":1,"l":[]})")));
  EXPECT_FALSE(equalIgnoringEmpty(j(R"({"a":1})"), j(R"({"a":2})")));
  EXPECT_EQ(differingPaths(j(R"({"a":[{"b":1}],"c":1})"), j(R"({"a":[{"b":2}],"d":1})")),
            (std::vector<std::string>{"a[0].b", "c", "d"}));
}

TEST(Yaml, ScalarsAreReadAsYaml11) {
  EXPECT_EQ(yamlToJson("a: yes\nb: 'yes'\nc: 0x1f\nd: 010\ne: 1_000\nf: 1e3\ng: .5\nh: ~\ni: 2001-01-01\nj: off\n"
                       "k: 1.2.3\nl: -7\nm: !!str 5\n8080: x\ntrue: y\no: \"a\\nb\"\np: 18446744073709551615\n")
                .value(),
            j(R"({"a":true,"b":"yes","c":31,"d":8,"e":1000,"f":1000.0,"g":0.5,"h":null,"i":"2001-01-01","j":false,
                  "k":"1.2.3","l":-7,"m":"5","8080":"x","true":true,"o":"a\nb","p":18446744073709551615})"));
}

TEST(Yaml, AnchorsMergesAndJson) {
  EXPECT_EQ(yamlToJson("base: &b {x: 1, z: 2}\nuse: {<<: *b, z: 3}\nlist: [*b]\n").value(),
            j(R"({"base":{"x":1,"z":2},"use":{"z":3,"x":1},"list":[{"x":1,"z":2}]})"));
  EXPECT_EQ(yamlToJson(R"({"a": [1, {"b": null}], "c": "d"})").value(), j(R"({"a":[1,{"b":null}],"c":"d"})"));
}

TEST(Yaml, WhatIsWrongIsRefused) {
  EXPECT_EQ(yamlToJson("a: 1\na: 2\n").error().message, "yaml: line 2: key \"a\" already set in map");
  EXPECT_FALSE(yamlToJson("a: 1\n---\nb: 2\n"));
  EXPECT_TRUE(yamlToJson("---\na: 1\n---\n"));
  EXPECT_FALSE(yamlToJson("a: [1"));
  EXPECT_FALSE(yamlToJson("a: .inf"));
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", i, i - 1);
  }
  EXPECT_TRUE(yamlToJson(bomb).error().message.ends_with("document contains excessive aliasing"));
  EXPECT_FALSE(yamlToJson(std::string(5000, '[')));
}

}  // namespace
}  // namespace slipway::json
