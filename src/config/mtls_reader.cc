#include "config/mtls_reader.h"

namespace slipway::config {
namespace {

void readPem(YamlMap& map, const std::string& key, std::string_view kind, std::string& out) {
  map.text(key, out, true);
  if (!out.empty() && out.find(fmt::format("-----BEGIN {}-----", kind)) == std::string::npos) {
    map.complain(key, fmt::format("is not a PEM text with a {}", kind));
  }
}

}  // namespace

void readMtls(YamlMap& map, Mtls& out) {
  map.map(
      "mTLSConfig",
      [&](YamlMap& inner) {
        readPem(inner, "ca", "CERTIFICATE", out.ca);
        readPem(inner, "cert", "CERTIFICATE", out.certificate);
        readPem(inner, "key", "PRIVATE KEY", out.key);
      },
      true);
}

}  // namespace slipway::config
