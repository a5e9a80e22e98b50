#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <optional>
#include <type_traits>

#include "async/event.h"
#include "async/uninterrupted.h"

namespace slipway::async {

/// Threads for calls that block (files on a network file system, SQLite, getaddrinfo).
class BlockingPool {
 public:
  explicit BlockingPool(size_t threads) : pool_(threads) {}
  ~BlockingPool() { pool_.join(); }

  /// Runs `work` on a thread of the pool and gives its value on the caller's loop. Not cancelled once begun: `work`
  /// may refer to the caller's frame.
  template <typename Work>
  Task<std::invoke_result_t<Work>> run(Work work) {
    using T = std::invoke_result_t<Work>;
    struct State {
      std::optional<T> value;
      std::exception_ptr error;
      Event done;
    };
    const Executor executor = co_await thisExecutor();
    const auto state = std::make_shared<State>();
    asio::post(pool_, [state, executor, &work] {
      try {
        state->value.emplace(work());
      } catch (...) {
        state->error = std::current_exception();
      }
      asio::post(executor, [state] { state->done.set(); });
    });
    const auto wait_done = [](std::shared_ptr<State> one) -> Task<void> { co_await one->done.wait(); };
    co_await uninterrupted(wait_done(state));
    if (state->error) std::rethrow_exception(state->error);
    co_return std::move(*state->value);
  }

 private:
  asio::thread_pool pool_;
};

}  // namespace slipway::async
