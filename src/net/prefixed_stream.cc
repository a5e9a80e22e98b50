#include "net/prefixed_stream.h"

namespace slipway::net {
namespace {

class PrefixedStream final : public ByteStream {
 public:
  PrefixedStream(std::string first, StreamPtr below) : first_(std::move(first)), below_(std::move(below)) {}

  Task<Result<size_t>> readSome(std::span<char> buffer) override {
    if (taken_ == first_.size()) return below_->readSome(buffer);
    return takeFirst(buffer);
  }
  Task<Status> write(std::string_view bytes) override { return below_->write(bytes); }
  Task<Status> shutdownWrite() override { return below_->shutdownWrite(); }
  void close() override { below_->close(); }
  const Peer& peer() const override { return below_->peer(); }

 private:
  Task<Result<size_t>> takeFirst(std::span<char> buffer) {
    const size_t count = first_.copy(buffer.data(), buffer.size(), taken_);
    taken_ += count;
    co_return count;
  }

  std::string first_;
  size_t taken_ = 0;
  StreamPtr below_;
};

}  // namespace

StreamPtr prefixedStream(std::string first, StreamPtr below) {
  if (first.empty()) return below;
  return std::make_unique<PrefixedStream>(std::move(first), std::move(below));
}

}  // namespace slipway::net
