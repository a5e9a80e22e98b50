#pragma once

#include "apiserver/api/api.h"
#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// Asks the webhooks about a subresource's body, or the options of a connection, which they may change.
Task<Done> admitBody(Call* call, Registry* registry, std::string operation, json::object* body, bool dry_run);

/// pods/binding and bindings: a pod gets its node, once.
void addBinding(Api& api, Registry& registry);
/// pods/eviction: a delete that pod disruption budgets may refuse.
void addEviction(Api& api, Registry& registry);
/// pods/ephemeralcontainers and pods/resize: the two edits of a pod's containers.
void addPodEdits(Api& api, Registry& registry);
/// <workload>/scale: autoscaling/v1 Scale as a view of the workload's replicas.
void addScale(Api& api, Registry& registry);
/// serviceaccounts/token.
void addTokenRequest(Api& api, Registry& registry, ServiceAccountTokens& tokens);
/// TokenReview, SelfSubjectReview and the four kinds of access reviews.
void addReviews(Api& api, Authenticator& authenticator, Authorizer& authorizer);

}  // namespace slipway::apiserver
