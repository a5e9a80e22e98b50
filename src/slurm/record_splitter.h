#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace slipway::slurm {

/// Cuts the output of `scontrol -o show ...` into records, fed in pieces of any size as the program prints them.
///
/// A record begins at a line start with `first_key` and a value that fits; any other line goes on with the record
/// before it, because job names and comments may hold newlines. Memory: the longest record, up to kMaxRecord.
class RecordSplitter {
 public:
  static constexpr size_t kMaxRecord = 4U << 20U;
  enum class Type { Nodes, Jobs };
  /// `taker` gets each record without its last newline; the text is gone when it returns.
  RecordSplitter(Type type, std::function<void(std::string_view)> taker) : type_(type), taker_(std::move(taker)) {}

  void feed(std::string_view bytes);
  void finish();
  /// Text before the first record: "No jobs in the system", or what is no record at all.
  const std::string& preamble() const { return preamble_; }
  size_t bytes() const { return bytes_; }

 private:
  enum class Begins { Yes, No, NeedsMore };
  Begins begins(std::string_view line) const;
  size_t consume(std::string_view text, bool last);
  void emit(std::string_view record);

  Type type_;
  std::function<void(std::string_view)> taker_;
  std::string pending_;
  std::string preamble_;
  size_t bytes_ = 0;
};

}  // namespace slipway::slurm
