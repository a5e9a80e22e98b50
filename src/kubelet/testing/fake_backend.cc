#include "kubelet/testing/fake_backend.h"

#include "base/strings.h"

namespace slipway::kubelet::testing {
namespace {

class FakeLogStream final : public LogStream {
 public:
  FakeLogStream(std::shared_ptr<FakeLog> log, bool follow) : log_(std::move(log)), follow_(follow) {}
  ~FakeLogStream() override { log_->ended = true; }
  Task<Result<std::optional<std::string>>> next() override {
    if (!follow_) co_return log_->pieces.tryReceive();
    auto piece = co_await log_->pieces.receive();
    co_return piece;
  }

 private:
  std::shared_ptr<FakeLog> log_;
  bool follow_;
};

class Cat final : public ExecSession {
 public:
  Cat(FakeBackend& backend, bool has_input) : backend_(backend) {
    ++backend_.open_sessions;
    if (!has_input) finish(0);
  }
  ~Cat() override { --backend_.open_sessions; }

  Task<Status> send(ExecInput input) override {
    if (input.resize) backend_.resizes.push_back(*input.resize);
    if (input.data.starts_with("exit ")) {
      finish(static_cast<int>(parseInt(trim(input.data.substr(5))).value_or(0)));
    } else if (input.data.starts_with("err ")) {
      co_await output_.send({.err = input.data.substr(4)});
    } else if (!input.data.empty()) {
      co_await output_.send({.out = std::move(input.data)});
    }
    if (input.closed) finish(0);
    co_return Status();
  }
  Task<Result<std::optional<ExecOutput>>> receive() override {
    auto output = co_await output_.receive();
    co_return output;
  }

 private:
  void finish(int code) {
    output_.trySend({.exited = true, .exit_code = code});
    output_.close();
  }
  FakeBackend& backend_;
  async::Channel<ExecOutput> output_{1000};
};

class EchoPort final : public PortSession {
 public:
  EchoPort(FakeBackend& backend, bool refuses) : backend_(backend), refuses_(refuses) { ++backend_.open_sessions; }
  ~EchoPort() override { --backend_.open_sessions; }
  Task<Status> send(std::string data) override {
    co_await output_.send(std::move(data));
    co_return Status();
  }
  Task<Status> closeWrite() override {
    output_.close();
    co_return Status();
  }
  Task<Result<std::optional<std::string>>> receive() override {
    if (refuses_) co_return failure(Code::ServiceUnavailable, "dial port 2: connection refused");
    auto output = co_await output_.receive();
    co_return output;
  }

 private:
  FakeBackend& backend_;
  bool refuses_;
  async::Channel<std::string> output_{1000};
};

}  // namespace

Task<Result<User>> FakeAuthenticator::authenticate(const http::Request& /*request*/, const net::Peer& /*peer*/) {
  if (!known) co_return failure(Code::Unauthorized, "Unauthorized");
  co_return User{.name = "tester"};
}

Task<Status> FakeAuthenticator::authorize(User /*user*/, Access access) {
  asked.push_back(access);
  if (!allowed) co_return failure(Code::Forbidden, "Forbidden");
  co_return Status();
}

std::vector<kube::Object> FakeBackend::podsOf(const std::string& node) const {
  std::vector<kube::Object> out;
  for (const kube::Object& pod : pods) {
    if (node.empty() || kube::text(pod, {"spec", "nodeName"}) == node) out.push_back(pod);
  }
  return out;
}

std::optional<kube::Object> FakeBackend::findPod(const std::string& ns, const std::string& name) const {
  for (const kube::Object& pod : pods) {
    if (kube::nameSpace(pod) == ns && kube::name(pod) == name) return pod;
  }
  return std::nullopt;
}

Task<Result<std::unique_ptr<LogStream>>> FakeBackend::logs(ContainerRef container, LogOptions options) {
  last_container = container;
  last_log = options;
  if (broken) co_return failure(*broken);
  auto& log = log_of[container.container];
  if (!log) log = std::make_shared<FakeLog>();
  co_return std::make_unique<FakeLogStream>(log, options.follow);
}

Task<Result<std::unique_ptr<ExecSession>>> FakeBackend::exec(ContainerRef container, ExecOptions options) {
  last_container = container;
  last_exec = options;
  if (broken) co_return failure(*broken);
  co_return std::make_unique<Cat>(*this, options.stdin_open);
}

Task<Result<std::unique_ptr<PortSession>>> FakeBackend::portForward(ContainerRef pod, uint16_t port) {
  last_container = pod;
  if (broken) co_return failure(*broken);
  if (port == 1) co_return failure(Code::ServiceUnavailable, "connection refused");
  co_return std::make_unique<EchoPort>(*this, port == 2);
}

Task<Result<NodeStats>> FakeBackend::nodeStats(std::string /*node*/) {
  if (broken) co_return failure(*broken);
  co_return node;
}

Task<Result<std::vector<PodStats>>> FakeBackend::podStats(std::string /*node*/) {
  if (broken) co_return failure(*broken);
  co_return usage;
}

kube::Object makePod(const std::string& ns, const std::string& name, const std::string& node) {
  kube::Object pod{{"apiVersion", "v1"}, {"kind", "Pod"}};
  kube::Object& metadata = kube::ensure(pod, {"metadata"});
  metadata["namespace"] = ns;
  metadata["name"] = name;
  metadata["uid"] = "uid-" + name;
  metadata["managedFields"] = boost::json::array();
  kube::Object& spec = kube::ensure(pod, {"spec"});
  spec["nodeName"] = node;
  spec["containers"] = boost::json::array{kube::Object{{"name", "main"}}};
  kube::ensure(pod, {"status"})["phase"] = "Running";
  return pod;
}

}  // namespace slipway::kubelet::testing
