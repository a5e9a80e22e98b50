#include "http/inbound.h"

#include "async/event.h"
#include "net/prefixed_stream.h"

namespace slipway::http {
namespace {

constexpr size_t kFirstSize = 4 * 1024;
constexpr size_t kMaxPiece = 64 * 1024;

}  // namespace

struct Inbound::State {
  net::StreamPtr stream;
  std::string buffer;
  size_t begin = 0;
  size_t end = 0;
  bool reading_behind = false;
  std::optional<Result<bool>> ended;  // the end of the stream or an error, found by a background read
  async::Event came;

  std::span<char> room() {
    if (begin == end) {
      begin = end = 0;
    } else if (begin > 0) {
      std::copy(buffer.begin() + static_cast<ptrdiff_t>(begin), buffer.begin() + static_cast<ptrdiff_t>(end),
                buffer.begin());
      end -= begin;
      begin = 0;
    }
    if (end == buffer.size()) buffer.resize(std::max(kFirstSize, std::min(2 * end, end + kMaxPiece)));
    return {buffer.data() + end, buffer.size() - end};
  }
};

Inbound::Inbound(Executor executor, net::StreamPtr stream)
    : executor_(std::move(executor)), state_(std::make_shared<State>()) {
  state_->stream = std::move(stream);
}

Inbound::~Inbound() {
  if (state_->reading_behind) state_->stream->close();
}

std::string_view Inbound::bytes() const {
  return {state_->buffer.data() + state_->begin, state_->end - state_->begin};
}

void Inbound::consume(size_t count) {
  state_->begin += count;
}

Task<Result<bool>> Inbound::read(std::shared_ptr<State> state) {
  const std::span<char> room = state->room();
  CO_TRY(const size_t count, co_await state->stream->readSome(room));
  // A read that filled the buffer has more behind it.
  if (count == room.size() && state->end + count < kMaxPiece) state->buffer.resize(4 * (state->end + count));
  state->end += count;
  co_return count > 0;
}

Task<void> Inbound::readBehind(std::shared_ptr<State> state) {
  const Result<bool> got = co_await read(state);
  state->reading_behind = false;
  if (!got || !*got) state->ended = got;
  state->came.set();
}

Task<Result<bool>> Inbound::more() {
  const std::shared_ptr<State> state = state_;
  if (state->reading_behind) {
    const size_t before = state->end - state->begin;
    co_await state->came.wait();
    if (state->end - state->begin > before) co_return true;
  }
  if (state->ended) co_return *state->ended;
  const Result<bool> got = co_await read(state);
  co_return got;
}

void Inbound::watch() {
  if (state_->reading_behind || state_->ended || !bytes().empty()) return;
  if (!behind_) behind_ = std::make_unique<async::TaskGroup>(executor_);
  state_->reading_behind = true;
  state_->came.reset();
  behind_->spawn("http read", readBehind(state_));
}

Task<void> Inbound::activity() {
  const std::shared_ptr<State> state = state_;
  if (state->reading_behind) co_await state->came.wait();
}

bool Inbound::quiet() const {
  return state_->reading_behind && bytes().empty();
}

net::ByteStream& Inbound::stream() const {
  return *state_->stream;
}

net::StreamPtr Inbound::release() {
  if (state_->reading_behind || state_->stream == nullptr) return nullptr;
  std::string early(bytes());
  return net::prefixedStream(std::move(early), std::move(state_->stream));
}

bool Inbound::released() const {
  return state_->stream == nullptr;
}

}  // namespace slipway::http
