#include "tunnel/call_flow.h"

namespace slipway::tunnel {
namespace {

/// Empty messages cost no window, so their number is bounded too: more than a window of one-byte messages.
constexpr size_t kMaxChunks = kInitialWindow + 1024;
constexpr size_t kUnwindowedQueue = 1 << 20;

}  // namespace

Inbound::Inbound(bool windowed, const CallLimits& limits, std::function<void(uint32_t)> grant)
    : windowed_(windowed), limits_(limits), grant_(std::move(grant)), window_(limits.window) {}

Status Inbound::begin(uint32_t size, std::string data) {
  if (arriving_ > 0) return failure(Code::BadRequest, "a message began before the one before it was whole");
  if (size > limits_.max_message) {
    return failure(Code::RequestEntityTooLarge, "message of {} bytes: the limit is {}", size, limits_.max_message);
  }
  if (data.size() > size) return failure(Code::BadRequest, "message of {} bytes came with {}", size, data.size());
  arriving_ = size;
  return accept({.size = size, .data = std::move(data)});
}

Status Inbound::more(std::string data) {
  if (arriving_ == 0 || data.size() > arriving_) return failure(Code::BadRequest, "data beyond the end of a message");
  return accept({.size = std::nullopt, .data = std::move(data)});
}

Status Inbound::accept(Chunk chunk) {
  if (outcome_) return failure(Code::BadRequest, "data after the end of the stream");
  const size_t bytes = chunk.data.size();
  if (windowed_) {
    if (bytes > window_ || chunks_.size() >= kMaxChunks) {
      return failure(Code::TooManyRequests, "flow control window exceeded");
    }
    window_ -= bytes;
  }
  arriving_ -= bytes;
  queued_ += bytes;
  chunks_.push_back(std::move(chunk));
  changed_.pulse();
  return {};
}

void Inbound::finish(Status outcome) {
  if (outcome_) return;
  outcome_ = std::move(outcome);
  changed_.pulse();
  taken_.pulse();
}

Task<Result<std::optional<std::string>>> Inbound::receive() {
  while (!takeMessage()) {
    if (outcome_) {
      if (!outcome_->has_value()) co_return failure(outcome_->error());
      if (lacking_ || arriving_ > 0) co_return failure(Code::InternalError, "the stream ended within a message");
      co_return std::nullopt;
    }
    co_await changed_.wait();
  }
  co_return std::optional<std::string>(std::exchange(message_, {}));
}

bool Inbound::takeMessage() {
  while (!chunks_.empty()) {
    Chunk chunk = std::move(chunks_.front());
    chunks_.pop_front();
    const size_t bytes = chunk.data.size();
    if (chunk.size) lacking_ = *chunk.size;
    if (message_.empty()) {
      message_ = std::move(chunk.data);
    } else {
      message_ += chunk.data;
    }
    *lacking_ -= bytes;
    give(bytes);
    if (*lacking_ == 0) {
      lacking_.reset();
      return true;
    }
  }
  return false;
}

void Inbound::give(size_t bytes) {
  queued_ -= bytes;
  taken_.pulse();
  if (!windowed_ || outcome_) return;
  ungranted_ += static_cast<uint32_t>(bytes);
  // Half a window at a time keeps the other side busy with few updates.
  if (ungranted_ == 0 || ungranted_ < limits_.window / 2) return;
  window_ += ungranted_;
  grant_(std::exchange(ungranted_, 0));
}

bool Inbound::overfull() const {
  return !windowed_ && !outcome_ && (queued_ > kUnwindowedQueue || chunks_.size() >= kMaxChunks);
}

Task<void> Inbound::room() {
  while (overfull()) co_await taken_.wait();
}

Status Outbound::grant(uint32_t bytes) {
  window_ += bytes;
  if (window_ > std::numeric_limits<uint32_t>::max()) return failure(Code::BadRequest, "flow control window overflow");
  changed_.pulse();
  return {};
}

void Outbound::close(Error why) {
  if (!closed_) closed_ = std::move(why);
  changed_.pulse();
}

Task<Status> Outbound::send(FrameSink& sink, int64_t stream, std::string message) {
  if (message.size() > max_message_) {
    co_return failure(Code::RequestEntityTooLarge, "message of {} bytes: the limit is {}", message.size(),
                      max_message_);
  }
  const auto whole = static_cast<uint32_t>(message.size());
  size_t sent = 0;
  do {
    while (!closed_ && windowed_ && window_ == 0 && whole > 0) co_await changed_.wait();
    if (!closed_) co_await sink.room();
    if (closed_) co_return failure(*closed_);
    const size_t allowed = windowed_ ? std::min<uint64_t>(kMaxChunk, window_) : kMaxChunk;
    const size_t bytes = std::min<size_t>(allowed, whole - sent);
    Frame frame{.stream = stream, .kind = sent == 0 ? FrameKind::Message : FrameKind::More, .size = whole};
    frame.data = bytes == whole ? std::move(message) : message.substr(sent, bytes);
    if (windowed_) window_ -= bytes;
    sink.push(std::move(frame));
    sent += bytes;
  } while (sent < whole);
  co_return Status{};
}

}  // namespace slipway::tunnel
