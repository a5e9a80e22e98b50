#include "apiserver/api/convert.h"
#include "apiserver/api/handlers.h"
#include "apiserver/api/render.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kStreamFrom = 128 * 1024;

StatusError tooLargeRevision(int64_t wanted, int64_t current) {
  StatusError error(504, "Timeout",
                    fmt::format("Timeout: Too large resource version: {}, current: {}", wanted, current));
  error.details["causes"] =
      json::array{json::object{{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}}};
  error.details["retryAfterSeconds"] = 1;
  return error;
}

/// A reader may ask for one that is at least as new as a version; here all are.
Done checkVersionAsked(const Call& call, int64_t current) {
  const std::string_view asked = call.query.get("resourceVersion");
  if (asked.empty()) return {};
  TRY(const int64_t wanted, parseRevision(asked, true));
  if (wanted > current) return failure(tooLargeRevision(wanted, current));
  return {};
}

}  // namespace

std::string prefixOf(const Call& call) {
  return call.kind->namespaced && !call.info.ns.empty() ? call.info.ns + "/" : std::string();
}

Task<Answer<Reply>> ResourceHandlers::get(Call& call) {
  const Kind& kind = *call.kind;
  CO_TRY_STATUS(checkVersionAsked(call, registry_.store().revision()));
  CO_TRY(const StoredPtr stored, registry_.get(kind, call.info.ns, call.info.name));
  if (call.form == Form::Object && storedAsServed(kind, *stored)) co_return Reply{200, stored->bytes};
  co_return Reply{200, renderOne(call, kind, *stored)};
}

Answer<int64_t> ResourceHandlers::revisionToList(const ListOptions& options) const {
  const int64_t current = registry_.store().revision();
  TRY(const int64_t wanted, parseRevision(options.resource_version, false));
  if (wanted > current) return failure(tooLargeRevision(wanted, current));
  // Without a match rule a resourceVersion together with a limit means exactly that one.
  const bool exact = options.match == "Exact" || (options.match.empty() && options.limit > 0 && wanted > 0);
  if (!exact) return current;
  if (wanted < registry_.store().historyFrom()) {
    return failure(refuse::expired("The resourceVersion for the provided list is too old."));
  }
  return wanted;
}

StatusError ResourceHandlers::continueExpired(const ContinueToken& token, std::string_view prefix) const {
  StatusError error = refuse::expired(
      "The provided continue parameter is too old to display a consistent list result. You can start a new list "
      "without "
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
      "deleted between the time the first chunk was returned and now may show up in the list.");
  error.list_continue = writeContinueToken({-1, token.start}, prefix);
  return error;
}

Answer<ResourceHandlers::Selection> ResourceHandlers::select(const Call& call, const ListOptions& options) {
  const Kind& kind = *call.kind;
  const std::string prefix = prefixOf(call);
  Store& store = registry_.store();
  Selection out;
  std::string from;
  if (!options.next.empty()) {
    TRY(const ContinueToken token, readContinueToken(options.next, prefix));
    if (!options.resource_version.empty() && options.resource_version != "0") {
      return failure(refuse::badRequest("specifying resource version is not allowed when using continue"));
    }
    if (token.revision > 0 && token.revision < store.historyFrom()) return failure(continueExpired(token, prefix));
    out.head.revision = token.revision > 0 ? token.revision : store.revision();
    from = token.start;
  } else {
    TRY(out.head.revision, revisionToList(options));
  }
  const bool filters = options.selects();
  Table& table = store.table(kind.table);
  // One object by name needs no walk through the others.
  const std::string* name = options.fields.required("metadata.name");
  if (name != nullptr && from.empty() && out.head.revision == store.revision() &&
      (!prefix.empty() || !kind.namespaced)) {
    const StoredPtr found = table.find(kind.key(call.info.ns, *name));
    if (found && options.select(kind.traitsOf(*found))) out.objects.push_back(found);
    return out;
  }
  Table::Page page = table.list(prefix, from, filters ? 0 : options.limit, out.head.revision);
  if (!filters) {
    out.objects = std::move(page.objects);
    out.head.remaining = page.remaining;
    if (!page.next.empty()) out.head.next = writeContinueToken({out.head.revision, page.next}, prefix);
    return out;
  }
  for (StoredPtr& object : page.objects) {
    if (!options.select(kind.traitsOf(*object))) continue;
    if (options.limit != 0 && out.objects.size() == options.limit) {
      out.head.next = writeContinueToken({out.head.revision, object->key}, prefix);
      break;
    }
    out.objects.push_back(std::move(object));
  }
  return out;
}

Task<Answer<Reply>> ResourceHandlers::list(Call& call) {
  CO_TRY(const ListOptions options, readListOptions(call));
  CO_TRY(Selection selection, select(call, options));
  size_t size = 0;
  for (const StoredPtr& object : selection.objects) size += object->bytes.size();
  if (size < kStreamFrom) {
    auto whole = std::make_shared<std::string>();
    const auto collect = [](std::shared_ptr<std::string> into, std::string piece) -> Task<Status> {
      *into += piece;
      co_return Status();
    };
    Sink sink = [whole, collect](std::string piece) { return collect(whole, std::move(piece)); };
    co_await renderList(call, *call.kind, selection.head, std::move(selection.objects), sink);
    co_return Reply{200, std::move(*whole)};
  }
  http::Response head;
  head.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache, private"}};
  Status sent = co_await call.exchange.stream(std::move(head));
  if (!sent) co_return Reply::alreadySent();
  const auto write = [](http::Exchange* exchange, std::string piece) -> Task<Status> {
    co_return co_await exchange->write(piece);
  };
  Sink sink = [exchange = &call.exchange, write](std::string piece) { return write(exchange, std::move(piece)); };
  sent = co_await renderList(call, *call.kind, selection.head, std::move(selection.objects), sink);
  if (sent) co_await call.exchange.finish();
  co_return Reply::alreadySent();
}

}  // namespace slipway::apiserver
