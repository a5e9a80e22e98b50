#pragma once

#include <string>

#include "apiserver/api/call.h"
#include "apiserver/store/stored.h"
#include "kube/selector.h"

namespace slipway::apiserver {

/// metav1.ListOptions as a list, watch or deletecollection gets them in its query.
struct ListOptions {
  kube::LabelSelector labels;
  kube::FieldSelector fields;
  size_t limit = 0;
  std::string next;  ///< continue token
  std::string resource_version;
  std::string match;  ///< resourceVersionMatch
  bool bookmarks = false;
  bool send_initial_events = false;
  int64_t timeout_seconds = 0;

  bool selects() const { return !labels.empty() || !fields.empty(); }
  bool select(const Traits& traits) const;
};

Answer<ListOptions> readListOptions(const Call& call);

/// Where the next page goes on.
struct ContinueToken {
  int64_t revision = 0;  ///< -1: whatever is now
  std::string start;
};
std::string writeContinueToken(const ContinueToken& token, std::string_view prefix);
Answer<ContinueToken> readContinueToken(std::string_view text, std::string_view prefix);

/// A resourceVersion as a number; what else it is refused as depends on the verb.
Answer<int64_t> parseRevision(std::string_view text, bool watch);

}  // namespace slipway::apiserver
