#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::pki {

/// Symmetric encryption of what lies on a disk, in the form that Kubernetes gives it. Keys have 16, 24 or 32 bytes.
/// Safe from every thread. Errors: Invalid for another key, other associated data or damage; InternalError is
/// OpenSSL's.

/// A fresh nonce of 12 bytes, the ciphertext, the tag of 16 bytes. `associated` is authenticated with it.
Result<std::string> sealAesGcm(std::string_view key, std::string_view associated, std::string_view plain);
Result<std::string> openAesGcm(std::string_view key, std::string_view associated, std::string_view sealed);

/// A fresh IV of 16 bytes, then the padded ciphertext. Nothing authenticates it: some damage goes unnoticed.
Result<std::string> sealAesCbc(std::string_view key, std::string_view plain);
Result<std::string> openAesCbc(std::string_view key, std::string_view sealed);

}  // namespace slipway::pki
