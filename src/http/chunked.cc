#include "http/chunked.h"

#include <algorithm>

namespace slipway::http {
namespace {

constexpr int kMaxDigits = 15;
constexpr size_t kMaxOverhead = 16 * 1024;

int hexValue(unsigned char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<size_t> ChunkedDecoder::feed(std::string_view bytes, std::string& out, uint64_t& room) {
  size_t used = 0;
  while (used < bytes.size() && !done()) {
    if (state_ == State::Data) {
      const size_t count = static_cast<size_t>(std::min<uint64_t>(size_, bytes.size() - used));
      if (count > room) return failure(Code::RequestEntityTooLarge, "HTTP: the body is too large");
      out.append(bytes.substr(used, count));
      room -= count;
      used += count;
      size_ -= count;
      if (size_ == 0) state_ = State::DataCr;
      continue;
    }
    if (!step(static_cast<unsigned char>(bytes[used]))) return failure(Code::BadRequest, "HTTP: malformed chunk");
    ++used;
  }
  return used;
}

// One byte of everything that is not data.
bool ChunkedDecoder::step(unsigned char c) {
  const auto expect = [&](char wanted, State next) {
    state_ = next;
    return c == static_cast<unsigned char>(wanted);
  };
  switch (state_) {
    case State::SizeStart:
      size_ = 0;
      digits_ = 0;
      state_ = State::Size;
      if (hexValue(c) < 0) return false;
      [[fallthrough]];
    case State::Size:
      if (const int digit = hexValue(c); digit >= 0) {
        size_ = size_ * 16 + static_cast<uint64_t>(digit);
        return ++digits_ <= kMaxDigits;
      }
      state_ = c == '\r' ? State::SizeLf : State::Extension;
      return c == '\r' || c == ';' || c == ' ' || c == '\t';
    case State::Extension:
      if (c == '\r') state_ = State::SizeLf;
      return c != '\n' && ++overhead_ <= kMaxOverhead;
    case State::SizeLf:
      return expect('\n', size_ == 0 ? State::TrailerStart : State::Data);
    case State::DataCr:
      return expect('\r', State::DataLf);
    case State::DataLf:
      return expect('\n', State::SizeStart);
    case State::TrailerStart:
      state_ = c == '\r' ? State::EndLf : State::Trailer;
      return c != '\n' && ++overhead_ <= kMaxOverhead;
    case State::Trailer:
      if (c == '\r') state_ = State::TrailerLf;
      return c != '\n' && ++overhead_ <= kMaxOverhead;
    case State::TrailerLf:
      return expect('\n', State::TrailerStart);
    case State::EndLf:
      return expect('\n', State::Done);
    case State::Data:
    case State::Done:
      return false;
  }
  return false;
}

}  // namespace slipway::http
