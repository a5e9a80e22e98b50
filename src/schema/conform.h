#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "schema/types.h"

namespace slipway::schema {

struct ConformOptions {
  /// Bring the document into the form that a typed server would write: optional empty fields go, fields that are always
  /// written come, quantities and times become canonical. Off for an applied configuration, where what is said counts.
  bool normalize = true;
  /// Fields that the type does not have are removed; they are reported in any case.
  bool prune = true;
};

/// Checks a document against its type, in place. The result lists the unknown fields ("spec.containers[0].foo").
/// A value of the wrong form is BadRequest with the words of Go's decoder: "json: cannot unmarshal string into Go
/// struct field DeploymentSpec.spec.replicas of type int32".
Result<std::vector<std::string>> conform(json::object& document, const Type& type, ConformOptions options = {});

/// What a strict client is told: `strict decoding error: unknown field "a", duplicate field "b"`.
std::string strictMessage(const std::vector<std::string>& unknown, const std::vector<std::string>& duplicates);
/// What a lenient client is warned of, one Warning header each: `unknown field "a"`.
std::vector<std::string> warnings(const std::vector<std::string>& unknown, const std::vector<std::string>& duplicates);
/// `Pod in version "v1" cannot be handled as a Pod: <problem>`.
Error cannotBeHandled(std::string_view kind, std::string_view version, std::string_view wanted_kind,
                      std::string_view problem);

}  // namespace slipway::schema
