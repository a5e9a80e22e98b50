#include "apiserver/api/content.h"

#include <zlib.h>

#include "apiserver/api/yaml_answer.h"
#include "base/strings.h"
#include "json/indent.h"

namespace slipway::apiserver {
namespace {

constexpr int kFastest = 1;
constexpr int kGzipWindow = 15 + 16;

}  // namespace

std::optional<std::string> gzip(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, kFastest, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return std::nullopt;
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT: zlib's interface
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return std::nullopt;
  return out;
}

bool acceptsGzip(const Call& call) {
  for (const std::string_view entry : split(call.request.headers.get("Accept-Encoding"), ',')) {
    if (equalsIgnoreCase(trim(entry.substr(0, entry.find(';'))), "gzip")) return true;
  }
  return false;
}

bool prefersYaml(std::string_view accept) {
  for (const std::string_view entry : split(accept, ',')) {
    const std::string_view type = trim(entry.substr(0, entry.find(';')));
    if (type == "application/yaml") return true;
    if (type == "application/json" || type == "*/*" || type == "application/*") return false;
  }
  return false;
}

namespace {

/// Somebody reads it: they say so, or their program is one that shows what comes.
bool wantsIndented(const Call& call) {
  if (call.query.has("pretty")) return call.query.get("pretty") == "true" || call.query.get("pretty") == "1";
  if (call.info.path == "/version") return true;
  const std::string_view agent = call.request.headers.get("User-Agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

}  // namespace

void setContent(const Call& call, Reply& reply) {
  const bool whole = call.info.verb != "watch" || reply.status != 200;
  const bool documents = call.info.is_resource || call.info.path.starts_with("/api");
  if (documents && whole && reply.type == "application/json" && prefersYaml(call.request.headers.get("Accept"))) {
    json::error_code error;
    const json::value document = json::parse(reply.body, error);
    if (!error) {
      reply.body = asYaml(document);
      reply.type = "application/yaml";
    }
  } else if (whole && reply.type == "application/json" && reply.headers.get("Content-Encoding").empty() &&
             wantsIndented(call)) {
    reply.body = json::indented(reply.body);
  }
}

}  // namespace slipway::apiserver
