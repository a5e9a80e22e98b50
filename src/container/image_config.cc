#include "container/image_config.h"

#include "base/strings.h"

namespace slipway::container {
namespace json = boost::json;
namespace {

std::vector<std::string> stringsAt(const json::object& object, std::string_view key) {
  std::vector<std::string> out;
  const json::value* list = object.if_contains(key);
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& each : list->get_array()) {
    if (each.is_string()) out.emplace_back(each.get_string());
  }
  return out;
}

std::string stringAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

json::array arrayOf(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& each : list) out.emplace_back(each);
  return out;
}

}  // namespace

Result<ImageConfig> parseImageConfig(std::string_view text) {
  boost::system::error_code error;
  const json::value document = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !document.is_object()) return failure(Code::Invalid, "image configuration: not a JSON object");
  const json::value* inner = document.get_object().if_contains("config");
  const json::object& config = inner != nullptr && inner->is_object() ? inner->get_object() : document.get_object();
  ImageConfig out;
  out.entrypoint = stringsAt(config, "Entrypoint");
  out.cmd = stringsAt(config, "Cmd");
  out.env = stringsAt(config, "Env");
  out.working_dir = stringAt(config, "WorkingDir");
  out.user = stringAt(config, "User");
  return out;
}

std::string formatImageConfig(const ImageConfig& config) {
  return json::serialize(json::object{{"config", json::object{{"Entrypoint", arrayOf(config.entrypoint)},
                                                              {"Cmd", arrayOf(config.cmd)},
                                                              {"Env", arrayOf(config.env)},
                                                              {"WorkingDir", config.working_dir},
                                                              {"User", config.user}}}});
}

Result<std::vector<std::string>> effectiveCommand(const ImageConfig& image, const std::vector<std::string>& command,
                                                  const std::vector<std::string>& args) {
  std::vector<std::string> out = command.empty() ? image.entrypoint : command;
  const std::vector<std::string>& rest = command.empty() && args.empty() ? image.cmd : args;
  out.insert(out.end(), rest.begin(), rest.end());
  if (out.empty()) return failure(Code::Invalid, "no command specified: neither the container nor its image has one");
  return out;
}

std::map<std::string, std::string> effectiveEnvironment(const ImageConfig& image,
                                                        const std::map<std::string, std::string>& container) {
  std::map<std::string, std::string> out;
  out["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& each : image.env) {
    const auto [name, value] = splitOnce(each, '=');
    if (!name.empty()) out[std::string(name)] = value;
  }
  for (const auto& [name, value] : container) out[name] = value;
  return out;
}

}  // namespace slipway::container
