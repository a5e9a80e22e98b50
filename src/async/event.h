#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>

#include "async/task.h"

namespace slipway::async {

/// Wakes coroutines of one loop. set() wakes all that wait and lets later ones pass until reset().
/// May be destroyed while someone waits: the waiter wakes and sees no more of it.
class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set();
  void reset();
  bool isSet() const;
  /// Wakes those who wait now and nobody else: set() and reset() in one.
  void pulse();
  Task<void> wait();
  /// False when the time ran out first.
  Task<bool> waitFor(std::chrono::nanoseconds limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A bounded queue between coroutines of one loop. close() lets the receiver drain what is there and then end.
template <typename T>
class Channel {
 public:
  explicit Channel(size_t capacity) : capacity_(capacity) {}

  /// False if closed: the value is dropped.
  Task<bool> send(T value) {
    while (!closed_ && items_.size() >= capacity_) co_await room_.wait();
    co_return trySend(std::move(value));
  }
  /// False if full or closed.
  bool trySend(T value) {
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(value));
    ready_.set();
    if (items_.size() >= capacity_) room_.reset();
    return true;
  }
  /// Nothing once closed and empty.
  Task<std::optional<T>> receive() {
    while (items_.empty() && !closed_) co_await ready_.wait();
    co_return tryReceive();
  }
  std::optional<T> tryReceive() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> value(std::move(items_.front()));
    items_.pop_front();
    if (items_.empty() && !closed_) ready_.reset();
    room_.set();
    return value;
  }
  void close() {
    closed_ = true;
    ready_.set();
    room_.set();
  }
  bool closed() const { return closed_; }
  size_t size() const { return items_.size(); }

 private:
  size_t capacity_;
  std::deque<T> items_;
  bool closed_ = false;
  Event ready_;
  Event room_;
};

/// Lets at most `limit` coroutines through at once.
class Semaphore {
 public:
  explicit Semaphore(size_t limit) : free_(limit) {}
  Task<void> acquire() {
    while (free_ == 0) co_await freed_.wait();
    --free_;
    if (free_ == 0) freed_.reset();
  }
  void release() {
    ++free_;
    freed_.set();
  }

 private:
  size_t free_;
  Event freed_;
};

}  // namespace slipway::async
