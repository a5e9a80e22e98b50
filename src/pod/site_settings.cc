#include "pod/site_settings.h"

#include <boost/json.hpp>

#include "base/files.h"

namespace slipway::pod {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

std::string textOf(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

void readNumber(const json::object& object, std::string_view key, int64_t& out) {
  const json::value* value = object.if_contains(key);
  if (value != nullptr && value->is_int64()) out = value->get_int64();
}

std::vector<std::string> textsOf(const json::object& object, std::string_view key) {
  std::vector<std::string> out;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return out;
  for (const json::value& item : value->get_array()) {
    if (item.is_string()) out.emplace_back(item.get_string());
  }
  return out;
}

}  // namespace

std::string formatSiteSettings(const SiteSettings& settings) {
  json::object mirrors;
  for (const auto& [registry, host] : settings.registry_mirrors) mirrors[registry] = host;
  return json::serialize(json::object{
      {"defaultRuntime", settings.default_runtime},
      {"imageRoot", settings.image_root.string()},
      {"imageBytes", settings.image_bytes},
      {"allowHostPath", settings.allow_host_path},
      {"logPieceBytes", settings.log_limits.piece_bytes},
      {"logPieces", settings.log_limits.pieces},
      {"localImages", json::array(settings.local_images.begin(), settings.local_images.end())},
      {"insecureRegistries", json::array(settings.insecure_registries.begin(), settings.insecure_registries.end())},
      {"registryMirrors", std::move(mirrors)}});
}

Result<SiteSettings> parseSiteSettings(std::string_view text) {
  boost::system::error_code error;
  const json::value document = json::parse(text, error);
  if (error || !document.is_object()) return failure(Code::BadRequest, "site.json is not a JSON object");
  const json::object& object = document.get_object();
  SiteSettings settings;
  settings.default_runtime = textOf(object, "defaultRuntime");
  settings.image_root = textOf(object, "imageRoot");
  settings.local_images = textsOf(object, "localImages");
  settings.insecure_registries = textsOf(object, "insecureRegistries");
  readNumber(object, "imageBytes", settings.image_bytes);
  if (const auto* allowed = object.if_contains("allowHostPath"); allowed != nullptr && allowed->is_bool()) {
    settings.allow_host_path = allowed->get_bool();
  }
  readNumber(object, "logPieceBytes", settings.log_limits.piece_bytes);
  readNumber(object, "logPieces", settings.log_limits.pieces);
  if (const auto* mirrors = object.if_contains("registryMirrors"); mirrors != nullptr && mirrors->is_object()) {
    for (const auto& [registry, host] : mirrors->get_object()) {
      if (host.is_string()) settings.registry_mirrors[std::string(registry)] = std::string(host.get_string());
    }
  }
  return settings;
}

Status writeSiteSettings(const fs::path& state, const SiteSettings& settings) {
  return writeFileAtomic(state / "site.json", formatSiteSettings(settings), 0600);
}

Result<SiteSettings> readSiteSettings(const fs::path& pod_directory) {
  // <state>/pods/<uid>/<attempt>
  const fs::path state = fs::absolute(pod_directory).lexically_normal().parent_path().parent_path().parent_path();
  const auto text = readFile(state / "site.json");
  if (!text && text.error().is(Code::NotFound)) return SiteSettings{};
  if (!text) return failure(text.error());
  return parseSiteSettings(*text);
}

}  // namespace slipway::pod
