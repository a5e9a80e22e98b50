#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/api/call.h"
#include "apiserver/store/stored.h"

namespace slipway::apiserver {

/// The object in the form that the call wants: whole, metadata only, or a Table of one row.
std::string renderOne(const Call& call, const Kind& kind, const Stored& stored);

/// What stands in a list's metadata.
struct ListHead {
  int64_t revision = 0;
  std::string next;       ///< continue token
  int64_t remaining = 0;  ///< objects after this page; 0: not said
};

/// A list as the call wants it, in pieces of up to a few hundred KB each so that a long one is never whole in memory:
/// sink() may be called many times.
using Sink = std::function<Task<Status>(std::string piece)>;
Task<Status> renderList(const Call& call, const Kind& kind, ListHead head, std::vector<StoredPtr> objects, Sink sink);

/// A watch event's line: {"type":"ADDED","object":{...}}\n.
std::string watchLine(std::string_view type, std::string_view object);
/// The object of a watch event in the form that the call wants. `with_columns`: a Table names its columns once.
std::string renderEvent(const Call& call, const Kind& kind, const Stored& stored, bool with_columns);
/// {"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7"}}
std::string renderBookmark(const Call& call, const Kind& kind, int64_t revision, bool initial_events_end);

}  // namespace slipway::apiserver
