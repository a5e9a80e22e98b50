#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::apiserver {

/// How the values of rows stand on the disk. Port: the store knows neither keys nor formats. `key` is that of the row,
/// "registry/<group>/<resource>/<namespace>/<name>". Called on the loop and on the writer's thread.
class RowCipher {
 public:
  struct Opened {
    std::string value;
    bool is_stale = false;  ///< a write of today would look otherwise: another key comes first now, or there is one
  };

  virtual ~RowCipher() = default;
  /// Whether such rows are to be sealed; the others stand as they are.
  virtual bool covers(std::string_view key) const = 0;
  virtual Result<std::string> seal(std::string_view key, std::string_view value) const = 0;
  /// For every row that is read. Errors name the object and what is missing.
  virtual Result<Opened> open(std::string_view key, std::string value) const = 0;
};

}  // namespace slipway::apiserver
