#include "agent/secrets_courier.h"

#include "base/log.h"
#include "tunnel/guarded.h"
#include "tunnel/rpc.h"

namespace slipway::agent {
namespace {

constexpr auto kTryAgain = std::chrono::seconds(2);
constexpr auto kGiveDeadline = std::chrono::seconds(20);

}  // namespace

Task<void> SecretsCourier::run() {
  Task<void> body = rounds();
  co_await tunnel::guarded(std::move(body), group_);
}

Task<void> SecretsCourier::rounds() {
  while (true) {
    attempts_.secretsWanted().reset();
    const std::vector<std::string> keys = attempts_.wantingSecrets();
    for (const std::string& key : keys) {
      if (under_way_.insert(key).second) group_.spawn("secrets " + key, deliver(key));
    }
    if (keys.empty()) {
      co_await attempts_.secretsWanted().wait();
    } else {
      co_await attempts_.secretsWanted().waitFor(kTryAgain);
    }
  }
}

Task<void> SecretsCourier::deliver(std::string key) {
  struct Done {
    std::set<std::string>& under_way;
    const std::string& key;
    ~Done() { under_way.erase(key); }
  } const done{under_way_, key};
  const site::v1::PodSecrets* held = attempts_.secretsOf(key);
  if (held == nullptr) co_return;  // its report tells the controller
  const std::shared_ptr<tunnel::Channel> channel = hub_.channel(key);
  if (!channel) {
    const Status left = attempts_.leaveSecretsAsFile(key);
    if (!left) log::warn("pod {}: secrets: {}", key, left.error().message);
    co_return;
  }
  site::v1::PodSecrets secrets = *held;
  const auto answer = co_await tunnel::callUnary<site::v1::GiveSecretsResponse>(
      channel, "/slipway.site.v1.Pod/GiveSecrets", std::move(secrets), kGiveDeadline);
  if (!answer) log::warn("pod {}: secrets: {}", key, answer.error().message);
}

}  // namespace slipway::agent
