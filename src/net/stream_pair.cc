#include "async/event.h"
#include "net/tcp.h"

namespace slipway::net {
namespace {

constexpr size_t kCapacity = 64 * 1024;

// One direction. Who writes waits while it is full, who reads while it is empty.
struct Pipe {
  std::string bytes;
  size_t taken = 0;
  bool ended = false;   // the writer has nothing more
  bool broken = false;  // one of the ends closed
  async::Event readable;
  async::Event writable;

  size_t size() const { return bytes.size() - taken; }
  void wake() {
    readable.pulse();
    writable.pulse();
  }
};

class PairEnd final : public ByteStream {
 public:
  PairEnd(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out) : in_(std::move(in)), out_(std::move(out)) {}
  ~PairEnd() override { close(); }

  Task<Result<size_t>> readSome(std::span<char> buffer) override {
    const std::shared_ptr<Pipe> in = in_;
    while (in->size() == 0 && !in->ended && !in->broken) co_await in->readable.wait();
    if (in->broken) co_return failure(Code::ServiceUnavailable, "connection closed here while reading");
    const size_t count = std::min(in->size(), buffer.size());
    std::copy_n(in->bytes.data() + in->taken, count, buffer.data());
    in->taken += count;
    if (in->size() == 0) {
      in->bytes.clear();
      in->taken = 0;
    }
    in->writable.pulse();
    co_return count;
  }

  Task<Status> write(std::string_view bytes) override {
    const std::shared_ptr<Pipe> out = out_;
    while (true) {
      if (out->broken || out->ended) co_return failure(Code::ServiceUnavailable, "connection closed while writing");
      const size_t count = std::min(bytes.size(), kCapacity - std::min(kCapacity, out->size()));
      out->bytes.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (count > 0) out->readable.pulse();
      if (bytes.empty()) co_return Status();
      co_await out->writable.wait();
    }
  }

  Task<Status> shutdownWrite() override {
    out_->ended = true;
    out_->readable.pulse();
    co_return Status();
  }

  void close() override {
    in_->broken = true;
    in_->wake();
    // What was written may still be read on the other side, then it ends.
    out_->ended = true;
    out_->wake();
  }

  const Peer& peer() const override { return peer_; }

 private:
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  Peer peer_;
};

}  // namespace

std::pair<StreamPtr, StreamPtr> streamPair(Executor /*executor*/) {
  const auto there = std::make_shared<Pipe>();
  const auto back = std::make_shared<Pipe>();
  return {std::make_unique<PairEnd>(back, there), std::make_unique<PairEnd>(there, back)};
}

}  // namespace slipway::net
