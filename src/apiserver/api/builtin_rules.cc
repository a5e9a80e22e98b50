#include "apiserver/api/builtin_rules.h"

#include "json/document.h"
#include "schema/conform.h"

namespace slipway::apiserver {
namespace {

class BuiltinRules final : public ObjectRules {
 public:
  BuiltinRules(const schema::Schema& schema, const schema::ResourceInfo& resource)
      : schema_(schema), resource_(resource) {}

  Answer<std::vector<std::string>> normalise(json::object& object) const override {
    if (resource_.type == nullptr) return std::vector<std::string>();
    Result<std::vector<std::string>> unknown = schema::conform(object, *resource_.type);
    if (!unknown) {
      return failure(
          refuse::badRequest(fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", resource_.kind,
                                         resource_.version, resource_.kind, unknown.error().message)));
    }
    return schema::warnings(*unknown, {});
  }
  void setDefaults(json::object&) const override {}
  std::vector<Cause> validate(const json::object&, const json::object*, std::string_view) const override { return {}; }
  const json::MergeSchema* mergeSchema() const override { return resource_.type; }
  void noteOwner(const json::object*, json::object&, const FieldOwner&) const override {}
  Answer<json::object> apply(const json::object*, const json::object&, const FieldOwner&, bool) const override {
    return failure(StatusError({Code::NotImplemented, "server-side apply is not there yet"}));
  }
  json::array columns() const override {
    return {
        json::object{
            {"name", "Name"}, {"type", "string"}, {"format", "name"}, {"description", "Name"}, {"priority", 0}},
        json::object{{"name", "Created At"}, {"type", "date"}, {"format", ""}, {"description", ""}, {"priority", 0}}};
  }
  json::array cells(const json::object& object) const override {
    return {json::text(object, {"metadata", "name"}), json::text(object, {"metadata", "creationTimestamp"})};
  }

 private:
  const schema::Schema& schema_;
  const schema::ResourceInfo& resource_;
};

}  // namespace

std::shared_ptr<const ObjectRules> builtinRules(const schema::Schema& schema, const schema::ResourceInfo& resource) {
  return std::make_shared<BuiltinRules>(schema, resource);
}

}  // namespace slipway::apiserver
