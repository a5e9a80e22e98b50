#include "apiserver/proto/field_numbers.h"

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

// "M message" and after it its fields, one a line: "number name shape". A shape is s string, y bytes, b bool, i
// integer, d double or @message; before it "[" for a list or "{" for a map by strings.
constexpr std::string_view kNumbers =
#include "apiserver/proto/field_numbers.inc"
    ;

struct FormOf {
  std::string_view message;
  ProtoForm form;
};
constexpr FormOf kForms[] = {
    {"apimachinery.pkg.apis.meta.v1.Time", ProtoForm::Time},
    {"apimachinery.pkg.apis.meta.v1.MicroTime", ProtoForm::MicroTime},
    {"apimachinery.pkg.apis.meta.v1.Duration", ProtoForm::Duration},
    {"apimachinery.pkg.apis.meta.v1.FieldsV1", ProtoForm::RawJson},
    {"apimachinery.pkg.apis.meta.v1.Verbs", ProtoForm::Items},
    {"apimachinery.pkg.api.resource.Quantity", ProtoForm::Quantity},
    {"apimachinery.pkg.util.intstr.IntOrString", ProtoForm::IntOrString},
    {"apimachinery.pkg.runtime.RawExtension", ProtoForm::RawJson},
    {"apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON", ProtoForm::RawJson},
    {"apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray", ProtoForm::SchemaOrArray},
    {"apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool", ProtoForm::SchemaOrBool},
    {"apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray", ProtoForm::SchemaOrStrings},
};

struct Rename {
  std::string_view proto;
  std::string_view json;
};
// Names of JSONSchemaProps that JSON writes in another way.
constexpr Rename kRenames[] = {{"ref", "$ref"},
                               {"xKubernetesPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields"},
                               {"xKubernetesEmbeddedResource", "x-kubernetes-embedded-resource"},
                               {"xKubernetesIntOrString", "x-kubernetes-int-or-string"},
                               {"xKubernetesListMapKeys", "x-kubernetes-list-map-keys"},
                               {"xKubernetesListType", "x-kubernetes-list-type"},
                               {"xKubernetesMapType", "x-kubernetes-map-type"},
                               {"xKubernetesValidations", "x-kubernetes-validations"}};

// Fields that JSON writes small. (DaemonEndpoint's Port it writes large.)
constexpr Rename kSmall[] = {{"Expression", "expression"}, {"Name", "name"}, {"Webhooks", "webhooks"}};

std::string_view jsonName(std::string_view message, std::string_view name) {
  if (message.starts_with("api.admissionregistration.")) {
    for (const Rename& rename : kSmall) {
      if (rename.proto == name) return rename.json;
    }
  }
  if (!message.ends_with(".JSONSchemaProps")) return name;
  if (name == "schema") return "$schema";
  for (const Rename& rename : kRenames) {
    if (rename.proto == name) return rename.json;
  }
  return name;
}

}  // namespace

const FieldNumbers& FieldNumbers::builtin() {
  static const FieldNumbers kBuiltin;
  return kBuiltin;
}

ProtoMessage& FieldNumbers::message(std::string_view name) {
  std::unique_ptr<ProtoMessage>& place = messages_[name];
  if (place) return *place;
  place = std::make_unique<ProtoMessage>();
  place->name = name;
  for (const FormOf& row : kForms) {
    if (row.message == name) place->form = row.form;
  }
  if (name.ends_with(".ExtraValue")) place->form = ProtoForm::Items;
  return *place;
}

ProtoField FieldNumbers::readField(std::string_view name, std::string_view shape) {
  ProtoField field;
  field.name = name;
  field.repeated = shape.starts_with('[');
  field.map = shape.starts_with('{');
  if (field.repeated || field.map) shape.remove_prefix(1);
  switch (shape[0]) {
    case 'y':
      field.kind = ProtoField::Kind::Bytes;
      break;
    case 'b':
      field.kind = ProtoField::Kind::Bool;
      break;
    case 'i':
      field.kind = ProtoField::Kind::Integer;
      break;
    case 'd':
      field.kind = ProtoField::Kind::Double;
      break;
    case '@':
      field.kind = ProtoField::Kind::Message;
      field.message = &message(shape.substr(1));
      break;
    default:
      break;
  }
  return field;
}

FieldNumbers::FieldNumbers() {
  ProtoMessage* current = nullptr;
  for (const std::string_view line : split(kNumbers, '\n')) {
    const std::vector<std::string_view> words = split(line, ' ');
    if (words.size() == 2) {
      current = &message(words[1]);
    } else if (words.size() == 3 && current != nullptr) {
      const auto number = static_cast<uint32_t>(parseInt(words[0]).value_or(0));
      current->fields.emplace(number, readField(jsonName(current->name, words[1]), words[2]));
    }
  }
}

const ProtoMessage* FieldNumbers::find(std::string_view name) const {
  const auto found = messages_.find(name);
  return found == messages_.end() ? nullptr : found->second.get();
}

}  // namespace slipway::apiserver
