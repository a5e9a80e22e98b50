#include "async/event.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway::async {

struct Event::State {
  bool set = false;
  std::list<asio::steady_timer*> waiters;

  void wakeAll() {
    for (asio::steady_timer* waiter : waiters) waiter->cancel();
    waiters.clear();
  }
};

namespace {

constexpr auto kForever = std::chrono::hours(24 * 365 * 50);

}  // namespace

Event::Event() : state_(std::make_shared<State>()) {}

Event::~Event() {
  state_->wakeAll();
}

void Event::set() {
  state_->set = true;
  state_->wakeAll();
}

void Event::reset() {
  state_->set = false;
}

bool Event::isSet() const {
  return state_->set;
}

void Event::pulse() {
  state_->wakeAll();
}

Task<void> Event::wait() {
  co_await waitFor(kForever);
}

Task<bool> Event::waitFor(std::chrono::nanoseconds limit) {
  const std::shared_ptr<State> state = state_;
  if (state->set) co_return true;
  const Executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  timer.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit));
  state->waiters.push_back(&timer);
  // The list forgets the timer on every way out, unwinding included.
  struct Forget {
    State& state;
    asio::steady_timer* timer;
    ~Forget() { state.waiters.remove(timer); }
  } const forget{*state, &timer};
  const auto outcome = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await throwIfCancelled();
  co_return static_cast<bool>(std::get<0>(outcome));
}

}  // namespace slipway::async
