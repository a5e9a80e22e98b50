// A request body: JSON or YAML, checked against a type, defaulted, validated, applied. Nothing may crash, and a
// document that was brought into form stays as it is.
#include <cstdlib>

#include "json/yaml.h"
#include "schema/apply.h"
#include "schema/conform.h"
#include "schema/defaults.h"
#include "schema/ownership.h"
#include "schema/prepare.h"
#include "schema/validation.h"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<const schema::Schema> types = schema::Schema::builtin();
  static const schema::Defaults defaults(*types);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> duplicates;
  Result<json::value> document = json::readDocument(text, {}, &duplicates);
  if (!document) document = json::yamlToJson(text);
  if (!document || !document->is_object()) return 0;

  for (const char* plural : {"pods", "services", "nodes"}) {
    const schema::ResourceInfo& resource = *types->resource("", "v1", plural);
    json::object object = document->get_object();
    if (!schema::conform(object, *resource.type)) continue;
    defaults.apply(object, *resource.type);
    schema::prepareForCreate(resource, object, {});
    (void)schema::validateCreate(resource, object);
    json::object again = object;
    if (!schema::conform(again, *resource.type)) std::abort();
    const schema::FieldManager manager{"fuzz", "v1", ""};
    schema::trackUpdate(schema::emptyObject(*resource.type), again, *resource.type, manager, {});
    (void)schema::applyConfiguration(again, document->get_object(), *resource.type, manager, true, {});
  }
  return 0;
}
