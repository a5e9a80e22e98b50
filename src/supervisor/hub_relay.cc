#include "supervisor/hub_relay.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "base/files.h"
#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "net/tcp.h"

namespace slipway::supervisor {
namespace {

/// Whoever connects to the socket is what is dialled.
class WaitingDialer final : public net::Dialer {
 public:
  explicit WaitingDialer(std::unique_ptr<net::Listener> listener) : listener_(std::move(listener)) {}
  Task<Result<net::StreamPtr>> dial() override { return listener_->accept(); }
  std::string target() const override { return "a job step"; }

 private:
  std::unique_ptr<net::Listener> listener_;
};

Result<std::unique_ptr<net::Dialer>> dialerFor(const Executor& executor, const pod::HubFile& hub,
                                               const std::string& socket) {
  TRY(const auto tls, hubTls(hub));
  std::error_code ignored;
  std::filesystem::remove(socket, ignored);  // of a run before
  TRY(auto listener, net::listenUnix(executor, socket));
  return net::tlsDialer(std::make_unique<WaitingDialer>(std::move(listener)), tls, hub.server_name);
}

bool copyOnce(int from, int to) {
  char buffer[32768];
  ssize_t got = 0;
  do {
    got = ::read(from, buffer, sizeof buffer);
  } while (got < 0 && errno == EINTR);
  return got > 0 && writeAll(to, std::string_view(buffer, static_cast<size_t>(got))).has_value();
}

int fail(const Error& error) {
  log::error("relay: {}", error.message);
  return 1;
}

}  // namespace

Result<std::shared_ptr<net::TlsContext>> hubTls(const pod::HubFile& hub) {
  return net::TlsContext::client(
      {.certificate = hub.certificate, .key = hub.key, .ca = hub.ca, .only_tls13 = true, .alpn = {"h2"}});
}

Task<void> serveRelay(pod::PodDirectory directory, std::filesystem::path scratch, pod::HubFile hub,
                      std::shared_ptr<const tunnel::Service> service, tunnel::TunnelOptions options) {
  const Executor executor = co_await async::thisExecutor();
  const std::string socket = scratch / "hub.sock";
  auto dialer = dialerFor(executor, hub, socket);
  const Status told = dialer ? writeFileAtomic(directory.relay(), socket + "\n", 0600) : failure(dialer.error());
  if (!told) {
    log::info("hub: no relay by a job step: {}", told.error().message);
    co_return;
  }
  SystemRandom random;
  options.reconnect = {.initial = std::chrono::milliseconds(100), .max = std::chrono::seconds(1)};
  tunnel::DialingEnd end(std::shared_ptr<net::Dialer>(std::move(*dialer)), std::move(service), options, random,
                         [](bool connected, const std::string& why) {
                           log::info("hub: by a job step: {}", connected ? "connected" : why);
                         });
  co_await end.run();
}

int relayMain(const std::filesystem::path& directory) {
  const auto path = readFile(pod::PodDirectory(directory).relay());
  if (!path) return fail(path.error());
  const std::string socket_path(trim(*path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return fail({Code::Invalid, socket_path + ": too long"});
  std::copy(socket_path.begin(), socket_path.end(), address.sun_path);
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(errnoError(fmt::format("the supervisor's socket {}", socket_path), errno));
  }
  std::thread down([&socket] {
    while (copyOnce(STDIN_FILENO, socket.get())) {
    }
    ::shutdown(socket.get(), SHUT_RDWR);
  });
  while (copyOnce(socket.get(), STDOUT_FILENO)) {
  }
  // What stdin still has is for nobody; the thread may wait for it for ever.
  ::_exit(0);
}

}  // namespace slipway::supervisor
