#pragma once

#include <deque>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/store/stored.h"
#include "async/event.h"

namespace slipway::apiserver {

/// The objects of one resource in the order of their keys, as committed, and their recent changes.
/// Loop thread only; belongs to the Store, which alone applies changes.
class Table {
 public:
  using Objects = std::map<std::string, StoredPtr, std::less<>>;

  StoredPtr find(std::string_view key) const;
  const Objects& objects() const { return objects_; }

  /// Up to `limit` objects (0: all) whose keys begin with `prefix` and are not less than `from`, as they were at
  /// `revision` (0: now). `more` gets the key to go on from, or stays empty.
  struct Page {
    std::vector<StoredPtr> objects;
    std::string next;
    int64_t remaining = 0;  ///< objects after this page, whatever their labels
  };
  Page list(std::string_view prefix, std::string_view from, size_t limit, int64_t revision = 0) const;

  /// Changes after `revision`, oldest first, at most `limit`.
  std::vector<ChangePtr> changesAfter(int64_t revision, size_t limit) const;
  /// Grows with every change.
  uint64_t version() const { return version_; }
  /// Revision of the last change there was, compacted or not; never too low.
  int64_t lastChange() const { return last_change_; }

  /// Wakes `event` on every change, until the subscription goes.
  class Subscription {
   public:
    Subscription(Table& table, async::Event& event);
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    Table& table_;
    std::list<async::Event*>::iterator place_;
  };

  void apply(ChangePtr change);
  void wake();
  void forgetFirst() { changes_.pop_front(); }
  void beginAt(int64_t revision) { last_change_ = std::max(last_change_, revision); }

 private:
  Page listPast(std::string_view prefix, std::string_view from, size_t limit, int64_t revision) const;

  Objects objects_;
  std::deque<ChangePtr> changes_;
  uint64_t version_ = 0;
  int64_t last_change_ = 0;
  std::list<async::Event*> subscribers_;
};

}  // namespace slipway::apiserver
