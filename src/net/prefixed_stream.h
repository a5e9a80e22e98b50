#pragma once

#include "net/stream.h"

namespace slipway::net {

/// `below` with `first` in front: bytes that were read from it already and belong to whoever reads next.
StreamPtr prefixedStream(std::string first, StreamPtr below);

}  // namespace slipway::net
