#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "async/event.h"
#include "base/clock.h"
#include "base/random.h"
#include "kube/client.h"

namespace slipway::kube::testing {

/// A call that the fake received.
struct Call {
  std::string verb;  ///< get, list, watch, create, update, patch, delete
  Resource resource;
  std::string ns;
  std::string name;
  std::string subresource;

  bool isWrite() const { return verb == "create" || verb == "update" || verb == "patch" || verb == "delete"; }
};

/// A Kubernetes API in memory: resource versions, watches, optimistic concurrency, status as a subresource, pods that
/// end gracefully, finalizers, bindings, namespaces that must exist, tokens. Merge patches only (strategic ones and
/// apply are taken as merge patches). Runs on one loop.
class FakeClient final : public Client {
 public:
  explicit FakeClient(const Clock& clock);
  ~FakeClient() override;

  Task<Result<Object>> get(Resource resource, std::string ns, std::string name, std::string subresource) override;
  Task<Result<List>> list(Resource resource, std::string ns, ListOptions options) override;
  Task<Result<std::unique_ptr<Watch>>> watch(Resource resource, std::string ns, WatchOptions options) override;
  Task<Result<Object>> create(Resource resource, std::string ns, Object object, std::string name,
                              std::string subresource) override;
  Task<Result<Object>> update(Resource resource, Object object, std::string subresource) override;
  Task<Result<Object>> patch(Resource resource, std::string ns, std::string name, PatchType type, json::value patch,
                             std::string subresource, bool force) override;
  Task<Result<Object>> remove(Resource resource, std::string ns, std::string name, DeleteOptions options) override;

  // ---- the test's side: at once and without checks

  /// Creates or replaces the object as it is; uid and times are filled in where they are missing.
  Object put(const Resource& resource, Object object);
  std::optional<Object> object(const Resource& resource, const std::string& ns, const std::string& name) const;
  std::vector<Object> all(const Resource& resource) const;
  /// Takes the object away whatever its finalizers say.
  void drop(const Resource& resource, const std::string& ns, const std::string& name);

  /// Asked before each call is carried out: an error makes it fail without effect.
  std::function<std::optional<Error>(const Call&)> before;
  /// Asked after each call was carried out: an error hides the result, as a lost connection does.
  std::function<std::optional<Error>(const Call&)> after;
  /// Each call waits so long.
  std::chrono::nanoseconds latency{0};

  /// Ends all watches as a server does at their time-out.
  void endWatches();
  /// Forgets the history: watches from an older version fail with Expired.
  void compact();
  size_t watches() const { return watches_.size(); }

  const std::vector<Call>& calls() const { return calls_; }
  void clearCalls() { calls_.clear(); }
  size_t count(const std::string& verb, const std::string& plural = "") const;
  size_t writes() const;

 private:
  friend class FakeWatch;
  struct Record {
    int64_t version;
    Resource resource;
    std::optional<Object> before;
    std::optional<Object> after;
  };
  using Key = std::pair<std::string, std::string>;

  Task<std::optional<Error>> begin(Call call);
  std::optional<Error> hidden(const Call& call) const;
  Object commit(const Resource& resource, const Key& key, std::optional<Object> after);
  Result<Object> write(const Resource& resource, const Key& key, Object wanted, const std::string& subresource);
  Result<Object> bind(const Key& key, const Object& binding);
  Result<Object> removeNow(const Resource& resource, const Key& key, const DeleteOptions& options);

  const Clock& clock_;
  SystemRandom random_;
  std::map<Resource, std::map<Key, Object>> objects_;
  std::deque<Record> history_;
  int64_t version_ = 1000;
  int64_t tokens_ = 0;
  int64_t oldest_ = 1000;
  async::Event changed_;
  std::set<class FakeWatch*> watches_;
  std::vector<Call> calls_;
};

}  // namespace slipway::kube::testing
