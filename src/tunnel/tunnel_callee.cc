#include "tunnel/tunnel_callee.h"

#include "tunnel/guarded.h"

namespace slipway::tunnel {
namespace {

constexpr auto kNoDeadline = std::chrono::hours(24 * 365);

}  // namespace

struct TunnelCallee::Call {
  Call(Executor executor, Frame& opening, const CallLimits& limits, const std::shared_ptr<FrameSink>& sink)
      : handler(std::move(executor)),
        stream(opening.stream),
        method(std::move(opening.data)),
        in(opening.revision > 0, limits,
           [sink, id = opening.stream](uint32_t bytes) {
             sink->push({.stream = id, .kind = FrameKind::WindowUpdate, .size = bytes});
           }),
        out(opening.revision > 0, opening.size, limits.max_message) {}

  async::TaskGroup handler;
  int64_t stream;
  std::string method;
  Inbound in;
  Outbound out;
  std::chrono::nanoseconds deadline = kNoDeadline;
  bool headers_sent = false;
  std::optional<Status> outcome;
  async::Event over;  ///< the handler ended, or must
};

/// What a handler sees of its call.
class TunnelCallee::HandlerCall final : public ServerCall {
 public:
  HandlerCall(std::shared_ptr<FrameSink> sink, Call& call) : sink_(std::move(sink)), call_(call) {}

  const std::string& method() const override { return call_.method; }

  Task<Status> send(std::string message) override {
    if (!call_.headers_sent) {
      call_.headers_sent = true;
      sink_->push({.stream = call_.stream, .kind = FrameKind::Headers});
    }
    return call_.out.send(*sink_, call_.stream, std::move(message));
  }

  Task<Result<std::optional<std::string>>> receive() override { return call_.in.receive(); }

 private:
  std::shared_ptr<FrameSink> sink_;
  Call& call_;
};

TunnelCallee::TunnelCallee(Executor executor, std::shared_ptr<FrameSink> sink, std::shared_ptr<const Service> service,
                           CallLimits limits, int revision)
    : executor_(executor),
      sink_(std::move(sink)),
      service_(std::move(service)),
      limits_(limits),
      revision_(revision),
      group_(executor) {}

Task<Status> TunnelCallee::feed(Frame frame) {
  if (frame.kind == FrameKind::NewStream) co_return begin(std::move(frame));
  if (frame.stream <= 0 || frame.stream > last_stream_) {
    co_return failure(Code::BadRequest, "tunnel: frame for call {}, which was never made", frame.stream);
  }
  const auto it = calls_.find(frame.stream);
  if (it == calls_.end()) co_return Status{};
  const std::shared_ptr<Call> call = it->second;
  Status applied = apply(*call, frame);
  if (!applied) end(*call, failure(applied.error().wrap(call->method)));
  co_await call->in.room();
  co_return Status{};
}

Status TunnelCallee::begin(Frame frame) {
  if (frame.stream <= last_stream_) {
    return failure(Code::BadRequest, "tunnel: call {} begins after call {}", frame.stream, last_stream_);
  }
  last_stream_ = frame.stream;
  if (frame.data.empty()) {
    refuse(frame.stream, GrpcCode::InvalidArgument, "a call without a method name");
    return {};
  }
  if (frame.revision < 0 || frame.revision > revision_) {
    refuse(frame.stream, GrpcCode::Unimplemented, fmt::format("protocol revision {} was not agreed", frame.revision));
    return {};
  }
  if (calls_.size() >= limits_.max_calls) {
    refuse(frame.stream, GrpcCode::ResourceExhausted, fmt::format("{} calls are open already", calls_.size()));
    return {};
  }
  if (!frame.data.starts_with('/')) frame.data.insert(0, "/");
  auto call = std::make_shared<Call>(executor_, frame, limits_, sink_);
  const auto timeout = frame.metadata.find("grpc-timeout");
  if (timeout != frame.metadata.end() && !timeout->second.empty()) {
    const auto parsed = parseGrpcTimeout(timeout->second.front());
    if (!parsed) {
      refuse(frame.stream, GrpcCode::InvalidArgument, parsed.error().message);
      return {};
    }
    call->deadline = std::min<std::chrono::nanoseconds>(*parsed, kNoDeadline);
  }
  calls_.emplace(call->stream, call);
  group_.spawn(call->method, run(shared_from_this(), call));
  return {};
}

void TunnelCallee::refuse(int64_t stream, GrpcCode code, std::string why) {
  Frame frame{.stream = stream, .kind = FrameKind::Close};
  frame.outcome = {.code = static_cast<int>(code), .message = std::move(why)};
  sink_->push(std::move(frame));
}

Status TunnelCallee::apply(Call& call, Frame& frame) {
  switch (frame.kind) {
    case FrameKind::Message:
      return call.in.begin(frame.size, std::move(frame.data));
    case FrameKind::More:
      return call.in.more(std::move(frame.data));
    case FrameKind::HalfClose:
      call.in.finish({});
      return {};
    case FrameKind::WindowUpdate:
      return call.out.grant(frame.size);
    default:
      return failure(Code::ServiceUnavailable, "cancelled by the caller");
  }
}

void TunnelCallee::end(Call& call, Status outcome) {
  if (!call.outcome) call.outcome = std::move(outcome);
  const Error why =
      call.outcome->has_value() ? Error{Code::ServiceUnavailable, "the call has ended"} : call.outcome->error();
  call.out.close(why);
  call.in.finish(failure(why));
  call.over.set();
}

Task<void> TunnelCallee::run(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call) {
  co_await guarded(untilOver(self, call), finish(self, call));
}

Task<void> TunnelCallee::untilOver(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call) {
  call->handler.spawn(call->method, runHandler(self, call));
  const bool in_time = co_await call->over.waitFor(call->deadline);
  if (!in_time) end(*call, failure(Code::Timeout, "{}: not done within the caller's deadline", call->method));
}

Task<void> TunnelCallee::finish(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call) {
  end(*call, failure(Code::ServiceUnavailable, "{}: the callee stops", call->method));
  co_await call->handler.stop();
  Frame frame{.stream = call->stream, .kind = FrameKind::Close};
  frame.outcome = outcomeOf(*call->outcome);
  self->sink_->push(std::move(frame));
  self->calls_.erase(call->stream);
}

Task<void> TunnelCallee::runHandler(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call) {
  // A handler that unwinds, from cancellation or a bug, still ends its call.
  struct Over {
    Call& call;
    ~Over() { end(call, failure(Code::ServiceUnavailable, "{}: the handler was cancelled", call.method)); }
  } const over{*call};
  HandlerCall server_call(self->sink_, *call);
  const std::shared_ptr<const Service> service = self->service_;
  Status outcome = co_await service->handle(server_call);
  end(*call, std::move(outcome));
}

Task<void> TunnelCallee::stop() {
  const auto self = shared_from_this();
  co_await group_.stop();
}

void TunnelCallee::cancel() {
  group_.cancel();
}

}  // namespace slipway::tunnel
