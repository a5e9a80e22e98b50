#pragma once

#include <optional>
#include <string>

#include "apiserver/api/call.h"
#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// The body of a PATCH: one of four kinds of patch, applied to whatever the object is by then.
class PatchRequest {
 public:
  enum class Type { Json, Merge, Strategic, Apply };

  PatchRequest(Type type, json::value body) : type_(type), body_(std::move(body)) {}

  /// Apply makes the object if it is not there.
  bool creates() const { return type_ == Type::Apply; }
  const json::value& body() const { return body_; }
  Answer<json::object> applyTo(const Call& call, const json::object& live, const WriteContext& context) const;
  Answer<json::object> applyToNothing(const Call& call, const WriteContext& context) const;
  /// The patch alone, to something that is another view of the object; apply counts as a merge there.
  Answer<json::value> applyRaw(const Call& call, const json::object& live) const;

 private:
  Type type_;
  json::value body_;
};

/// Reads the patch by its Content-Type and sets `context` accordingly (server-side apply has an owner of its own).
Answer<PatchRequest> readPatch(const Call& call, WriteContext& context);

/// What a PUT or a PATCH of a subresource wants: the body of the one, or the patch of the other.
struct Wanted {
  std::optional<PatchRequest> patch;
  json::object body;
};
Answer<Wanted> readWanted(const Call& call, WriteContext& context);

}  // namespace slipway::apiserver
