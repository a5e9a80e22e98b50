#include "controllers/keyed_loop.h"

#include "async/task_group.h"
#include "base/log.h"

namespace slipway::controllers {

KeyedLoop::KeyedLoop(std::string name, Executor executor, Random& random, Reconcile reconcile, KeyedLoopOptions options)
    : name_(std::move(name)),
      executor_(executor),
      reconcile_(std::move(reconcile)),
      options_(options),
      queue_(executor, options.backoff, random) {}

void KeyedLoop::addFrom(kube::Informer& informer) {
  informer.addHandler(
      {.added = [this](const kube::ObjectPtr& object) { add(kube::key(*object)); },
       .updated = [this](const kube::ObjectPtr&, const kube::ObjectPtr& object) { add(kube::key(*object)); },
       .deleted = nullptr});
}

Task<void> KeyedLoop::run(std::vector<kube::Informer*> wait_for) {
  for (kube::Informer* informer : wait_for) co_await informer->waitSynced();
  NamedTasks workers;
  for (size_t i = 0; i < options_.workers; ++i) workers.push_back(task(name_, work()));
  co_await runTogether(executor_, std::move(workers));
}

Task<void> KeyedLoop::work() {
  while (true) {
    const std::optional<std::string> key = co_await queue_.get();
    if (!key) co_return;
    Task<Result<Outcome>> step = reconcile_(*key);
    const Result<Outcome> outcome = co_await std::move(step);
    if (!outcome) {
      if (!outcome.error().is(Code::Conflict)) log::warn("{}: {}: {}", name_, *key, outcome.error().message);
      queue_.retry(*key);
    } else if (outcome->next == Outcome::Next::Retry) {
      queue_.retry(*key);
    } else {
      queue_.forget(*key);
      if (outcome->next == Outcome::Next::After) queue_.addAfter(*key, outcome->delay);
    }
    queue_.done(*key);
  }
}

Task<void> runTogether(Executor executor, NamedTasks tasks) {
  async::TaskGroup group(executor);
  for (auto& [name, work] : tasks) group.spawn(name, std::move(work));
  std::exception_ptr cancelled;
  try {
    co_await group.join();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await group.stop();
  if (cancelled) std::rethrow_exception(cancelled);
}

}  // namespace slipway::controllers
