#include "async/loop.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>

#include "base/log.h"

namespace slipway::async {
namespace {

bool isCancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace

Loop::Loop() = default;
Loop::~Loop() = default;

Executor Loop::executor() {
  return context_.get_executor();
}

void Loop::post(std::function<void()> work) {
  asio::post(context_, std::move(work));
}

void Loop::run(Task<void> main, bool handle_signals) {
  asio::cancellation_signal cancel;
  std::exception_ptr failed;
  asio::signal_set signals(context_);
  int received = 0;
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const auto& error, int number) {
    if (error) return;
    if (++received > 1) std::_Exit(128 + number);
    log::info("signal {}: stopping; once more ends at once", number);
    cancel.emit(asio::cancellation_type::terminal);
    signals.async_wait(on_signal);
  };
  if (handle_signals) {
    signals.add(SIGINT);
    signals.add(SIGTERM);
    signals.async_wait(on_signal);
  }
  const auto on_end = [&](std::exception_ptr error) {
    failed = error;
    signals.cancel();
    context_.stop();
  };
  asio::co_spawn(context_, std::move(main), asio::bind_cancellation_slot(cancel.slot(), on_end));
  context_.run();
  context_.restart();
  if (failed && !isCancellation(failed)) std::rethrow_exception(failed);
}

template <>
void runToEnd(Task<void> task) {
  Loop loop;
  loop.run(std::move(task), false);
}

}  // namespace slipway::async
