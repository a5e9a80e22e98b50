#include "pod/layout.h"

#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "pod/log_pieces.h"

namespace slipway::pod {
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

template <typename Message>
Result<Message> readMessage(const fs::path& path) {
  TRY(const std::string bytes, readFile(path));
  Message message;
  if (!message.ParseFromString(bytes)) return failure(Code::InternalError, "{}: not a valid message", path.string());
  return message;
}

Status writeMessage(const fs::path& path, const google::protobuf::Message& message) {
  return writeFileAtomic(path, message.SerializeAsString(), 0600);
}

std::string stringOf(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

bool isSafeFileName(std::string_view name) {
  if (name.empty() || name.size() > 253 || name[0] == '.') return false;
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; });
}

PodDirectory::PodDirectory(const fs::path& state, std::string_view uid, uint32_t attempt)
    : path_(state / "pods" / uid / std::to_string(attempt)) {}

fs::path PodDirectory::log(std::string_view container, uint32_t restart) const {
  return logs() / container / fmt::format("{}.log", restart);
}

Result<fs::path> PodDirectory::newestLog(std::string_view container, bool previous) const {
  if (!isSafeFileName(container)) return failure(Code::BadRequest, "\"{}\" is not a container name", container);
  std::set<int64_t> starts;
  std::error_code error;
  for (fs::directory_iterator it(logs() / container, error), end; !error && it != end; it.increment(error)) {
    if (const int64_t start = startOfLogFile(it->path().filename().string()); start >= 0) starts.insert(start);
  }
  const int wanted = previous ? 2 : 1;
  if (std::ssize(starts) < wanted) {
    if (previous) return failure(Code::NotFound, "previous terminated container \"{}\" not found", container);
    return failure(Code::NotFound, "container \"{}\" has no log yet", container);
  }
  return log(container, static_cast<uint32_t>(*std::prev(starts.end(), wanted)));
}

Result<HubFile> parseHubFile(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return failure(Code::Invalid, "hub.json: not a JSON object");
  const json::object& object = value.get_object();
  HubFile hub;
  if (const json::value* endpoints = object.if_contains("endpoints"); endpoints != nullptr && endpoints->is_array()) {
    for (const json::value& endpoint : endpoints->get_array()) {
      if (endpoint.is_string()) hub.endpoints.emplace_back(endpoint.get_string());
    }
  }
  hub.ca = stringOf(object, "ca");
  hub.certificate = stringOf(object, "cert");
  hub.key = stringOf(object, "key");
  hub.server_name = stringOf(object, "server_name");
  return hub;
}

std::string formatHubFile(const HubFile& hub) {
  json::array endpoints;
  for (const std::string& endpoint : hub.endpoints) endpoints.emplace_back(endpoint);
  return json::serialize(json::object{{"endpoints", std::move(endpoints)},
                                      {"ca", hub.ca},
                                      {"cert", hub.certificate},
                                      {"key", hub.key},
                                      {"server_name", hub.server_name}});
}

Result<site::v1::PodPlan> readPlan(const PodDirectory& directory) {
  return readMessage<site::v1::PodPlan>(directory.plan());
}
Status writePlan(const PodDirectory& directory, const site::v1::PodPlan& plan) {
  return writeMessage(directory.plan(), plan);
}
Status writeSecrets(const PodDirectory& directory, const site::v1::PodSecrets& secrets) {
  return writeMessage(directory.secrets(), secrets);
}
Result<site::v1::PodSecrets> takeSecretsFile(const PodDirectory& directory) {
  auto secrets = readMessage<site::v1::PodSecrets>(directory.secrets());
  std::error_code ignored;
  fs::remove(directory.secrets(), ignored);
  return secrets;
}
Result<site::v1::PodReport> readReport(const PodDirectory& directory) {
  return readMessage<site::v1::PodReport>(directory.report());
}
Status writeReport(const PodDirectory& directory, const site::v1::PodReport& report) {
  return writeMessage(directory.report(), report);
}
Result<HubFile> readHubFile(const PodDirectory& directory) {
  TRY(const std::string text, readFile(directory.hub()));
  return parseHubFile(text);
}
Status writeHubFile(const PodDirectory& directory, const HubFile& hub) {
  return writeFileAtomic(directory.hub(), formatHubFile(hub), 0600);
}

}  // namespace slipway::pod
