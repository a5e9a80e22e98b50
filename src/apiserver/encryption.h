#pragma once

#include <filesystem>
#include <memory>

#include "apiserver/store/row_cipher.h"

namespace slipway::apiserver {

/// Encrypts rows by an EncryptionConfiguration, as kube-apiserver writes them into etcd. Without a file nothing is
/// encrypted, and what was is refused by name.
Result<std::shared_ptr<const RowCipher>> rowCipher(const std::filesystem::path& config);

}  // namespace slipway::apiserver
