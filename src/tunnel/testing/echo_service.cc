#include "tunnel/testing/echo_service.h"

#include "base/strings.h"

namespace slipway::tunnel::testing {
namespace {

/// Counts a handler in and out.
struct Count {
  EchoService& in;
  bool done = false;
  explicit Count(EchoService& service) : in(service) {
    ++in.running;
    in.changed.pulse();
  }
  ~Count() {
    --in.running;
    if (!done) ++in.cancelled;
    in.changed.pulse();
  }
};

Task<Status> echo(EchoService& service, ServerCall& call) {
  Count count(service);
  while (true) {
    CO_TRY(std::optional<std::string> message, co_await call.receive());
    if (!message) break;
    CO_TRY_STATUS(co_await call.send(std::move(*message)));
  }
  count.done = true;
  co_return Status{};
}

Task<Status> refuse(ServerCall& call) {
  CO_TRY(std::optional<std::string> message, co_await call.receive());
  const std::string request = message.value_or("0:");
  const auto [number, text] = splitOnce(request, ':');
  co_return failure(static_cast<Code>(parseInt(number).value_or(0)), std::string(text));
}

Task<Status> source(EchoService& service, ServerCall& call) {
  Count count(service);
  while (true) {
    CO_TRY_STATUS(co_await call.send(std::string(16384, 'x')));
    ++service.produced;
    service.changed.pulse();
  }
}

Task<Status> hang(EchoService& service) {
  Count count(service);
  async::Event never;
  co_await never.wait();
  co_return Status{};
}

}  // namespace

EchoService::EchoService() : service(std::make_shared<Service>()) {
  service->on("/test/Echo", [this](ServerCall& call) { return echo(*this, call); });
  service->on("/test/Refuse", [](ServerCall& call) { return refuse(call); });
  service->on("/test/Source", [this](ServerCall& call) { return source(*this, call); });
  service->on("/test/Hang", [this](ServerCall&) { return hang(*this); });
}

Task<void> EchoService::unwound(int count) {
  while (cancelled < count) co_await changed.wait();
}

}  // namespace slipway::tunnel::testing
