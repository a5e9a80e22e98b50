#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

/// What both directions of SPDY/3.1 share. For spdy_*.cc only.
namespace slipway::http::spdy {

inline constexpr uint16_t kVersion = 3;
inline constexpr uint8_t kFlagFin = 1;

enum ControlType : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

inline const Bytef* bytesOf(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

inline uint32_t number(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

inline void appendNumber(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

inline void appendText(std::string& out, std::string_view text) {
  appendNumber(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

}  // namespace slipway::http::spdy
