#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::apiserver {

/// One key of one provider of an EncryptionConfiguration; `identity` has no key and stands for "as it is".
struct EncryptionKey {
  enum class Provider { Identity, AesGcm, AesCbc };
  Provider provider = Provider::Identity;
  std::string name;
  std::string secret;  ///< the key's bytes

  /// What the value begins with on the disk, "k8s:enc:aesgcm:v1:<name>:"; nothing for identity.
  std::string prefix() const;
};

/// Which resources are encrypted how: the first key writes, all of them read.
struct EncryptionRule {
  std::vector<std::string> resources;  ///< "secrets", "deployments.apps", "*.apps", "*." (core), "*.*"
  std::vector<EncryptionKey> keys;
  bool covers(std::string_view group, std::string_view resource) const;
};

/// Reads a file of Kubernetes' own format: apiserver.config.k8s.io/v1, EncryptionConfiguration. Invalid names the file,
/// the field and the mend, and never a key.
Result<std::vector<EncryptionRule>> readEncryptionConfig(const std::filesystem::path& file);

}  // namespace slipway::apiserver
