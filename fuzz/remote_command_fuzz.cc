// A client of exec, attach and port-forward that sends what it likes after the upgrade; the first byte says what it
// asked for. Nothing may crash or hang.
#include "async/loop.h"
#include "kubelet/port_forward.h"
#include "kubelet/remote_command.h"
#include "kubelet/testing/fake_backend.h"

namespace slipway::kubelet {
namespace {

/// Gives bytes in pieces and takes whatever is written.
class FedStream final : public net::ByteStream {
 public:
  FedStream(std::string bytes, size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}
  Task<Result<size_t>> readSome(std::span<char> buffer) override {
    co_await async::yield();
    const std::string_view part = std::string_view(bytes_).substr(at_, std::min(piece_, buffer.size()));
    std::copy(part.begin(), part.end(), buffer.begin());
    at_ += part.size();
    co_return part.size();
  }
  Task<Status> write(std::string_view) override {
    co_await async::yield();
    co_return Status();
  }
  Task<Status> shutdownWrite() override { co_return Status(); }
  void close() override {}
  const net::Peer& peer() const override { return peer_; }

 private:
  std::string bytes_;
  size_t piece_;
  size_t at_ = 0;
  net::Peer peer_;
};

/// A request that wants to be upgraded.
class FedExchange final : public http::Exchange {
 public:
  FedExchange(http::Request request, net::StreamPtr stream)
      : request_(std::move(request)), stream_(std::move(stream)) {}
  const http::Request& request() const override { return request_; }
  const net::Peer& peer() const override { return peer_; }
  Task<Status> respond(http::Response) override { co_return Status(); }
  Task<Status> stream(http::Response) override { co_return Status(); }
  Task<Status> write(std::string_view) override { co_return Status(); }
  Task<Status> finish() override { co_return Status(); }
  Task<void> clientGone() override { co_return; }
  Task<Result<net::StreamPtr>> upgrade(http::Response) override { co_return std::move(stream_); }

 private:
  http::Request request_;
  net::StreamPtr stream_;
  net::Peer peer_;
};

http::Request upgradeRequest(bool spdy, const std::string& protocol) {
  http::Request request;
  request.method = spdy ? "POST" : "GET";
  request.headers = {{"Connection", "Upgrade"}, {"Upgrade", spdy ? "SPDY/3.1" : "websocket"}};
  request.headers.set(spdy ? "X-Stream-Protocol-Version" : "Sec-WebSocket-Protocol", protocol);
  request.headers.set("Sec-WebSocket-Version", "13");
  request.headers.set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  return request;
}

Task<void> serve(uint8_t what, std::string bytes) {
  testing::FakeBackend backend;
  const ContainerRef container{"n1", "default", "p", "1", "main"};
  const bool spdy = (what & 1U) != 0;
  auto stream = std::make_unique<FedStream>(std::move(bytes), 1U + what / 8U);
  if ((what & 2U) != 0) {
    const std::string protocol = spdy ? "portforward.k8s.io" : "SPDY/3.1+portforward.k8s.io";
    FedExchange exchange(upgradeRequest(spdy, protocol), std::move(stream));
    co_await servePortForward(exchange, backend, container);
  } else {
    const std::string protocol = !spdy && (what & 4U) != 0 ? "v5.channel.k8s.io" : "v4.channel.k8s.io";
    FedExchange exchange(upgradeRequest(spdy, protocol), std::move(stream));
    const ExecOptions options{{"cat"}, false, false, true, true, true};
    co_await serveRemoteCommand(exchange, backend, container, options);
  }
}

}  // namespace
}  // namespace slipway::kubelet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  slipway::async::runToEnd(slipway::kubelet::serve(data[0], std::move(bytes)));
  return 0;
}
