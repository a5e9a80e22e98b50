#pragma once

#include <string>

#include "config/mtls_reader.h"
#include "pki/certificate.h"

namespace slipway::config {

/// The CA of a tunnel whose key was kept apart. Errors name the key's file: missing, unreadable, or another CA's.
Result<pki::Identity> tunnelCa(const Mtls& mtls, const std::string& config_file, const std::string& key_file);

/// The text of a configuration with another certificate and key where the old ones stand; everything else as it is,
/// comments too. Invalid when they are not written as blocks of lines.
Result<std::string> replaceIdentity(std::string text, const Mtls& old, const pki::Identity& fresh);

}  // namespace slipway::config
