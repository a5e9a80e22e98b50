#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::pod {

/// The value of a key in a file of lines KEY='value' (fileKeyRef), as kubelet reads them: values in single quotes, in
/// which everything stands for itself, newlines too; comments behind '#'; nothing is expanded. Nothing: the file has no
/// such key. Invalid names the line.
Result<std::optional<std::string>> valueInEnvFile(std::string_view text, std::string_view key);

}  // namespace slipway::pod
