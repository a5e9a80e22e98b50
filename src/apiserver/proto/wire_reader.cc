#include "apiserver/proto/wire_reader.h"

namespace slipway::apiserver {

std::optional<uint64_t> WireReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (rest_.empty()) break;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  failed_ = true;
  return std::nullopt;
}

std::optional<uint64_t> WireReader::fixed(size_t size) {
  if (rest_.size() < size) {
    failed_ = true;
    return std::nullopt;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= static_cast<uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
  rest_.remove_prefix(size);
  return value;
}

std::optional<WireReader::Field> WireReader::fail() {
  failed_ = true;
  return std::nullopt;
}

std::optional<WireReader::Field> WireReader::next() {
  if (failed_ || rest_.empty()) return std::nullopt;
  const std::optional<uint64_t> tag = varint();
  if (!tag || (*tag >> 3U) == 0 || (*tag >> 3U) > 0x1fffffffU) return fail();
  Field field;
  field.number = static_cast<uint32_t>(*tag >> 3U);
  const auto type = static_cast<unsigned>(*tag & 7U);
  if (type == 2) {
    const std::optional<uint64_t> size = varint();
    if (!size || *size > rest_.size()) return fail();
    field.delimited = true;
    field.bytes = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return field;
  }
  std::optional<uint64_t> number;
  if (type == 0) number = varint();
  if (type == 1) number = fixed(8);
  if (type == 5) number = fixed(4);
  if (!number) return fail();
  field.integer = *number;
  return field;
}

}  // namespace slipway::apiserver
