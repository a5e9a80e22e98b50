#pragma once

#include <optional>
#include <string>

#include "controllers/node_info.h"

namespace slipway::controllers {

/// Why the pod may not run on the node, in kube-scheduler's words ("Insufficient cpu", "node(s) had untolerated taint
/// {k: v}"), or nothing if it may.
std::optional<std::string> whyNot(const kube::Object& pod, const Amounts& asked, const NodeInfo& info);

/// Higher is better: preferred node affinity first, then the share of the node that stays free; pods that ask for
/// nothing count as a little.
int64_t score(const kube::Object& pod, const Amounts& asked, const NodeInfo& info);

/// True if the toleration list tolerates the taint (core/v1 Toleration.ToleratesTaint).
bool tolerates(const kube::json::array& tolerations, const kube::Object& taint);

/// True if the node matches a core/v1 NodeSelectorTerm; an empty term matches nothing.
bool matchesTerm(const kube::Object& term, const kube::Object& node);

}  // namespace slipway::controllers
