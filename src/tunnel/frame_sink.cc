#include "tunnel/frame_sink.h"

namespace slipway::tunnel {

Task<void> FrameSink::room() {
  if (line_.empty() && !full()) co_return;
  const auto place = line_.emplace(line_.end());
  // Whoever leaves the line, even by cancellation, lets the next one look.
  struct Leave {
    FrameSink& sink;
    std::list<async::Event>::iterator place;
    ~Leave() {
      sink.line_.erase(place);
      sink.wakeFirst();
    }
  } const leave{*this, place};
  while (!gone_ && (full() || place != line_.begin())) {
    place->reset();
    co_await place->wait();
  }
}

Task<void> FrameSink::notFlooded() {
  while (!gone_ && backlog() >= kFlooded) co_await drained_.wait();
}

void FrameSink::drained() {
  drained_.pulse();
  wakeFirst();
}

void FrameSink::closed() {
  gone_ = true;
  drained_.pulse();
  for (async::Event& event : line_) event.set();
}

void FrameSink::wakeFirst() {
  if (!line_.empty() && !full()) line_.front().set();
}

}  // namespace slipway::tunnel
