#pragma once

#include <deque>

#include "apiserver/api/call.h"
#include "apiserver/api/list_options.h"
#include "apiserver/api/registry.h"
#include "apiserver/api/render.h"

namespace slipway::apiserver {

/// The verbs on resources: what stands between a Call and the Registry. One method for each verb; subresources that are
/// more than another view of the object are elsewhere (subresources.h). Loop thread only.
class ResourceHandlers {
 public:
  explicit ResourceHandlers(Registry& registry) : registry_(registry) {}

  /// Of the main resource, and of the subresource "status" and its like.
  Task<Answer<Reply>> handle(Call& call);
  /// Ends all watches soon, each with a complete answer.
  void endWatches();

  Task<Answer<Reply>> get(Call& call);
  Task<Answer<Reply>> list(Call& call);
  Task<Answer<Reply>> watch(Call& call);
  Task<Answer<Reply>> create(Call& call);
  Task<Answer<Reply>> update(Call& call);
  Task<Answer<Reply>> patch(Call& call);
  Task<Answer<Reply>> remove(Call& call);
  Task<Answer<Reply>> removeCollection(Call& call);

  struct Figures {
    size_t watches = 0;
  };
  Figures figures() const { return figures_; }

 private:
  friend class WatchSession;
  struct Selection {
    std::vector<StoredPtr> objects;
    ListHead head;
  };
  Answer<Selection> select(const Call& call, const ListOptions& options);
  Answer<int64_t> revisionToList(const ListOptions& options) const;
  StatusError continueExpired(const ContinueToken& token, std::string_view prefix) const;
  Reply written(Call& call, const Written& result, WriteContext& context, int status) const;
  void rememberLine(ChangePtr change);

  Registry& registry_;
  std::deque<ChangePtr> recent_lines_;
  std::set<async::Event*> watches_;
  bool ending_ = false;
  Figures figures_;
};

/// DeleteOptions from the body and the query.
Answer<DeletePlan> readDeletePlan(const Call& call);
/// The same of DeleteOptions within another body; null: none.
Answer<DeletePlan> readDeleteOptions(const Call& call, const json::value& options);
/// The body must be of the kind that is served here.
Done checkGvk(const Call& call, json::object& object, std::string_view api_version, std::string_view kind);
/// `"default/"`, or "" for all namespaces and cluster-scoped kinds.
std::string prefixOf(const Call& call);
WriteContext writeContext(const Call& call, WriteOptions options);

}  // namespace slipway::apiserver
