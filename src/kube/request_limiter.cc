#include "kube/request_limiter.h"

namespace slipway::kube {

RequestLimiter::RequestLimiter(double rate, double burst, const Clock& clock)
    : rate_(rate), burst_(burst), clock_(clock), tokens_(burst), filled_at_(clock.steady()) {}

void RequestLimiter::refill() {
  const SteadyTime now = clock_.steady();
  tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - filled_at_).count());
  filled_at_ = now;
}

void RequestLimiter::grant(Queue& queue) {
  while (!queue.empty() && tokens_ >= 1.0 && clock_.steady() >= paused_until_) {
    tokens_ -= 1.0;
    queue.front()->granted = true;
    queue.front()->turn.set();
    queue.pop_front();
  }
}

std::chrono::nanoseconds RequestLimiter::untilToken() const {
  const double missing = std::max(0.0, 1.0 - tokens_) / rate_;
  const auto for_token = std::chrono::nanoseconds(static_cast<int64_t>(missing * 1e9) + 1'000'000);
  return std::max<std::chrono::nanoseconds>(for_token, paused_until_ - clock_.steady());
}

Task<void> RequestLimiter::acquire(Priority priority) {
  Queue& queue = priority == Priority::Urgent ? urgent_ : normal_;
  const auto self = std::make_shared<Waiter>();
  queue.push_back(self);
  // A waiter that is cancelled must not stay in line; a token that it holds already is lost, which does no harm. The
  // next in line is woken, because only the head of a line keeps time.
  struct Leave {
    Queue& queue;
    const std::shared_ptr<Waiter>& waiter;
    ~Leave() {
      std::erase(queue, waiter);
      if (!queue.empty()) queue.front()->turn.pulse();
    }
  } const leave{queue, self};
  while (true) {
    refill();
    grant(urgent_);
    grant(normal_);
    if (self->granted) co_return;
    const bool head = queue.front() == self;
    const std::chrono::nanoseconds patience = head ? untilToken() : std::chrono::nanoseconds(std::chrono::seconds(1));
    co_await self->turn.waitFor(patience);
  }
}

void RequestLimiter::pause(std::chrono::nanoseconds delay) {
  const SteadyTime until = clock_.steady() + std::chrono::duration_cast<SteadyTime::duration>(delay);
  paused_until_ = std::max(paused_until_, until);
}

}  // namespace slipway::kube
