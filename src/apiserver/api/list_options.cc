#include "apiserver/api/list_options.h"

#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

StatusError invalidOption(std::string_view reason, std::string_view field, std::string message) {
  return refuse::invalid({"ListOptions", "meta.k8s.io"}, "",
                         {{std::string(reason), std::move(message), std::string(field)}});
}

Done checkMatch(const Call& call, const ListOptions& options) {
  const bool watch = call.info.verb == "watch";
  constexpr std::string_view kForbidden = "FieldValueForbidden";
  constexpr std::string_view kField = "resourceVersionMatch";
  if (call.query.has("sendInitialEvents") && !watch) {
    return failure(
        invalidOption(kForbidden, "sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"));
  }
  if (options.send_initial_events && options.match != "NotOlderThan") {
    return failure(invalidOption(kForbidden, kField,
                                 "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  }
  if (options.match.empty()) return {};
  if (watch && !call.query.has("sendInitialEvents")) {
    return failure(
        invalidOption(kForbidden, kField,
                      "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  }
  if (watch) return {};
  if (options.resource_version.empty()) {
    return failure(invalidOption(kForbidden, kField,
                                 "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"));
  }
  if (!options.next.empty()) {
    return failure(
        invalidOption(kForbidden, kField, "Forbidden: resourceVersionMatch is forbidden when continue is provided"));
  }
  if (options.match != "Exact" && options.match != "NotOlderThan") {
    return failure(invalidOption(
        "FieldValueNotSupported", kField,
        fmt::format("Unsupported value: \"{}\": supported values: \"Exact\", \"NotOlderThan\", \"\"", options.match)));
  }
  if (options.match == "Exact" && options.resource_version == "0") {
    return failure(invalidOption(kForbidden, kField,
                                 "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
  }
  return {};
}

}  // namespace

Answer<int64_t> parseRevision(std::string_view text, bool watch) {
  if (text.empty()) return 0;
  const std::optional<int64_t> number = parseInt(text);
  if (number && *number >= 0) return *number;
  std::string why = fmt::format(
      "resourceVersion: Invalid value: \"{}\": strconv.ParseUint: parsing \"{}\": invalid syntax", text, text);
  if (watch) return failure(refuse::plain(std::move(why)));
  return failure(refuse::badRequest("invalid resource version: " + why));
}

namespace {

/// A number of the query, 0 when it is not there.
Answer<int64_t> numberOf(const Query& query, std::string_view name) {
  const std::string_view text = query.get(name);
  if (text.empty()) return 0;
  const std::optional<int64_t> number = parseInt(text);
  if (number) return *number;
  return failure(refuse::badRequest(fmt::format("strconv.ParseInt: parsing {:?}: invalid syntax", text)));
}

Done checkOffered(const Call& call, const kube::FieldSelector& selector) {
  const auto& offered = call.kind->selectable;
  for (const auto& wanted : selector.requirements()) {
    if (offered.contains(wanted.path)) continue;
    if (offered.size() > 2) {
      return failure(refuse::badRequest("field label not supported: " + std::string(wanted.path)));
    }
    std::vector<std::string> known;
    for (const std::string& field : offered) known.push_back("\"" + field + "\"");
    return failure(refuse::badRequest(
        fmt::format("\"{}\" is not a known field selector: only {}", wanted.path, join(known, ", "))));
  }
  return {};
}

}  // namespace

bool ListOptions::select(const Traits& traits) const {
  return labels.matchesBy([&](std::string_view key) { return traits.label(key); }) &&
         fields.matchesBy([&](std::string_view name) { return traits.field(name).value_or(""); });
}

Answer<ListOptions> readListOptions(const Call& call) {
  ListOptions options;
  const Query& query = call.query;
  Result<kube::LabelSelector> labels = kube::LabelSelector::parse(query.get("labelSelector"));
  if (!labels) return failure(refuse::badRequest(labels.error().message));
  std::string wanted_fields(query.get("fieldSelector"));
  // The old path of a watch names its object: who may watch that one sees no other.
  if (call.info.verb == "watch" && !call.info.name.empty()) {
    wanted_fields += fmt::format("{}metadata.name={}", wanted_fields.empty() ? "" : ",", call.info.name);
  }
  Result<kube::FieldSelector> fields = kube::FieldSelector::parse(wanted_fields);
  if (!fields) return failure(refuse::badRequest(fields.error().message));
  TRY_STATUS(checkOffered(call, *fields));
  options.labels = std::move(*labels);
  options.fields = std::move(*fields);
  TRY(const int64_t limit, numberOf(query, "limit"));
  options.limit = static_cast<size_t>(std::max<int64_t>(0, limit));
  options.next = query.get("continue");
  options.resource_version = query.get("resourceVersion");
  options.match = query.get("resourceVersionMatch");
  options.bookmarks = query.flag("allowWatchBookmarks");
  options.send_initial_events = query.flag("sendInitialEvents");
  TRY(options.timeout_seconds, numberOf(query, "timeoutSeconds"));
  TRY_STATUS(checkMatch(call, options));
  return options;
}

std::string writeContinueToken(const ContinueToken& token, std::string_view prefix) {
  std::string_view start = token.start;
  if (start.starts_with(prefix)) start.remove_prefix(prefix.size());
  const json::object out{{"v", "meta.k8s.io/v1"}, {"rv", token.revision}, {"start", start}};
  return base64UrlEncode(json::serialize(out));
}

Answer<ContinueToken> readContinueToken(std::string_view text, std::string_view prefix) {
  const auto bad = [](std::string_view why) {
    return failure(refuse::badRequest(fmt::format("invalid continue token: continue key is not valid: {}", why)));
  };
  const Result<std::string> decoded = base64Decode(text);
  if (!decoded) return bad("illegal base64 data");
  json::error_code error;
  const json::value document = json::parse(*decoded, error);
  if (error || !document.is_object()) return bad("invalid character");
  const json::object& token = document.get_object();
  if (json::text(token, {"v"}) != "meta.k8s.io/v1") {
    return bad(fmt::format("server does not recognize this encoded version {}", json::text(token, {"v"})));
  }
  const auto revision = json::findInt(token, {"rv"});
  const std::string_view start = json::text(token, {"start"});
  if (!revision || *revision == 0) return bad("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  if (start.empty()) return bad("encoded start key empty (version meta.k8s.io/v1)");
  return ContinueToken{*revision, fmt::format("{}{}", prefix, start)};
}

}  // namespace slipway::apiserver
