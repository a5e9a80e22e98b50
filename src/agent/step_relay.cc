#include "agent/step_relay.h"

#include <sys/socket.h>

#include "async/event.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/socket_stream.h"
#include "tunnel/guarded.h"

namespace slipway::agent {
namespace {

constexpr auto kLook = std::chrono::milliseconds(50);

Task<void> copy(net::ByteStream& from, net::ByteStream& to, async::Event& over) {
  std::array<char, 32768> buffer;
  while (true) {
    const auto got = co_await from.readSome(buffer);
    if (!got || *got == 0) break;
    const Status put = co_await to.write(std::string_view(buffer.data(), *got));
    if (!put) break;
  }
  over.set();
}

Task<void> waitFor(async::Event& event) {
  co_await event.wait();
}

}  // namespace

/// One step.
struct StepRelays::Relay {
  explicit Relay(const Executor& executor) : tasks(executor) {}
  size_t users = 0;
  SteadyTime last_used = std::chrono::steady_clock::now();
  Status ended;  ///< how the step ended, once it has
  async::Event over;
  async::TaskGroup tasks;
};

StepRelays::StepRelays(Executor executor, slurm::Driver& driver, StepRelayOptions options,
                       std::function<net::HostPort()> hub, ChannelOf channel_of)
    : executor_(executor),
      driver_(driver),
      options_(std::move(options)),
      hub_(std::move(hub)),
      channel_of_(std::move(channel_of)),
      group_(executor) {}

Task<Result<StepRelays::Reached>> StepRelays::reach(std::string key, uint32_t job_id, std::filesystem::path directory) {
  std::shared_ptr<Relay>& known = relays_[key];
  const bool fresh = !known;
  if (fresh) known = std::make_shared<Relay>(executor_);
  const std::shared_ptr<Relay> relay = known;
  ++relay->users;
  const std::shared_ptr<void> use(nullptr, [relay](void*) {
    --relay->users;
    relay->last_used = std::chrono::steady_clock::now();
  });
  if (fresh) group_.spawn("job step", keep(key, relay, job_id, std::move(directory)));
  const SteadyTime give_up = std::chrono::steady_clock::now() + options_.connect;
  while (!relay->over.isSet() && std::chrono::steady_clock::now() < give_up) {
    if (auto channel = channel_of_(key)) co_return Reached{std::move(channel), use};
    co_await relay->over.waitFor(kLook);
  }
  if (!relay->over.isSet()) {
    relay->over.set();
    co_return failure(Code::Timeout, "a step of job {} did not connect it within {} s", job_id,
                      std::chrono::duration_cast<std::chrono::seconds>(options_.connect).count());
  }
  if (!relay->ended) co_return failure(relay->ended.error());
  co_return failure(Code::ServiceUnavailable, "the step of job {} that was to connect it ended", job_id);
}

Task<void> StepRelays::run() {
  async::Event never;
  Task<void> body = waitFor(never);
  co_await tunnel::guarded(std::move(body), group_);
}

Task<void> StepRelays::keep(std::string key, std::shared_ptr<Relay> relay, uint32_t job_id,
                            std::filesystem::path directory) {
  struct Leave {
    StepRelays& relays;
    const std::string& key;
    Relay& relay;
    ~Leave() {
      relays.relays_.erase(key);
      relay.over.set();
    }
  } const leave{*this, key, *relay};
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    relay->ended = failure(errnoError("socketpair", errno));
    co_return;
  }
  FileDescriptor ours(ends[0]);
  FileDescriptor theirs(ends[1]);
  log::info("pod {}: its supervisor is not connected; a step of job {} is to connect it", key, job_id);
  relay->tasks.spawn("srun", runStep(relay, job_id, std::move(directory), std::move(theirs)));
  relay->tasks.spawn("relay", carry(relay, std::move(ours)));
  relay->tasks.spawn("relay use", watchUse(relay));
  Task<void> body = waitFor(relay->over);
  co_await tunnel::guarded(std::move(body), relay->tasks);
}

Task<void> StepRelays::runStep(std::shared_ptr<Relay> relay, uint32_t job_id, std::filesystem::path directory,
                               FileDescriptor connection) {
  std::vector<std::string> argv = {options_.binary, "supervise", "--relay", "--dir", directory.string()};
  relay->ended = co_await driver_.runStep(job_id, std::move(argv), std::move(connection));
  relay->over.set();
}

Task<void> StepRelays::carry(std::shared_ptr<Relay> relay, FileDescriptor connection) {
  struct Over {
    Relay& relay;
    ~Over() { relay.over.set(); }
  } const over{*relay};
  net::StreamSocket socket(executor_, asio::generic::stream_protocol(AF_UNIX, 0), connection.release());
  const net::StreamPtr step = net::makeSocketStream(std::move(socket), "a job step");
  // The hub is dialled when the supervisor speaks: a connection that says nothing does not live long there.
  std::string first(32768, '\0');
  const auto got = co_await step->readSome(first);
  if (!got || *got == 0) {
    // srun has more to say about it than the end of its output.
    co_await async::sleepFor(std::chrono::seconds(2));
    co_return;
  }
  first.resize(*got);
  const auto hub = co_await net::dialTcp(hub_());
  if (!hub) {
    log::warn("relay: the hub: {}", hub.error().message);
    co_return;
  }
  const Status put = co_await (*hub)->write(first);
  if (!put) co_return;
  async::TaskGroup up(executor_);
  up.spawn("relay up", copy(*step, **hub, relay->over));
  Task<void> body = copy(**hub, *step, relay->over);
  co_await tunnel::guarded(std::move(body), up);
}

Task<void> StepRelays::watchUse(std::shared_ptr<Relay> relay) {
  while (relay->users > 0 || std::chrono::steady_clock::now() - relay->last_used < options_.linger) {
    co_await async::sleepFor(std::chrono::seconds(1));
  }
  relay->over.set();
}

}  // namespace slipway::agent
