#include "supervisor/grpc_health.h"

#include "async/task_group.h"
#include "base/strings.h"
#include "tunnel/guarded.h"
#include "tunnel/h2_connection.h"

namespace slipway::supervisor {
namespace {

constexpr std::string_view kCheck = "/grpc.health.v1.Health/Check";
constexpr char kServiceField = 0x0A;  // field 1 of HealthCheckRequest, a string
constexpr char kStatusField = 0x08;   // field 1 of HealthCheckResponse, an enum
constexpr std::string_view kStatusNames[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};

std::string healthRequest(std::string_view service) {
  if (service.empty()) return "";
  std::string out(1, kServiceField);
  size_t left = service.size();
  for (; left >= 0x80; left >>= 7U) out += static_cast<char>(0x80U | (left & 0x7FU));
  out += static_cast<char>(left);
  return out.append(service);
}

Status verdictOf(std::string_view response) {
  // An enum's default is not sent.
  size_t status = 0;
  if (!response.empty()) {
    if (response.size() < 2 || response[0] != kStatusField) {
      return failure(Code::ServiceUnavailable, "gRPC health: the answer is no HealthCheckResponse");
    }
    status = static_cast<unsigned char>(response[1]);
  }
  if (status == 1) return {};
  const std::string_view name = status < std::size(kStatusNames) ? kStatusNames[status] : "?";
  return failure(Code::ServiceUnavailable, "service unhealthy (responded with \"{}\")", name);
}

/// One connection with its one call; kept by all that work on it.
struct HealthCall {
  HealthCall(net::StreamPtr stream, const Executor& executor)
      : connection(std::move(stream), tunnel::H2Session::Role::Client, {}), tasks(executor) {}
  tunnel::H2Connection connection;
  async::TaskGroup tasks;
  Status verdict = failure(Code::ServiceUnavailable, "gRPC health: no answer");
};

Status explained(const Error& error) {
  if (!error.is(Code::NotImplemented)) return failure(error.wrap("gRPC health"));
  return failure(Code::ServiceUnavailable, "this server does not implement the grpc health protocol ({}): {}", kCheck,
                 error.message);
}

Task<void> ask(std::shared_ptr<HealthCall> call, std::string authority, std::string service) {
  call->tasks.spawn("gRPC health", call->connection.run());
  const auto stream = call->connection.call(kCheck, authority, {{"user-agent", {"kube-probe/1.36"}}});
  if (!stream) {
    call->verdict = explained(stream.error());
    co_return;
  }
  (*stream)->send(healthRequest(service));
  (*stream)->closeSend();
  const auto answer = co_await (*stream)->receive();
  if (!answer) {
    call->verdict = explained(answer.error());
  } else if (*answer) {
    call->verdict = verdictOf(**answer);
  }
}

Task<void> leave(std::shared_ptr<HealthCall> call) {
  co_await call->connection.close();
  co_await call->tasks.stop();
}

}  // namespace

Task<Status> checkGrpcHealth(net::HostPort where, std::string service) {
  const Executor executor = co_await async::thisExecutor();
  auto stream = co_await net::dialTcp(where);
  if (!stream) co_return failure(stream.error());
  const auto call = std::make_shared<HealthCall>(std::move(*stream), executor);
  Task<void> asking = ask(call, where.str(), std::move(service));
  Task<void> leaving = leave(call);
  co_await tunnel::guarded(std::move(asking), std::move(leaving));
  co_return call->verdict;
}

}  // namespace slipway::supervisor
