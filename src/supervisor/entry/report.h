#pragma once

#include <cstdint>

namespace slipway::supervisor {

/// What the entry program writes into its pipe when it does not come to the container's program.
struct EntryReport {
  enum Stage : int32_t { Directory = 1, Program = 2 };
  int32_t stage;
  int32_t error;  ///< errno
};

}  // namespace slipway::supervisor
