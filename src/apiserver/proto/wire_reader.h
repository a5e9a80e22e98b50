#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::apiserver {

/// Walks over the fields of one protobuf message. Ends with failed() at the first byte that makes no sense.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  struct Field {
    uint32_t number = 0;
    uint64_t integer = 0;    ///< of varints and fixed numbers
    std::string_view bytes;  ///< of length-delimited fields
    bool delimited = false;
  };
  /// Nothing at the end or when it failed.
  std::optional<Field> next();
  bool failed() const { return failed_; }
  /// One number from the bytes, for packed lists.
  std::optional<uint64_t> varint();
  bool atEnd() const { return rest_.empty(); }

 private:
  std::optional<uint64_t> fixed(size_t size);
  std::optional<Field> fail();

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace slipway::apiserver
