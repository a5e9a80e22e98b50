#include "apiserver/crd/definition_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/document.h"

namespace slipway::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

json::object definition(std::string_view schema) {
  const std::string text = fmt::format(R"({{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {{"name": "widgets.ex.io"}}, "spec": {{"group": "ex.io", "scope": "Namespaced",
    "names": {{"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}},
    "versions": [{{"name": "v1", "served": true, "storage": true, "schema": {{"openAPIV3Schema": {}}}}}]}}}})",
                                       schema);
  return json::parse(text).as_object();
}

std::vector<std::string> problems(const json::object& object, const json::object* old = nullptr) {
  std::vector<std::string> out;
  for (const Cause& cause : checkDefinition(object, old)) out.push_back(cause.field + ": " + cause.message);
  return out;
}

std::vector<std::string> ofSpec(std::string_view schema) {
  std::vector<std::string> out =
      problems(definition(fmt::format(R"({{"type": "object", "properties": {{"spec": {}}}}})", schema)));
  constexpr std::string_view kStart = "spec.validation.openAPIV3Schema.properties[spec]";
  for (std::string& line : out) {
    if (line.starts_with(kStart)) line.erase(0, kStart.size());
  }
  return out;
}

TEST(CheckDefinition, AnOrdinaryOneIsFine) {
  EXPECT_THAT(ofSpec(R"({"type": "object", "properties": {"a": {"type": "string", "default": "x"},
    "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}},
    "anyOf": [{"required": ["a"]}, {"properties": {"a": {"minLength": 1}}}]})"),
              IsEmpty());
}

TEST(CheckDefinition, EveryValueNeedsItsType) {
  EXPECT_THAT(problems(definition("{}")),
              ElementsAre("spec.validation.openAPIV3Schema.type: Required value: must not be empty at the root"));
  EXPECT_THAT(ofSpec("{}"), ElementsAre(".type: Required value: must not be empty for specified object fields"));
  EXPECT_THAT(ofSpec(R"({"type": "array"})"), ElementsAre(".items: Required value: must be specified"));
  EXPECT_THAT(ofSpec(R"({"type": "array", "items": {}})"),
              ElementsAre(".items.type: Required value: must not be empty for specified array items"));
}

TEST(CheckDefinition, LogicSaysNothingAboutTypes) {
  EXPECT_THAT(ofSpec(R"({"type": "object", "allOf": [{"type": "object", "title": "t"}]})"),
              ElementsAre(".allOf[0].title: Forbidden: must be empty to be structural",
                          ".allOf[0].type: Forbidden: must be empty to be structural"));
}

TEST(CheckDefinition, KeysOfMapListsAreScalarsThatAreThere) {
  EXPECT_THAT(
      ofSpec(R"({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["z", "a"],
    "items": {"type": "object", "properties": {"a": {"type": "object"}}}})"),
      ElementsAre(".x-kubernetes-list-map-keys: Invalid value: [\"z\",\"a\"]: entries must all be names of item "
                  "properties",
                  ".items.properties[a].type: Invalid value: \"object\": must be a scalar type if parent "
                  "array's x-kubernetes-list-type is map",
                  ".items.properties[a].default: Required value: this property is in "
                  "x-kubernetes-list-map-keys, so it must have a default or be a required property"));
}

TEST(CheckDefinition, DefaultsFitTheirPlace) {
  EXPECT_THAT(ofSpec(R"({"type": "object", "default": {"z": 1}, "properties": {"a": {"type": "integer",
    "minimum": 3, "default": 1}}})"),
              ElementsAre(".default: Invalid value: {\"z\":1}: must not have unknown fields",
                          ".properties[a].default: Invalid value: 1:  in body should be greater than or equal to 3"));
}

TEST(CheckDefinition, WhatIsNotBuiltYetIsRefusedByName) {
  EXPECT_THAT(ofSpec(R"({"type": "object", "x-kubernetes-validations": [{"rule": "true"}]})"),
              ElementsAre(".x-kubernetes-validations: Forbidden: CEL validation rules are not supported by this "
                          "server yet"));
  json::object webhook = definition(R"({"type": "object"})");
  webhook["spec"].as_object()["conversion"] = json::object{{"strategy", "Webhook"}};
  EXPECT_THAT(problems(webhook), ElementsAre("spec.conversion.strategy: Forbidden: conversion by webhook is not "
                                             "supported by this server yet; use None"));
}

TEST(CheckDefinition, NamesVersionsAndWhatMayNotChange) {
  json::object other = definition(R"({"type": "object"})");
  other["metadata"].as_object()["name"] = "foo.ex.io";
  EXPECT_THAT(problems(other), ElementsAre("metadata.name: Invalid value: \"foo.ex.io\": must be "
                                           "spec.names.plural+\".\"+spec.group"));
  const json::object old = definition(R"({"type": "object"})");
  json::object moved = old;
  moved["spec"].as_object()["scope"] = "Cluster";
  EXPECT_THAT(problems(moved, &old), ElementsAre("spec.scope: Invalid value: \"Cluster\": field is immutable"));
  EXPECT_THAT(problems(old, &old), IsEmpty());
}

}  // namespace
}  // namespace slipway::apiserver
