#include "tunnel/h2_connection.h"

#include "base/clock.h"
#include "base/strings.h"
#include "tunnel/guarded.h"

namespace slipway::tunnel {
namespace {

using std::chrono::steady_clock;

constexpr size_t kBuffer = 64 << 10;
constexpr auto kFlushLimit = std::chrono::seconds(1);

}  // namespace

H2Connection::H2Connection(net::StreamPtr stream, H2Session::Role role, Heartbeat heartbeat, OnCall on_call)
    : stream_(std::move(stream)),
      role_(role),
      heartbeat_(heartbeat),
      on_call_(std::move(on_call)),
      session_(role, {}, *this),
      heard_(steady_clock::now()) {}

H2Connection::~H2Connection() {
  failAll();
}

Task<void> H2Connection::run() {
  co_await guarded(untilOver(), end());
}

Task<void> H2Connection::untilOver() {
  const Executor executor = co_await async::thisExecutor();
  tasks_.emplace(executor);
  tasks_->spawn("h2 read", read());
  tasks_->spawn("h2 write", write());
  if (heartbeat_.interval > std::chrono::nanoseconds(0)) tasks_->spawn("h2 heartbeat", beat());
  co_await over_.wait();
}

Task<void> H2Connection::end() {
  die({Code::ServiceUnavailable, "the connection was closed on this side"});
  stream_->close();
  if (tasks_) co_await tasks_->stop();
  failAll();
}

Result<std::shared_ptr<GrpcStream>> H2Connection::call(std::string_view path, std::string_view authority,
                                                       const Metadata& metadata) {
  if (over_.isSet()) return failure(why_);
  const bool tls = !peer().protocol.empty();
  TRY(const int32_t id, session_.request(grpcRequestHeaders(path, authority, tls, metadata)));
  wake_->set();
  return make(id);
}

Task<void> H2Connection::close() {
  co_await flush();
  session_.goAway();
  co_await flush();
  die({Code::ServiceUnavailable, "the connection was closed on this side"});
}

Task<void> H2Connection::flush() {
  if (over_.isSet()) co_return;
  idle_.reset();
  wake_->set();
  co_await idle_.waitFor(kFlushLimit);
}

Task<void> H2Connection::read() {
  std::string buffer(kBuffer, '\0');
  while (true) {
    const Result<size_t> got = co_await stream_->readSome(std::span<char>(buffer.data(), buffer.size()));
    if (!got) co_return die(got.error());
    if (*got == 0) co_return die({Code::ServiceUnavailable, "the other side closed the connection"});
    heard_ = steady_clock::now();
    const Status fed = session_.feed(std::string_view(buffer.data(), *got));
    wake_->set();
    if (!fed) {
      co_await flush();
      co_return die(fed.error());
    }
  }
}

Task<void> H2Connection::write() {
  while (true) {
    const std::string bytes = session_.output(kBuffer);
    if (bytes.empty()) {
      idle_.set();
      if (session_.finished()) co_return die({Code::ServiceUnavailable, "the HTTP/2 session is over"});
      co_await wake_->wait();
      wake_->reset();
      continue;
    }
    writing_since_ = steady_clock::now();
    const Status written = co_await stream_->write(bytes);
    if (!written) co_return die(written.error());
    writing_since_.reset();
  }
}

Task<void> H2Connection::beat() {
  const auto limit = heartbeat_.interval + heartbeat_.timeout;
  while (true) {
    const auto due = heard_ + heartbeat_.interval;
    const auto now = steady_clock::now();
    if (writing_since_ && now - *writing_since_ > limit) break;
    if (now < due) {
      co_await async::sleepFor(due - now);
      continue;
    }
    session_.ping();
    wake_->set();
    co_await async::sleepFor(heartbeat_.timeout);
    if (heard_ < now) break;
  }
  die({Code::ServiceUnavailable, fmt::format("the other side was silent for {}", formatDuration(limit))});
}

void H2Connection::die(Error why) {
  if (over_.isSet()) return;
  // What a GOAWAY said is nearer to the cause than how the connection ended after it.
  if (why_.message.empty()) why_ = std::move(why);
  over_.set();
  idle_.set();
}

void H2Connection::failAll() {
  const auto streams = std::exchange(streams_, {});
  for (const auto& [id, stream] : streams) stream->close(why_);
}

std::shared_ptr<GrpcStream> H2Connection::make(int32_t id) {
  auto stream = std::make_shared<GrpcStream>(session_, id, [wake = wake_] { wake->set(); });
  streams_[id] = stream;
  return stream;
}

GrpcStream* H2Connection::find(int32_t id) {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second.get();
}

void H2Connection::onHeaders(int32_t stream, H2Headers headers, bool end) {
  const bool server = role_ == H2Session::Role::Server;
  std::shared_ptr<GrpcStream> opened;
  if (server && !find(stream)) opened = make(stream);
  GrpcStream* const call = find(stream);
  if (!call) return;
  call->headersArrived(std::move(headers), end, server);
  if (server && end) call->endArrived(true);
  if (opened && on_call_) on_call_(std::move(opened));
}

void H2Connection::onData(int32_t stream, std::string_view bytes) {
  if (GrpcStream* const call = find(stream)) {
    call->dataArrived(bytes);
  } else {
    session_.consumed(stream, bytes.size());
  }
}

void H2Connection::onEnd(int32_t stream) {
  if (GrpcStream* const call = find(stream)) call->endArrived(role_ == H2Session::Role::Server);
}

void H2Connection::onClosed(int32_t stream, uint32_t error) {
  const auto closed = streams_.extract(stream);
  if (closed.empty()) return;
  closed.mapped()->close({Code::ServiceUnavailable, fmt::format("the stream was reset, HTTP/2 error {}", error)});
}

void H2Connection::onRoom(int32_t stream) {
  if (GrpcStream* const call = find(stream)) call->room();
}

void H2Connection::onGoAway(uint32_t error, std::string_view text) {
  if (error == 0) return;
  why_ = {Code::ServiceUnavailable,
          fmt::format("the other side gave up the connection: HTTP/2 error {}: {}", error, toValidUtf8(text))};
}

}  // namespace slipway::tunnel
