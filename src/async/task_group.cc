#include "async/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "async/uninterrupted.h"
#include "base/log.h"

namespace slipway::async {
namespace {

struct Child {
  std::string name;
  asio::cancellation_signal cancel;
};

void logUnlessCancelled(const std::string& name, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::operation_aborted) log::error("task {}: {}", name, e.what());
  } catch (const std::exception& e) {
    log::error("task {}: {}", name, e.what());
  } catch (...) {
    log::error("task {}: unknown exception", name);
  }
}

}  // namespace

struct TaskGroup::State {
  std::list<std::shared_ptr<Child>> children;
  bool stopping = false;
  Event empty;

  static Task<void> waitEmpty(std::shared_ptr<State> state) { co_await state->empty.wait(); }

  void cancelAll() {
    stopping = true;
    // A child may end, and leave the list, while it is being cancelled.
    const std::vector<std::shared_ptr<Child>> all(children.begin(), children.end());
    for (const auto& child : all) child->cancel.emit(asio::cancellation_type::terminal);
  }
};

TaskGroup::TaskGroup(Executor executor) : executor_(std::move(executor)), state_(std::make_shared<State>()) {
  state_->empty.set();
}

TaskGroup::~TaskGroup() {
  state_->cancelAll();
}

void TaskGroup::spawn(std::string name, Task<void> task) {
  if (state_->stopping) return;
  auto child = std::make_shared<Child>();
  child->name = std::move(name);
  state_->children.push_back(child);
  state_->empty.reset();
  const auto on_end = [state = state_, child](std::exception_ptr error) {
    if (error) logUnlessCancelled(child->name, error);
    state->children.remove(child);
    if (state->children.empty()) state->empty.set();
  };
  asio::co_spawn(executor_, std::move(task), asio::bind_cancellation_slot(child->cancel.slot(), on_end));
}

void TaskGroup::cancel() {
  state_->cancelAll();
}

Task<void> TaskGroup::stop() {
  const std::shared_ptr<State> state = state_;
  state->cancelAll();
  co_await uninterrupted(State::waitEmpty(state));
}

Task<void> TaskGroup::join() {
  const std::shared_ptr<State> state = state_;
  co_await state->empty.wait();
}

size_t TaskGroup::size() const {
  return state_->children.size();
}

}  // namespace slipway::async
