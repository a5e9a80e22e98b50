#include "bridge/kubelet_streams.h"

#include "proto/site.pb.h"

namespace slipway::bridge {
namespace {

template <typename Message>
Task<Result<std::optional<Message>>> receiveMessage(tunnel::ClientCall& call) {
  CO_TRY(const std::optional<std::string> bytes, co_await call.receive());
  if (!bytes) co_return std::nullopt;
  CO_TRY(Message message, tunnel::parseMessage<Message>(*bytes));
  co_return message;
}

class SiteLogs final : public kubelet::LogStream {
 public:
  explicit SiteLogs(std::unique_ptr<tunnel::ClientCall> call) : call_(std::move(call)) {}
  Task<Result<std::optional<std::string>>> next() override {
    CO_TRY(std::optional<site::v1::LogChunk> chunk, co_await receiveMessage<site::v1::LogChunk>(*call_));
    if (!chunk) co_return std::nullopt;
    co_return std::move(*chunk->mutable_data());
  }

 private:
  std::unique_ptr<tunnel::ClientCall> call_;
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

std::unique_ptr<kubelet::LogStream> logStream(std::unique_ptr<tunnel::ClientCall> call) {
  return std::make_unique<SiteLogs>(std::move(call));
}
std::unique_ptr<kubelet::ExecSession> execSession(std::unique_ptr<tunnel::ClientCall> call) {
  return std::make_unique<SiteExec>(std::move(call));
}
std::unique_ptr<kubelet::PortSession> portSession(std::unique_ptr<tunnel::ClientCall> call) {
  return std::make_unique<SitePort>(std::move(call));
}

}  // namespace slipway::bridge
