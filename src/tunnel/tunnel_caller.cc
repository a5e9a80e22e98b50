#include "tunnel/tunnel_caller.h"

namespace slipway::tunnel {

struct TunnelCaller::Call {
  Call(int64_t id, std::string method, bool windowed, const CallLimits& limits, uint32_t peer_window,
       const std::shared_ptr<FrameSink>& sink)
      : stream(id),
        name(std::move(method)),
        in(windowed, limits,
           [sink, id](uint32_t bytes) { sink->push({.stream = id, .kind = FrameKind::WindowUpdate, .size = bytes}); }),
        out(windowed, peer_window, limits.max_message) {}

  int64_t stream;
  std::string name;
  Inbound in;
  Outbound out;
  bool half_closed = false;
  bool ended = false;
};

/// What the user of a call holds.
class TunnelClientCall final : public ClientCall {
 public:
  TunnelClientCall(std::shared_ptr<TunnelCaller> caller, std::shared_ptr<TunnelCaller::Call> call)
      : caller_(std::move(caller)), call_(std::move(call)) {}
  ~TunnelClientCall() override { giveUp(); }

  Task<Status> send(std::string message) override {
    const auto caller = caller_;
    const auto call = call_;
    if (call->half_closed) co_return failure(Code::BadRequest, "{}: message after the end", call->name);
    // A send that is cancelled half-way leaves a cut message behind: nothing more can be made of the call.
    struct Whole {
      TunnelCaller& caller;
      TunnelCaller::Call& call;
      bool done = false;
      ~Whole() {
        if (!done) caller.cancel(call, {Code::ServiceUnavailable, "a message was cut by cancellation"});
      }
    } whole{*caller, *call};
    Status sent = co_await call->out.send(*caller->sink_, call->stream, std::move(message));
    whole.done = true;
    co_return sent;
  }

  Task<Status> closeSend() override {
    if (!call_->half_closed && !call_->ended) {
      call_->half_closed = true;
      caller_->sink_->push({.stream = call_->stream, .kind = FrameKind::HalfClose});
    }
    co_return Status{};
  }

  Task<Result<std::optional<std::string>>> receive() override {
    const auto call = call_;
    co_return co_await call->in.receive();
  }

  void cancel() override { giveUp(); }

 private:
  void giveUp() { caller_->cancel(*call_, {Code::ServiceUnavailable, "the call was cancelled"}); }

  std::shared_ptr<TunnelCaller> caller_;
  std::shared_ptr<TunnelCaller::Call> call_;
};

TunnelCaller::TunnelCaller(std::shared_ptr<FrameSink> sink, CallLimits limits, int revision, uint32_t peer_window)
    : sink_(std::move(sink)), limits_(limits), revision_(revision), peer_window_(peer_window) {}

Task<Result<std::unique_ptr<ClientCall>>> TunnelCaller::open(std::string method) {
  const auto self = shared_from_this();
  co_await sink_->room();
  if (failed_) co_return failure(failed_->wrap(method));
  if (calls_.size() >= limits_.max_calls) {
    co_return failure(Code::TooManyRequests, "{}: {} calls are open on this tunnel", method, calls_.size());
  }
  const int64_t stream = ++last_stream_;
  auto call = std::make_shared<Call>(stream, method, revision_ > 0, limits_, peer_window_, sink_);
  calls_.emplace(stream, call);
  Frame frame{.stream = stream, .kind = FrameKind::NewStream, .data = std::move(method)};
  frame.size = revision_ > 0 ? limits_.window : 0;
  frame.revision = revision_;
  sink_->push(std::move(frame));
  std::unique_ptr<ClientCall> held = std::make_unique<TunnelClientCall>(self, std::move(call));
  co_return held;
}

Task<Status> TunnelCaller::feed(Frame frame) {
  CO_TRY(const std::shared_ptr<Call> call, find(frame.stream));
  if (!call) co_return Status{};
  if (frame.kind == FrameKind::Settings) {
    co_return failure(Code::BadRequest, "tunnel: settings in the middle");
  }
  const Status applied = apply(*call, frame);
  if (!applied) {
    cancel(*call, applied.error());
  } else if (frame.kind == FrameKind::Close) {
    end(*call, statusOf(frame.outcome));
  }
  co_await call->in.room();
  co_return Status{};
}

Result<std::shared_ptr<TunnelCaller::Call>> TunnelCaller::find(int64_t stream) const {
  if (stream <= 0 || stream > last_stream_) {
    return failure(Code::BadRequest, "tunnel: frame for call {}, which was never made", stream);
  }
  const auto it = calls_.find(stream);
  return it == calls_.end() ? nullptr : it->second;
}

Status TunnelCaller::apply(Call& call, Frame& frame) {
  switch (frame.kind) {
    case FrameKind::Message:
      return call.in.begin(frame.size, std::move(frame.data));
    case FrameKind::More:
      return call.in.more(std::move(frame.data));
    case FrameKind::WindowUpdate:
      return call.out.grant(frame.size);
    default:
      return {};
  }
}

void TunnelCaller::cancel(Call& call, const Error& why) {
  if (call.ended) return;
  sink_->push({.stream = call.stream, .kind = FrameKind::Cancel});
  end(call, failure(why));
}

void TunnelCaller::end(Call& call, Status outcome) {
  if (call.ended) return;
  call.ended = true;
  if (!outcome) outcome = failure(outcome.error().wrap(call.name));
  call.out.close(outcome ? Error{Code::ServiceUnavailable, call.name + ": the call has ended"} : outcome.error());
  call.in.finish(std::move(outcome));
  calls_.erase(call.stream);
}

void TunnelCaller::fail(Error why) {
  if (failed_) return;
  failed_ = std::move(why);
  const auto calls = std::exchange(calls_, {});
  for (const auto& [stream, call] : calls) end(*call, failure(*failed_));
}

}  // namespace slipway::tunnel
