#include "tunnel/testing/memory_network.h"

#include "async/event.h"
#include "net/tcp.h"

namespace slipway::tunnel::testing {

struct MemoryNetwork::State {
  explicit State(Executor on) : executor(std::move(on)) {}

  Executor executor;
  int failures = 0;
  int dials = 0;
  bool swallowing = false;
  std::set<net::ByteStream*> open;
  std::vector<net::StreamPtr> lost;  // closed while nobody could hear of it
  async::Channel<net::StreamPtr> accepted{16};
};

namespace {

using State = MemoryNetwork::State;

class WatchedStream final : public net::ByteStream {
 public:
  WatchedStream(net::StreamPtr below, std::shared_ptr<State> state)
      : below_(std::move(below)), state_(std::move(state)) {
    state_->open.insert(this);
  }
  ~WatchedStream() override {
    state_->open.erase(this);
    if (state_->swallowing) state_->lost.push_back(std::move(below_));
  }

  Task<Result<size_t>> readSome(std::span<char> buffer) override { return below_->readSome(buffer); }
  Task<Status> write(std::string_view bytes) override {
    if (state_->swallowing) co_return Status{};
    co_return co_await below_->write(bytes);
  }
  Task<Status> shutdownWrite() override { return below_->shutdownWrite(); }
  void close() override {
    if (!state_->swallowing) below_->close();
  }
  const net::Peer& peer() const override { return below_->peer(); }

 private:
  net::StreamPtr below_;
  std::shared_ptr<State> state_;
};

class MemoryDialer final : public net::Dialer {
 public:
  explicit MemoryDialer(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Task<Result<net::StreamPtr>> dial() override {
    ++state_->dials;
    if (state_->failures > 0) {
      --state_->failures;
      co_return failure(Code::ServiceUnavailable, "memory: nobody there");
    }
    auto [here, there] = net::streamPair(state_->executor);
    net::StreamPtr mine = std::make_unique<WatchedStream>(std::move(here), state_);
    net::StreamPtr theirs = std::make_unique<WatchedStream>(std::move(there), state_);
    if (!state_->accepted.trySend(std::move(theirs))) co_return failure(Code::ServiceUnavailable, "memory: refused");
    co_return mine;
  }
  std::string target() const override { return "memory"; }

 private:
  std::shared_ptr<State> state_;
};

class MemoryListener final : public net::Listener {
 public:
  explicit MemoryListener(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Task<Result<net::StreamPtr>> accept() override {
    std::optional<net::StreamPtr> stream = co_await state_->accepted.receive();
    if (!stream) co_return failure(Code::ServiceUnavailable, "memory: the listener is closed");
    co_return std::move(*stream);
  }
  uint16_t port() const override { return 0; }
  void close() override { state_->accepted.close(); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

MemoryNetwork::MemoryNetwork(Executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

std::shared_ptr<net::Dialer> MemoryNetwork::dialer() {
  return std::make_shared<MemoryDialer>(state_);
}

std::unique_ptr<net::Listener> MemoryNetwork::listener() {
  return std::make_unique<MemoryListener>(state_);
}

void MemoryNetwork::failDials(int count) {
  state_->failures = count;
}

int MemoryNetwork::dials() const {
  return state_->dials;
}

void MemoryNetwork::cut() {
  const std::set<net::ByteStream*> open = state_->open;
  for (net::ByteStream* stream : open) stream->close();
}

void MemoryNetwork::swallow(bool on) {
  state_->swallowing = on;
}

}  // namespace slipway::tunnel::testing
