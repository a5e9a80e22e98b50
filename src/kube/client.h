#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "kube/resource.h"

namespace slipway::kube {

struct ListOptions {
  std::string label_selector;
  std::string field_selector;
  int64_t limit = 500;           ///< page size; 0: all in one
  std::string resource_version;  ///< "": most recent; "0": any
  /// Takes each object as its page comes, so that no more than a page is in memory; List::items stays empty then. When
  /// the list fails halfway (Expired among others), what was taken before is to be forgotten.
  std::function<void(Object)> sink;
};

struct List {
  std::vector<Object> items;
  std::string resource_version;
};

struct WatchOptions {
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;  ///< where the list ended
  std::chrono::seconds timeout = std::chrono::seconds(290);
};

struct WatchEvent {
  enum class Type { Added, Modified, Deleted, Bookmark } type;
  Object object;
};

/// One watch. next() gives nothing when the server ended it (watch again from the last resourceVersion) and
/// Error{Expired} when that version is too old (list again).
class Watch {
 public:
  virtual ~Watch() = default;
  virtual Task<Result<std::optional<WatchEvent>>> next() = 0;
};

struct DeleteOptions {
  std::optional<int64_t> grace_seconds;
  std::string uid;               ///< precondition
  std::string resource_version;  ///< precondition
  std::string propagation;       ///< Background, Foreground, Orphan
};

enum class PatchType { Json, Merge, StrategicMerge, Apply };

/// The Kubernetes API of one server. Port: bridge, controllers and kubelet see only this; testing/fake_client.h is the
/// hand-written fake, HttpClient (http_client.h) the real one.
/// Errors carry the server's code and message; Timeout and ServiceUnavailable mean that the effect is unknown.
class Client {
 public:
  virtual ~Client() = default;
  virtual Task<Result<Object>> get(Resource resource, std::string ns, std::string name,
                                   std::string subresource = "") = 0;
  /// All pages. `ns` "": all namespaces.
  virtual Task<Result<List>> list(Resource resource, std::string ns, ListOptions options = {}) = 0;
  virtual Task<Result<std::unique_ptr<Watch>>> watch(Resource resource, std::string ns, WatchOptions options) = 0;
  /// With a subresource ("binding", "eviction", "token") `name` is the parent's.
  virtual Task<Result<Object>> create(Resource resource, std::string ns, Object object, std::string name = "",
                                      std::string subresource = "") = 0;
  virtual Task<Result<Object>> update(Resource resource, Object object, std::string subresource = "") = 0;
  virtual Task<Result<Object>> patch(Resource resource, std::string ns, std::string name, PatchType type,
                                     json::value patch, std::string subresource = "", bool force = false) = 0;
  virtual Task<Result<Object>> remove(Resource resource, std::string ns, std::string name,
                                      DeleteOptions options = {}) = 0;
};

}  // namespace slipway::kube
