#include "supervisor/probes.h"

#include "async/deadline.h"
#include "base/strings.h"
#include "http/client.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "supervisor/container_runner.h"
#include "supervisor/exec.h"
#include "supervisor/grpc_health.h"

namespace slipway::supervisor {
namespace {

using site::v1::Handler;
using site::v1::Probe;

std::string hostOf(const std::string& host, const PodContext& context) {
  if (!host.empty()) return host;
  return context.facts.pod_ips.empty() ? "127.0.0.1" : context.facts.pod_ips.front();
}

Result<std::unique_ptr<net::Dialer>> dialerFor(const site::v1::HttpAction& action, const net::HostPort& where) {
  auto dialer = net::tcpDialer(where);
  if (!equalsIgnoreCase(action.scheme(), "https")) return dialer;
  TRY(const auto tls, net::TlsContext::client({.insecure_skip_verify = true}));
  return net::tlsDialer(std::move(dialer), tls, where.host);
}

/// In the words that people know from a kubelet and look for.
std::string whyNot(const Error& error, const std::string& where) {
  if (error.is(Code::Timeout)) return fmt::format("dial tcp {}: i/o timeout", where);
  if (error.message.find("refused") == std::string::npos) return error.message;
  return fmt::format("dial tcp {}: connect: connection refused", where);
}

std::string_view afterKill(const ContainerRunner& runner) {
  return runner.restartsAfterKill() ? ", will be restarted" : "";
}

Task<Status> tryHttp(site::v1::HttpAction action, std::string host, std::chrono::nanoseconds timeout) {
  const net::HostPort where{host, static_cast<uint16_t>(action.port())};
  CO_TRY(auto dialer, dialerFor(action, where));
  const Executor executor = co_await async::thisExecutor();
  http::Client client(executor, std::move(dialer));
  http::Request request;
  const std::string target = action.path().starts_with("/") ? action.path() : "/" + action.path();
  request.target = target;
  request.headers.set("Host", where.str());
  request.headers.set("User-Agent", "kube-probe/1.36");
  request.headers.set("Accept", "*/*");
  request.headers.set("Connection", "close");
  for (const auto& header : action.headers()) request.headers.set(header.name(), header.value());
  const auto response = co_await client.send(std::move(request), timeout);
  if (!response) {
    const std::string url =
        fmt::format("{}://{}{}", toLower(action.scheme().empty() ? "http" : action.scheme()), where.str(), target);
    const std::string why = response.error().is(Code::Timeout)
                                ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                                : whyNot(response.error(), where.str());
    co_return failure(response.error().code, "Get \"{}\": {}", url, why);
  }
  if (response->status >= 200 && response->status < 400) co_return Status();
  co_return failure(Code::ServiceUnavailable, "HTTP probe failed with statuscode: {}", response->status);
}

Task<Status> tryTcp(std::string host, int32_t port, std::chrono::nanoseconds timeout) {
  auto dialing = net::dialTcp({host, static_cast<uint16_t>(port)});
  auto stream = co_await async::withDeadline(std::move(dialing), timeout, fmt::format("dial tcp {}:{}", host, port));
  if (!stream)
    co_return failure(stream.error().code, "{}",
                      whyNot(stream.error(), net::HostPort{host, static_cast<uint16_t>(port)}.str()));
  (*stream)->close();
  co_return Status();
}

Task<Status> tryGrpc(std::string host, site::v1::GrpcAction action, std::chrono::nanoseconds timeout) {
  const net::HostPort where{std::move(host), static_cast<uint16_t>(action.port())};
  auto checking = checkGrpcHealth(where, action.service());
  co_return co_await async::withDeadline(std::move(checking), timeout, fmt::format("gRPC health of {}", where.str()));
}

Task<Status> tryExec(ContainerRunner& runner, site::v1::ExecAction action, std::chrono::nanoseconds timeout) {
  const std::vector<std::string> command(action.command().begin(), action.command().end());
  auto ran = co_await runInContainer(runner, command, timeout);
  if (!ran) co_return failure(ran.error());
  if (ran->exit_code == 0) co_return Status();
  co_return failure(Code::ServiceUnavailable, "{}", toValidUtf8(trim(ran->output)));
}

Task<Status> runAction(PodContext& context, ContainerRunner& runner, Handler handler,
                       std::chrono::nanoseconds timeout) {
  switch (handler.action_case()) {
    case Handler::kExec:
      co_return co_await tryExec(runner, handler.exec(), timeout);
    case Handler::kHttp:
      co_return co_await tryHttp(handler.http(), hostOf(handler.http().host(), context), timeout);
    case Handler::kTcp:
      co_return co_await tryTcp(hostOf(handler.tcp().host(), context), handler.tcp().port(), timeout);
    case Handler::kGrpc:
      co_return co_await tryGrpc(hostOf("", context), handler.grpc(), timeout);
    case Handler::kSleepSeconds: {
      const std::chrono::nanoseconds wanted = std::chrono::seconds(handler.sleep_seconds());
      co_await async::sleepFor(std::min(wanted, timeout));
      co_return Status();
    }
    default:
      co_return Status();
  }
}

/// Counts successes and failures in a row against the thresholds.
class Streak {
 public:
  explicit Streak(const Probe& probe) : probe_(probe) {}
  /// True or false when a threshold has been reached, nothing before.
  std::optional<bool> add(bool success) {
    count_ = success == last_ ? count_ + 1 : 1;
    last_ = success;
    const int needed = success ? probe_.success_threshold() : probe_.failure_threshold();
    if (count_ < needed) return std::nullopt;
    return success;
  }
  void reset() { count_ = 0; }

 private:
  const Probe& probe_;
  int count_ = 0;
  bool last_ = false;
};

Task<bool> tryProbe(PodContext& context, ContainerRunner& runner, const Probe& probe, std::string kind) {
  const Status result =
      co_await runHandler(context, runner, probe.handler(), std::chrono::seconds(probe.timeout_seconds()));
  if (!result) {
    context.board.event("Warning", "Unhealthy", fmt::format("{} probe failed: {}", kind, result.error().message),
                        runner.name());
  }
  co_return result.has_value();
}

Task<void> watchReadiness(PodContext& context, ContainerRunner& runner) {
  const Probe& probe = runner.plan().readiness_probe();
  Streak streak(probe);
  co_await async::sleepFor(std::chrono::seconds(probe.initial_delay_seconds()));
  while (true) {
    const bool success = co_await tryProbe(context, runner, probe, "Readiness");
    if (const auto decided = streak.add(success)) runner.setReady(*decided);
    co_await async::sleepFor(std::chrono::seconds(probe.period_seconds()));
  }
}

/// Startup and liveness: false when the container has to be started again.
Task<bool> passes(PodContext& context, ContainerRunner& runner, const Probe& probe, std::string kind,
                  bool until_success) {
  Streak streak(probe);
  co_await async::sleepFor(std::chrono::seconds(probe.initial_delay_seconds()));
  while (true) {
    const bool success = co_await tryProbe(context, runner, probe, kind);
    const auto decided = streak.add(success);
    if (decided && !*decided) co_return false;
    if (decided && until_success) co_return true;
    co_await async::sleepFor(std::chrono::seconds(probe.period_seconds()));
  }
}

Task<void> watchLiveness(PodContext& context, ContainerRunner& runner) {
  const Probe& probe = runner.plan().liveness_probe();
  co_await passes(context, runner, probe, "Liveness", false);
  runner.restartFor(fmt::format("Container {} failed liveness probe{}", runner.name(), afterKill(runner)),
                    probe.termination_grace_seconds());
}

}  // namespace

Task<Status> runHandler(PodContext& context, ContainerRunner& runner, Handler handler,
                        std::chrono::nanoseconds timeout) {
  std::string broken;
  try {
    co_return co_await runAction(context, runner, std::move(handler), timeout);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    broken = error.what();
  } catch (const std::exception& error) {
    broken = error.what();
  }
  co_return failure(Code::InternalError, "{}", broken);
}

Task<void> runProbes(PodContext& context, ContainerRunner& runner, async::TaskGroup& group) {
  if (runner.plan().has_startup_probe()) {
    const Probe& probe = runner.plan().startup_probe();
    const bool started = co_await passes(context, runner, probe, "Startup", true);
    if (!started) {
      runner.restartFor(fmt::format("Container {} failed startup probe{}", runner.name(), afterKill(runner)),
                        probe.termination_grace_seconds());
      co_return;
    }
  }
  runner.setStarted();
  if (runner.plan().has_liveness_probe()) group.spawn("liveness probe", watchLiveness(context, runner));
  if (runner.plan().has_readiness_probe()) group.spawn("readiness probe", watchReadiness(context, runner));
}

}  // namespace slipway::supervisor
