#include "base/random.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <string_view>

namespace slipway {

// No vowels and no look-alikes: k8s.io/apimachinery/pkg/util/rand.
constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";

std::string Random::suffix(size_t length) {
  std::string out;
  for (size_t i = 0; i < length; ++i) out += kAlphabet[next() % kAlphabet.size()];
  return out;
}

std::string Random::uuid() {
  const uint64_t high = (next() & ~0xF000ULL) | 0x4000ULL;
  const uint64_t low = (next() & ~(3ULL << 62)) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48,
                     low & 0xFFFFFFFFFFFFULL);
}

uint64_t SystemRandom::next() {
  uint64_t value = 0;
  while (::getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

}  // namespace slipway
