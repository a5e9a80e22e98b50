#pragma once

#include <cstdint>
#include <string>

namespace slipway {

/// Where chance comes from; a test passes a fixed one.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;

  /// In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// `length` characters of the alphabet that Kubernetes uses for generateName.
  std::string suffix(size_t length);
  /// A version 4 UUID.
  std::string uuid();
};

/// The kernel's generator, fit for keys and tokens. Safe from every thread.
class SystemRandom final : public Random {
 public:
  uint64_t next() override;
};

}  // namespace slipway
