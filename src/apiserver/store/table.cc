#include "apiserver/store/table.h"

namespace slipway::apiserver {
namespace {

/// Collects a page; full() once the next object would be one too many.
class PageBuilder {
 public:
  PageBuilder(std::string_view prefix, size_t limit) : prefix_(prefix), limit_(limit) {}

  /// False when the key is past the prefix: nothing more can come.
  bool add(const std::string& key, const StoredPtr& object) {
    if (!key.starts_with(prefix_)) return false;
    if (limit_ != 0 && page_.objects.size() >= limit_) {
      if (page_.next.empty()) page_.next = key;
      ++page_.remaining;
      return true;
    }
    page_.objects.push_back(object);
    return true;
  }
  Table::Page take() { return std::move(page_); }

 private:
  std::string_view prefix_;
  size_t limit_;
  Table::Page page_;
};

bool comesBefore(const ChangePtr& change, int64_t revision) {
  return change->revision <= revision;
}

}  // namespace

StoredPtr Table::find(std::string_view key) const {
  const auto it = objects_.find(key);
  return it == objects_.end() ? nullptr : it->second;
}

Table::Page Table::list(std::string_view prefix, std::string_view from, size_t limit, int64_t revision) const {
  if (revision != 0 && revision < lastChange()) return listPast(prefix, from, limit, revision);
  PageBuilder page(prefix, limit);
  for (auto it = objects_.lower_bound(std::max(prefix, from)); it != objects_.end(); ++it) {
    if (!page.add(it->first, it->second)) break;
  }
  return page.take();
}

Table::Page Table::listPast(std::string_view prefix, std::string_view from, size_t limit, int64_t revision) const {
  // What has changed since is undone, newest first, so that the oldest `before` of each key remains.
  std::map<std::string_view, const StoredPtr*> past;
  for (auto it = changes_.rbegin(); it != changes_.rend() && (*it)->revision > revision; ++it) {
    past[(*it)->now->key] = &(*it)->before;
  }
  PageBuilder page(prefix, limit);
  const std::string_view start = std::max(prefix, from);
  auto now = objects_.lower_bound(start);
  auto then = past.lower_bound(start);
  while (now != objects_.end() || then != past.end()) {
    const bool take_past = then != past.end() && (now == objects_.end() || then->first <= now->first);
    const bool both = take_past && now != objects_.end() && then->first == now->first;
    if (take_past && *then->second && !page.add((*then->second)->key, *then->second)) break;
    if (!take_past && !page.add(now->first, now->second)) break;
    if (take_past) ++then;
    if (!take_past || both) ++now;
  }
  return page.take();
}

std::vector<ChangePtr> Table::changesAfter(int64_t revision, size_t limit) const {
  const auto first = std::lower_bound(changes_.begin(), changes_.end(), revision, comesBefore);
  const auto count = std::min(limit, static_cast<size_t>(changes_.end() - first));
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

void Table::apply(ChangePtr change) {
  ++version_;
  last_change_ = change->revision;
  if (change->deleted) {
    objects_.erase(change->now->key);
  } else {
    objects_[change->now->key] = change->now;
  }
  changes_.push_back(std::move(change));
}

void Table::wake() {
  for (async::Event* event : subscribers_) event->set();
}

Table::Subscription::Subscription(Table& table, async::Event& event) : table_(table) {
  place_ = table_.subscribers_.insert(table_.subscribers_.end(), &event);
}

Table::Subscription::~Subscription() {
  table_.subscribers_.erase(place_);
}

}  // namespace slipway::apiserver
