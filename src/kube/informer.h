#pragma once

#include <functional>
#include <memory>
#include <set>
#include <unordered_map>

#include "async/backoff.h"
#include "async/event.h"
#include "kube/client.h"

namespace slipway::kube {

using ObjectPtr = std::shared_ptr<const Object>;

struct InformerOptions {
  std::string ns;  ///< "": all namespaces
  std::string label_selector;
  std::string field_selector;
  /// Trims an object before it is stored, to save memory; false: not one of ours, do not keep it. managedFields are
  /// dropped in any case.
  std::function<bool(Object&)> transform;
  int64_t page_size = 500;
  std::chrono::seconds watch_timeout{290};
  std::chrono::nanoseconds request_timeout = std::chrono::seconds(60);
  async::BackoffPolicy backoff;
};

/// What to do when an object comes, changes or goes. Called on the loop, between two of its steps: must not block.
struct InformerHandler {
  std::function<void(const ObjectPtr& object)> added;
  std::function<void(const ObjectPtr& before, const ObjectPtr& after)> updated;
  std::function<void(const ObjectPtr& last)> deleted;
  /// A new list did not have it, and nobody saw it deleted: perhaps the server has lost it. Unset: as deleted.
  std::function<void(const ObjectPtr& last)> missing;
};

/// Keeps a copy of all objects of one resource by one list and one watch.
///
/// Life cycle: addIndex() and addHandler(), then run() until cancelled. Whatever fails is tried again after a back-off;
/// what was copied stays readable meanwhile. Runs on one loop; the client must outlive it.
class Informer {
 public:
  /// Where the copy stands. Each state is one request or one wait.
  enum class State {
    Listing,          ///< nothing is known since when to watch: all objects are fetched, the rest is forgotten
    Watching,         ///< changes come in
    ListBackingOff,   ///< the list failed; listed again after a while
    WatchBackingOff,  ///< the watch failed; watched again from the last resourceVersion after a while
  };
  enum class Outcome {
    Ok,       ///< the list is complete, the wait is over, the server ended the watch in good order
    Expired,  ///< the resourceVersion is too old
    Failed,   ///< anything else
  };
  static State next(State state, Outcome outcome);

  Informer(Client& client, Resource resource, InformerOptions options, Random& random);

  using IndexFunction = std::function<std::vector<std::string>(const Object&)>;
  void addIndex(std::string name, IndexFunction values);
  void addHandler(InformerHandler handler);

  Task<void> run();
  bool synced() const { return synced_.isSet(); }
  Task<void> waitSynced() { co_await synced_.wait(); }
  State state() const { return state_; }
  /// Objects that lists and watches brought and that were the same as before are not counted.
  uint64_t changes() const { return changes_; }

  /// Null if there is none. `key` is "namespace/name" or "name".
  ObjectPtr get(const std::string& key) const;
  std::vector<ObjectPtr> byIndex(const std::string& index, const std::string& value) const;
  std::vector<std::string> indexValues(const std::string& index) const;
  const std::unordered_map<std::string, ObjectPtr>& all() const { return objects_; }

  /// Takes in what a write of ours returned, so that the next reconcile sees it before the watch brings it. An answer
  /// that is older than what the watch has brought is ignored; handlers are called.
  void observe(Object object);
  /// Stores a fresh copy of an object that is here in a trimmed form; the transform sees it anew. Nothing happens when
  /// the object has gone meanwhile.
  void refresh(Object object);

 private:
  struct Index {
    std::string name;
    IndexFunction values;
    std::unordered_map<std::string, std::set<std::string>> keys;
  };
  Task<Outcome> list();
  Task<Outcome> watch();
  Task<Outcome> follow(Watch& watch);
  void apply(WatchEvent event);
  void store(Object object, bool authoritative);
  enum class Gone { Deleted, Missing };
  void erase(const std::string& key, Gone gone);
  void eraseAllBut(const std::unordered_map<std::string, char>& keep);
  void reindex(const std::string& key, const Object* before, const Object* after);

  Client& client_;
  Resource resource_;
  InformerOptions options_;
  async::Backoff backoff_;
  std::vector<Index> indexes_;
  std::vector<InformerHandler> handlers_;
  std::unordered_map<std::string, ObjectPtr> objects_;
  std::string version_;
  State state_ = State::Listing;
  bool page_lists_ = true;
  uint64_t changes_ = 0;
  async::Event synced_;
};

}  // namespace slipway::kube
