#include "async/task_group.h"
#include "tunnel/rpc.h"
#include "tunnel/tunnel_callee.h"
#include "tunnel/tunnel_caller.h"

namespace slipway::tunnel {
namespace {

/// Frames on their way from one end to the other, never serialised.
class LocalLink final : public FrameSink {
 public:
  void push(Frame frame) override {
    if (cut_) return;
    bytes_ += weight(frame);
    frames_.push_back(std::move(frame));
    ready_.set();
  }
  size_t backlog() const override { return bytes_; }

  Task<Frame> next() {
    while (frames_.empty()) {
      ready_.reset();
      co_await ready_.wait();
    }
    Frame frame = std::move(frames_.front());
    frames_.pop_front();
    bytes_ -= weight(frame);
    drained();
    co_return frame;
  }
  void cut() {
    cut_ = true;
    closed();
  }

 private:
  static size_t weight(const Frame& frame) { return frame.data.size() + 32; }

  std::deque<Frame> frames_;
  size_t bytes_ = 0;
  bool cut_ = false;
  async::Event ready_;
};

template <typename End>
Task<void> carry(std::shared_ptr<LocalLink> link, std::shared_ptr<End> end) {
  while (true) {
    Frame frame = co_await link->next();
    const Status fed = co_await end->feed(std::move(frame));
    if (!fed) co_return;
  }
}

/// Both ends of a tunnel without the tunnel.
class LocalChannel final : public Channel, public std::enable_shared_from_this<LocalChannel> {
 public:
  LocalChannel(Executor executor, std::shared_ptr<const Service> service)
      : caller_(std::make_shared<TunnelCaller>(down_, CallLimits{}, 1, kInitialWindow)),
        callee_(std::make_shared<TunnelCallee>(executor, up_, std::move(service), CallLimits{}, 1)),
        group_(executor) {
    group_.spawn("local calls", carry(down_, callee_));
    group_.spawn("local answers", carry(up_, caller_));
  }
  ~LocalChannel() override {
    down_->cut();
    up_->cut();
    callee_->cancel();
    caller_->fail({Code::ServiceUnavailable, "the local channel is gone"});
  }

  Task<Result<std::unique_ptr<ClientCall>>> open(std::string method) override;

 private:
  std::shared_ptr<LocalLink> down_ = std::make_shared<LocalLink>();
  std::shared_ptr<LocalLink> up_ = std::make_shared<LocalLink>();
  std::shared_ptr<TunnelCaller> caller_;
  std::shared_ptr<TunnelCallee> callee_;
  async::TaskGroup group_;
};

/// A call that keeps its channel.
class LocalCall final : public ClientCall {
 public:
  LocalCall(std::shared_ptr<LocalChannel> channel, std::unique_ptr<ClientCall> call)
      : channel_(std::move(channel)), call_(std::move(call)) {}

  Task<Status> send(std::string message) override { return call_->send(std::move(message)); }
  Task<Status> closeSend() override { return call_->closeSend(); }
  Task<Result<std::optional<std::string>>> receive() override { return call_->receive(); }
  void cancel() override { call_->cancel(); }

 private:
  std::shared_ptr<LocalChannel> channel_;
  std::unique_ptr<ClientCall> call_;
};

Task<Result<std::unique_ptr<ClientCall>>> LocalChannel::open(std::string method) {
  const auto self = shared_from_this();
  CO_TRY(std::unique_ptr<ClientCall> call, co_await caller_->open(std::move(method)));
  std::unique_ptr<ClientCall> held = std::make_unique<LocalCall>(self, std::move(call));
  co_return held;
}

}  // namespace

std::shared_ptr<Channel> localChannel(Executor executor, std::shared_ptr<const Service> service) {
  return std::make_shared<LocalChannel>(std::move(executor), std::move(service));
}

}  // namespace slipway::tunnel
