#include "apiserver/api/render.h"

#include "apiserver/api/convert.h"
#include "apiserver/api/object_meta.h"
#include "json/raw.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kPiece = 256 * 1024;

json::object partialMetadata(const json::object& object, const std::string& version) {
  return {{"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/" + version}, {"metadata", meta::of(object)}};
}

json::object servedObject(const Kind& kind, const Stored& stored) {
  json::value document = json::parse(stored.bytes);
  toServed(kind, document.as_object());
  return std::move(document.as_object());
}

/// A row's object: metadata, everything or nothing, as includeObject asks.
json::value rowObject(const Call& call, const json::object& object) {
  const std::string_view include = call.query.get("includeObject");
  if (include == "None") return nullptr;
  if (include == "Object") return object;
  return partialMetadata(object, call.form_version);
}

json::object tableRow(const Call& call, const Kind& kind, const json::object& object) {
  json::object row{{"cells", kind.rules->cells(object, call.now)}};
  if (json::array conditions = kind.rules->rowConditions(object); !conditions.empty()) {
    row["conditions"] = std::move(conditions);
  }
  if (json::value included = rowObject(call, object); !included.is_null()) row["object"] = std::move(included);
  return row;
}

json::object listMeta(const ListHead& head) {
  json::object metadata{{"resourceVersion", std::to_string(head.revision)}};
  if (!head.next.empty()) metadata["continue"] = head.next;
  if (head.remaining > 0) metadata["remainingItemCount"] = head.remaining;
  return metadata;
}

std::string listOpening(const Call& call, const Kind& kind, const ListHead& head) {
  json::object opening;
  std::string_view items = "items";
  if (call.form == Form::Table) {
    opening = {{"kind", "Table"}, {"apiVersion", "meta.k8s.io/" + call.form_version}, {"metadata", listMeta(head)}};
    opening["columnDefinitions"] = kind.rules->columns();
    items = "rows";
  } else if (call.form == Form::Metadata) {
    opening = {{"kind", "PartialObjectMetadataList"}, {"apiVersion", "meta.k8s.io/" + call.form_version}};
    opening["metadata"] = listMeta(head);
  } else {
    opening = {{"kind", kind.kind + "List"}, {"apiVersion", kind.apiVersion()}, {"metadata", listMeta(head)}};
  }
  std::string text = json::serialize(opening);
  text.pop_back();
  return fmt::format("{},\"{}\":[", text, items);
}

std::string renderItem(const Call& call, const Kind& kind, const Stored& stored) {
  if (call.form == Form::Object) return servedBytes(kind, stored);
  if (call.form == Form::Metadata && storedAsServed(kind, stored)) {
    // What watches of metadata get for every change: cut out, not read and written again.
    const std::string_view metadata = json::rawMember(stored.bytes, {"metadata"});
    constexpr const char* kForm = R"({{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/{}","metadata":{}}})";
    if (!metadata.empty()) return fmt::format(kForm, call.form_version, metadata);
  }
  const json::object object = servedObject(kind, stored);
  if (call.form == Form::Metadata) return json::serialize(partialMetadata(object, call.form_version));
  return json::serialize(tableRow(call, kind, object));
}

std::string oneRowTable(const Call& call, const Kind& kind, const Stored& stored, bool with_columns) {
  const json::object object = servedObject(kind, stored);
  json::object table{{"kind", "Table"}, {"apiVersion", "meta.k8s.io/" + call.form_version}};
  table["metadata"] = json::object{{"resourceVersion", meta::resourceVersion(object)}};
  table["columnDefinitions"] = with_columns ? json::value(kind.rules->columns()) : json::value(nullptr);
  table["rows"] = json::array{tableRow(call, kind, object)};
  return json::serialize(table);
}

}  // namespace

std::string renderOne(const Call& call, const Kind& kind, const Stored& stored) {
  return renderEvent(call, kind, stored, true);
}

std::string renderEvent(const Call& call, const Kind& kind, const Stored& stored, bool with_columns) {
  if (call.form == Form::Table) return oneRowTable(call, kind, stored, with_columns);
  return renderItem(call, kind, stored);
}

Task<Status> renderList(const Call& call, const Kind& kind, ListHead head, std::vector<StoredPtr> objects, Sink sink) {
  std::string piece = listOpening(call, kind, head);
  for (size_t i = 0; i < objects.size(); ++i) {
    if (i > 0) piece += ',';
    const Stored& stored = *objects[i];
    if (call.form == Form::Object && storedAsServed(kind, stored)) {
      piece += stored.bytes;
    } else {
      piece += renderItem(call, kind, stored);
    }
    if (piece.size() < kPiece) continue;
    CO_TRY_STATUS(co_await sink(std::exchange(piece, {})));
  }
  piece += "]}\n";
  co_return co_await sink(std::move(piece));
}

std::string watchLine(std::string_view type, std::string_view object) {
  std::string line;
  line.reserve(object.size() + type.size() + 32);
  line += "{\"type\":\"";
  line += type;
  line += "\",\"object\":";
  line += object;
  line += "}\n";
  return line;
}

std::string renderBookmark(const Call& call, const Kind& kind, int64_t revision, bool initial_events_end) {
  json::object metadata{{"resourceVersion", std::to_string(revision)}, {"creationTimestamp", nullptr}};
  if (initial_events_end) metadata["annotations"] = json::object{{"k8s.io/initial-events-end", "true"}};
  if (call.form == Form::Table) {
    return json::serialize(json::object{{"kind", "Table"},
                                        {"apiVersion", "meta.k8s.io/" + call.form_version},
                                        {"metadata", std::move(metadata)},
                                        {"columnDefinitions", nullptr},
                                        {"rows", json::array()}});
  }
  if (call.form == Form::Metadata) {
    return json::serialize(json::object{{"kind", "PartialObjectMetadata"},
                                        {"apiVersion", "meta.k8s.io/" + call.form_version},
                                        {"metadata", std::move(metadata)}});
  }
  return json::serialize(
      json::object{{"kind", kind.kind}, {"apiVersion", kind.apiVersion()}, {"metadata", std::move(metadata)}});
}

}  // namespace slipway::apiserver
