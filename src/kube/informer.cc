#include "kube/informer.h"

#include "async/deadline.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::kube {
namespace {

bool isOlder(std::string_view version, std::string_view than) {
  const auto a = parseInt(version);
  const auto b = parseInt(than);
  return a && b && *a < *b;
}

}  // namespace

Informer::State Informer::next(State state, Outcome outcome) {
  switch (state) {
    case State::Listing:
      return outcome == Outcome::Ok ? State::Watching : State::ListBackingOff;
    case State::Watching:
      if (outcome == Outcome::Ok) return State::Watching;
      return outcome == Outcome::Expired ? State::Listing : State::WatchBackingOff;
    case State::ListBackingOff:
      return State::Listing;
    case State::WatchBackingOff:
      return State::Watching;
  }
  return State::Listing;
}

Informer::Informer(Client& client, Resource resource, InformerOptions options, Random& random)
    : client_(client),
      resource_(std::move(resource)),
      options_(std::move(options)),
      backoff_(options_.backoff, random) {}

void Informer::addIndex(std::string name, IndexFunction values) {
  indexes_.push_back({std::move(name), std::move(values), {}});
}

void Informer::addHandler(InformerHandler handler) {
  handlers_.push_back(std::move(handler));
}

Task<void> Informer::run() {
  state_ = State::Listing;
  while (true) {
    Outcome outcome = Outcome::Ok;
    if (state_ == State::Listing) {
      outcome = co_await list();
    } else if (state_ == State::Watching) {
      outcome = co_await watch();
    } else {
      co_await async::sleepFor(backoff_.next());
    }
    state_ = next(state_, outcome);
  }
}

Task<Informer::Outcome> Informer::list() {
  std::unordered_map<std::string, char> seen;
  ListOptions options;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  options.limit = page_lists_ ? options_.page_size : 0;
  options.sink = [this, &seen](Object object) {
    seen.emplace(key(object), 0);
    store(std::move(object), true);
  };
  Task<Result<List>> request = client_.list(resource_, options_.ns, std::move(options));
  const Result<List> listed =
      co_await async::withDeadline(std::move(request), options_.request_timeout, "listing " + resource_.plural);
  if (!listed) {
    log::warn("{}: list failed, again soon: {}", resource_.plural, listed.error().message);
    // A list that is too slow for its continue tokens is asked for in one piece.
    if (listed.error().is(Code::Expired)) page_lists_ = false;
    co_return Outcome::Failed;
  }
  eraseAllBut(seen);
  version_ = listed->resource_version;
  page_lists_ = true;
  synced_.set();
  co_return Outcome::Ok;
}

Task<Informer::Outcome> Informer::watch() {
  WatchOptions options;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  options.resource_version = version_;
  options.timeout = options_.watch_timeout;
  Task<Result<std::unique_ptr<Watch>>> request = client_.watch(resource_, options_.ns, std::move(options));
  Result<std::unique_ptr<Watch>> opened =
      co_await async::withDeadline(std::move(request), options_.request_timeout, "watching " + resource_.plural);
  if (!opened) {
    if (opened.error().is(Code::Expired)) co_return Outcome::Expired;
    log::warn("{}: watch failed, again soon: {}", resource_.plural, opened.error().message);
    co_return Outcome::Failed;
  }
  const std::unique_ptr<Watch> watch = std::move(*opened);
  co_return co_await follow(*watch);
}

Task<Informer::Outcome> Informer::follow(Watch& watch) {
  const SteadyTime began = std::chrono::steady_clock::now();
  while (true) {
    Result<std::optional<WatchEvent>> event = co_await watch.next();
    if (!event && event.error().is(Code::Expired)) co_return Outcome::Expired;
    if (!event) {
      log::debug("{}: watch broke: {}", resource_.plural, event.error().message);
      co_return Outcome::Failed;
    }
    if (!*event) {
      // A server that ends every watch at once must not be asked in a tight loop.
      const bool too_short = std::chrono::steady_clock::now() - began < std::chrono::seconds(1);
      co_return too_short ? Outcome::Failed : Outcome::Ok;
    }
    backoff_.reset();
    apply(std::move(**event));
  }
}

void Informer::apply(WatchEvent event) {
  const std::string_view version = resourceVersion(event.object);
  if (!version.empty()) version_ = std::string(version);
  if (event.type == WatchEvent::Type::Bookmark) return;
  if (event.type == WatchEvent::Type::Deleted) {
    erase(key(event.object), Gone::Deleted);
  } else {
    store(std::move(event.object), true);
  }
}

void Informer::store(Object object, bool authoritative) {
  const std::string id = key(object);
  const auto found = objects_.find(id);
  if (found != objects_.end()) {
    const std::string_view have = resourceVersion(*found->second);
    const std::string_view offered = resourceVersion(object);
    if (have == offered || (!authoritative && isOlder(offered, have))) return;
  }
  if (json::value* metadata = object.if_contains("metadata"); metadata != nullptr && metadata->is_object()) {
    metadata->get_object().erase("managedFields");
  }
  if (options_.transform && !options_.transform(object)) return erase(id, Gone::Deleted);
  const ObjectPtr after = std::make_shared<const Object>(std::move(object));
  const ObjectPtr before = found == objects_.end() ? nullptr : found->second;
  // The same name with another uid is another object: the first one was deleted and we did not see it.
  if (before != nullptr && uid(*before) != uid(*after)) {
    erase(id, Gone::Deleted);
    return store(Object(*after), authoritative);
  }
  objects_[id] = after;
  reindex(id, before.get(), after.get());
  ++changes_;
  for (const InformerHandler& handler : handlers_) {
    if (before == nullptr && handler.added) handler.added(after);
    if (before != nullptr && handler.updated) handler.updated(before, after);
  }
}

void Informer::erase(const std::string& key, Gone gone) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  const ObjectPtr last = found->second;
  const std::string id = key;
  objects_.erase(found);
  reindex(id, last.get(), nullptr);
  ++changes_;
  for (const InformerHandler& handler : handlers_) {
    const auto& told = gone == Gone::Missing && handler.missing ? handler.missing : handler.deleted;
    if (told) told(last);
  }
}

void Informer::eraseAllBut(const std::unordered_map<std::string, char>& keep) {
  std::vector<std::string> gone;
  for (const auto& [id, object] : objects_) {
    if (!keep.contains(id)) gone.push_back(id);
  }
  for (const std::string& id : gone) erase(id, Gone::Missing);
}

void Informer::reindex(const std::string& key, const Object* before, const Object* after) {
  for (Index& index : indexes_) {
    std::vector<std::string> old_values;
    std::vector<std::string> new_values;
    if (before != nullptr) old_values = index.values(*before);
    if (after != nullptr) new_values = index.values(*after);
    if (old_values == new_values) continue;
    for (const std::string& value : old_values) {
      const auto found = index.keys.find(value);
      if (found == index.keys.end()) continue;
      found->second.erase(key);
      if (found->second.empty()) index.keys.erase(found);
    }
    for (const std::string& value : new_values) index.keys[value].insert(key);
  }
}

ObjectPtr Informer::get(const std::string& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<ObjectPtr> Informer::byIndex(const std::string& index, const std::string& value) const {
  std::vector<ObjectPtr> found;
  for (const Index& candidate : indexes_) {
    if (candidate.name != index) continue;
    const auto keys = candidate.keys.find(value);
    if (keys == candidate.keys.end()) break;
    for (const std::string& id : keys->second) found.push_back(objects_.at(id));
  }
  return found;
}

std::vector<std::string> Informer::indexValues(const std::string& index) const {
  std::vector<std::string> values;
  for (const Index& candidate : indexes_) {
    if (candidate.name != index) continue;
    for (const auto& [value, keys] : candidate.keys) values.push_back(value);
  }
  return values;
}

void Informer::observe(Object object) {
  // What the watch has passed already it has brought already, or deleted since.
  const std::string_view version = resourceVersion(object);
  if (version == version_ || isOlder(version, version_)) return;
  store(std::move(object), false);
}

void Informer::refresh(Object object) {
  const ObjectPtr have = get(key(object));
  if (have != nullptr && uid(*have) == uid(object)) store(std::move(object), true);
}

}  // namespace slipway::kube
