#include "bridge/kubelet_streams.h"

#include "async/event.h"

namespace slipway::bridge {
namespace {

constexpr auto kLongestBreak = std::chrono::minutes(2);
constexpr auto kTryAgain = std::chrono::milliseconds(250);

Task<Result<std::unique_ptr<tunnel::ClientCall>>> openLogs(const SiteLink& link, site::v1::LogsRequest request) {
  CO_TRY(const std::shared_ptr<tunnel::Channel> channel, link.channel());
  CO_TRY(std::unique_ptr<tunnel::ClientCall> call, co_await channel->open(kLogs));
  CO_TRY_STATUS(co_await call->send(request.SerializeAsString()));
  CO_TRY_STATUS(co_await call->closeSend());
  co_return call;
}

template <typename Message>
Task<Result<std::optional<Message>>> receiveMessage(tunnel::ClientCall& call) {
  CO_TRY(const std::optional<std::string> bytes, co_await call.receive());
  if (!bytes) co_return std::nullopt;
  CO_TRY(Message message, tunnel::parseMessage<Message>(*bytes));
  co_return message;
}

/// A log that is followed over tunnels that break: each piece says where to go on.
class SiteLogs final : public kubelet::LogStream {
 public:
  SiteLogs(const SiteLink& link, site::v1::LogsRequest request, std::unique_ptr<tunnel::ClientCall> call)
      : link_(link), request_(std::move(request)), call_(std::move(call)) {}

  Task<Result<std::optional<std::string>>> next() override {
    while (true) {
      Result<std::optional<site::v1::LogChunk>> chunk = co_await receiveMessage<site::v1::LogChunk>(*call_);
      if (!chunk) {
        const bool goes_on = chunk.error().is(Code::ServiceUnavailable) && request_.follow() && resumable_;
        if (!goes_on) co_return failure(chunk.error());
        const Status again = co_await reopen();
        if (!again) co_return failure(chunk.error());
        continue;
      }
      if (!*chunk) co_return std::nullopt;
      resumable_ = (*chunk)->has_next();
      if (resumable_) *request_.mutable_from() = (*chunk)->next();
      co_return std::move(*(*chunk)->mutable_data());
    }
  }

 private:
  Task<Status> reopen() {
    const auto end = std::chrono::steady_clock::now() + kLongestBreak;
    while (std::chrono::steady_clock::now() < end) {
      auto call = co_await openLogs(link_, request_);
      if (call) {
        call_ = std::move(*call);
        co_return Status();
      }
      co_await async::sleepFor(kTryAgain);
    }
    co_return failure(Code::ServiceUnavailable, "the agent did not come back");
  }

  const SiteLink& link_;
  site::v1::LogsRequest request_;
  std::unique_ptr<tunnel::ClientCall> call_;
  bool resumable_ = false;
};

class SiteExec final : public kubelet::ExecSession {
 public:
  explicit SiteExec(std::unique_ptr<tunnel::ClientCall> call) : call_(std::move(call)) {}
  Task<Status> send(kubelet::ExecInput input) override {
    site::v1::ExecInput message;
    message.set_stdin(std::move(input.data));
    message.set_stdin_closed(input.closed);
    if (input.resize) {
      message.mutable_resize()->set_columns(input.resize->columns);
      message.mutable_resize()->set_rows(input.resize->rows);
    }
    std::string bytes = message.SerializeAsString();
    return call_->send(std::move(bytes));
  }
  Task<Result<std::optional<kubelet::ExecOutput>>> receive() override {
    if (exited_) co_return std::nullopt;
    CO_TRY(std::optional<site::v1::ExecOutput> message, co_await receiveMessage<site::v1::ExecOutput>(*call_));
    if (!message) co_return std::nullopt;
    exited_ = message->exited();
    kubelet::ExecOutput output;
    output.out = std::move(*message->mutable_stdout());
    output.err = std::move(*message->mutable_stderr());
    output.exited = message->exited();
    output.exit_code = message->exit_code();
    output.error = message->error();
    co_return output;
  }

 private:
  std::unique_ptr<tunnel::ClientCall> call_;
  bool exited_ = false;
};

class SitePort final : public kubelet::PortSession {
 public:
  explicit SitePort(std::unique_ptr<tunnel::ClientCall> call) : call_(std::move(call)) {}
  Task<Status> send(std::string data) override {
    site::v1::PortData message;
    message.set_data(std::move(data));
    std::string bytes = message.SerializeAsString();
    return call_->send(std::move(bytes));
  }
  Task<Status> closeWrite() override {
    site::v1::PortData message;
    message.set_closed(true);
    std::string bytes = message.SerializeAsString();
    CO_TRY_STATUS(co_await call_->send(std::move(bytes)));
    co_return co_await call_->closeSend();
  }
  Task<Result<std::optional<std::string>>> receive() override {
    while (true) {
      CO_TRY(std::optional<site::v1::PortData> message, co_await receiveMessage<site::v1::PortData>(*call_));
      if (!message) co_return std::nullopt;
      if (!message->error().empty()) co_return failure(Code::ServiceUnavailable, "{}", message->error());
      if (!message->data().empty()) co_return std::move(*message->mutable_data());
      if (message->closed()) co_return std::nullopt;
    }
  }

 private:
  std::unique_ptr<tunnel::ClientCall> call_;
};

}  // namespace

Task<Result<std::unique_ptr<kubelet::LogStream>>> logStream(const SiteLink& link, site::v1::LogsRequest request) {
  CO_TRY(std::unique_ptr<tunnel::ClientCall> call, co_await openLogs(link, request));
  co_return std::make_unique<SiteLogs>(link, std::move(request), std::move(call));
}
std::unique_ptr<kubelet::ExecSession> execSession(std::unique_ptr<tunnel::ClientCall> call) {
  return std::make_unique<SiteExec>(std::move(call));
}
std::unique_ptr<kubelet::PortSession> portSession(std::unique_ptr<tunnel::ClientCall> call) {
  return std::make_unique<SitePort>(std::move(call));
}

}  // namespace slipway::bridge
