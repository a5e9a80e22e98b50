#include "base/random.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <string_view>
#include <utility>

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
  // Asked for many numbers at once: a call to the kernel for each would be felt with every request. Each thread has its
  // own; a forked child that goes on without exec must not draw any.
  thread_local std::array<uint64_t, 32> drawn{};
  thread_local size_t left = 0;
  if (left == 0) {
    while (::getrandom(drawn.data(), sizeof drawn, 0) != sizeof drawn) {
    }
    left = drawn.size();
  }
  return std::exchange(drawn[--left], 0);
}

}  // namespace slipway
