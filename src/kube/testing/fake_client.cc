#include "kube/testing/fake_client.h"

#include "base/strings.h"
#include "kube/selector.h"

namespace slipway::kube::testing {
namespace {

void mergePatch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target.emplace_object();
  for (const auto& [name, value] : patch.get_object()) {
    if (value.is_null()) {
      target.get_object().erase(name);
    } else {
      mergePatch(target.get_object()[name], value);
    }
  }
}

std::string what(const Resource& resource, const std::pair<std::string, std::string>& key) {
  return fmt::format("{} \"{}\"", resource.plural, key.second);
}

bool hasStatus(const Resource& resource) {
  return resource.plural == "pods" || resource.plural == "nodes";
}

bool isTerminal(const Object& pod) {
  const std::string_view phase = text(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

}  // namespace

/// A cursor into the fake's history.
class FakeWatch final : public Watch {
 public:
  FakeWatch(FakeClient& client, Resource resource, std::string ns, LabelSelector labels, FieldSelector fields,
            int64_t version)
      : client_(client),
        resource_(std::move(resource)),
        ns_(std::move(ns)),
        labels_(std::move(labels)),
        fields_(std::move(fields)),
        version_(version) {
    client_.watches_.insert(this);
  }
  ~FakeWatch() override { client_.watches_.erase(this); }

  Task<Result<std::optional<WatchEvent>>> next() override {
    while (true) {
      if (version_ < client_.oldest_) co_return failure(Code::Expired, "too old resource version");
      std::optional<WatchEvent> event = take();
      if (event) co_return event;
      if (ended) co_return std::nullopt;
      co_await client_.changed_.wait();
    }
  }

  bool ended = false;

 private:
  bool selects(const std::optional<Object>& object) const {
    if (!object || (!ns_.empty() && nameSpace(*object) != ns_)) return false;
    return labels_.matchesObject(*object) && fields_.matchesObject(*object);
  }

  std::optional<WatchEvent> take() {
    const auto newer = [](int64_t version, const FakeClient::Record& record) { return version < record.version; };
    auto it = std::upper_bound(client_.history_.begin(), client_.history_.end(), version_, newer);
    for (; it != client_.history_.end(); ++it) {
      version_ = it->version;
      if (it->resource != resource_) continue;
      const bool was = selects(it->before);
      const bool is = selects(it->after);
      if (is) return WatchEvent{was ? WatchEvent::Type::Modified : WatchEvent::Type::Added, *it->after};
      if (!was) continue;
      Object last = it->after ? *it->after : *it->before;
      ensure(last, {"metadata"})["resourceVersion"] = std::to_string(it->version);
      return WatchEvent{WatchEvent::Type::Deleted, std::move(last)};
    }
    return std::nullopt;
  }

  FakeClient& client_;
  Resource resource_;
  std::string ns_;
  LabelSelector labels_;
  FieldSelector fields_;
  int64_t version_;
};

FakeClient::FakeClient(const Clock& clock) : clock_(clock) {
  for (const char* ns : {"default", "kube-system", "kube-node-lease"}) {
    put(kNamespaces, Object{{"metadata", {{"name", ns}}}});
  }
  calls_.clear();
}

FakeClient::~FakeClient() = default;

Task<std::optional<Error>> FakeClient::begin(Call call) {
  if (latency.count() > 0)
    co_await async::sleepFor(latency);
  else
    co_await async::yield();
  calls_.push_back(call);
  if (before) co_return before(call);
  co_return std::nullopt;
}

std::optional<Error> FakeClient::hidden(const Call& call) const {
  return after ? after(call) : std::nullopt;
}

Object FakeClient::commit(const Resource& resource, const Key& key, std::optional<Object> after) {
  auto& table = objects_[resource];
  const auto found = table.find(key);
  std::optional<Object> before;
  if (found != table.end()) before = found->second;
  ++version_;
  if (after) {
    ensure(*after, {"metadata"})["resourceVersion"] = std::to_string(version_);
    table[key] = *after;
  } else if (found != table.end()) {
    table.erase(found);
  }
  history_.push_back({version_, resource, before, after});
  changed_.pulse();
  return after ? *after : *before;
}

Object FakeClient::put(const Resource& resource, Object object) {
  Object& metadata = ensure(object, {"metadata"});
  if (!metadata.contains("uid")) metadata["uid"] = random_.uuid();
  if (!metadata.contains("creationTimestamp")) metadata["creationTimestamp"] = formatTime(clock_.now());
  object["apiVersion"] = resource.apiVersion();
  object["kind"] = resource.kind;
  const Key key{std::string(nameSpace(object)), std::string(name(object))};
  return commit(resource, key, std::move(object));
}

std::optional<Object> FakeClient::object(const Resource& resource, const std::string& ns,
                                         const std::string& name) const {
  const auto table = objects_.find(resource);
  if (table == objects_.end()) return std::nullopt;
  const auto found = table->second.find({ns, name});
  if (found == table->second.end()) return std::nullopt;
  return found->second;
}

std::vector<Object> FakeClient::all(const Resource& resource) const {
  std::vector<Object> found;
  const auto table = objects_.find(resource);
  if (table == objects_.end()) return found;
  for (const auto& [key, object] : table->second) found.push_back(object);
  return found;
}

void FakeClient::drop(const Resource& resource, const std::string& ns, const std::string& name) {
  if (object(resource, ns, name)) commit(resource, {ns, name}, std::nullopt);
}

Task<Result<Object>> FakeClient::get(Resource resource, std::string ns, std::string name, std::string subresource) {
  const Call call{"get", resource, ns, name, subresource};
  if (const auto error = co_await begin(call)) co_return failure(*error);
  std::optional<Object> found = object(resource, ns, name);
  if (!found) co_return failure(Code::NotFound, "{} not found", what(resource, {ns, name}));
  co_return std::move(*found);
}

Task<Result<List>> FakeClient::list(Resource resource, std::string ns, ListOptions options) {
  const Call call{"list", resource, ns, "", ""};
  if (const auto error = co_await begin(call)) co_return failure(*error);
  CO_TRY(const LabelSelector labels, LabelSelector::parse(options.label_selector));
  CO_TRY(const FieldSelector fields, FieldSelector::parse(options.field_selector));
  List list;
  list.resource_version = std::to_string(version_);
  for (Object& object : all(resource)) {
    if (!ns.empty() && nameSpace(object) != ns) continue;
    if (!labels.matchesObject(object) || !fields.matchesObject(object)) continue;
    if (options.sink) {
      options.sink(std::move(object));
    } else {
      list.items.push_back(std::move(object));
    }
  }
  co_return list;
}

Task<Result<std::unique_ptr<Watch>>> FakeClient::watch(Resource resource, std::string ns, WatchOptions options) {
  const Call call{"watch", resource, ns, "", ""};
  if (const auto error = co_await begin(call)) co_return failure(*error);
  CO_TRY(LabelSelector labels, LabelSelector::parse(options.label_selector));
  CO_TRY(FieldSelector fields, FieldSelector::parse(options.field_selector));
  const int64_t from = parseInt(options.resource_version).value_or(version_);
  if (from < oldest_) co_return failure(Code::Expired, "too old resource version");
  co_return std::make_unique<FakeWatch>(*this, resource, ns, std::move(labels), std::move(fields), from);
}

Task<Result<Object>> FakeClient::create(Resource resource, std::string ns, Object object, std::string name,
                                        std::string subresource) {
  const Call call{"create", resource, ns, name.empty() ? std::string(kube::name(object)) : name, subresource};
  if (const auto error = co_await begin(call)) co_return failure(*error);
  if (subresource == "binding") {
    Result<Object> bound = bind({ns, name}, object);
    if (const auto error = hidden(call)) co_return failure(*error);
    co_return bound;
  }
  if (subresource == "token") {
    const auto life = std::chrono::seconds(integer(object, {"spec", "expirationSeconds"}));
    ensure(object, {"status"})["token"] = fmt::format("token-{}", ++tokens_);
    ensure(object, {"status"})["expirationTimestamp"] = formatTime(clock_.now() + life);
    co_return object;
  }
  if (!subresource.empty()) co_return failure(Code::NotImplemented, "create {}/{}", resource.plural, subresource);
  if (resource.namespaced && !this->object(kNamespaces, "", ns)) {
    co_return failure(Code::NotFound, "namespaces \"{}\" not found", ns);
  }
  const Key key{resource.namespaced ? ns : "", std::string(kube::name(object))};
  if (!isDnsSubdomain(key.second)) co_return failure(Code::Invalid, "metadata.name: \"{}\" is not valid", key.second);
  if (this->object(resource, key.first, key.second)) {
    co_return failure(Code::AlreadyExists, "{} already exists", what(resource, key));
  }
  for (const auto& [label, value] : child(object, {"metadata", "labels"})) {
    const std::string_view text(value.as_string());
    if (text != toLabelValue(text)) co_return failure(Code::Invalid, "metadata.labels: \"{}\" is not valid", text);
  }
  if (resource.namespaced) ensure(object, {"metadata"})["namespace"] = ns;
  if (resource == kPods) object["status"] = {{"phase", "Pending"}};
  Object stored = put(resource, std::move(object));
  if (const auto error = hidden(call)) co_return failure(*error);
  co_return stored;
}

Result<Object> FakeClient::bind(const Key& key, const Object& binding) {
  std::optional<Object> pod = object(kPods, key.first, key.second);
  if (!pod) return failure(Code::NotFound, "{} not found", what(kPods, key));
  if (!text(*pod, {"spec", "nodeName"}).empty()) return failure(Code::Conflict, "pod is already assigned to a node");
  if (!items(*pod, {"spec", "schedulingGates"}).empty()) return failure(Code::Conflict, "pod has scheduling gates");
  ensure(*pod, {"spec"})["nodeName"] = text(binding, {"target", "name"});
  commit(kPods, key, std::move(*pod));
  return Object{{"kind", "Status"}, {"status", "Success"}};
}

Result<Object> FakeClient::write(const Resource& resource, const Key& key, Object wanted,
                                 const std::string& subresource) {
  std::optional<Object> have = object(resource, key.first, key.second);
  if (!have) return failure(Code::NotFound, "{} not found", what(resource, key));
  const std::string_view version = resourceVersion(wanted);
  if (!version.empty() && version != resourceVersion(*have)) {
    return failure(Code::Conflict, "{}: the object has been modified", what(resource, key));
  }
  if (const std::string_view wanted_uid = uid(wanted); !wanted_uid.empty() && wanted_uid != uid(*have)) {
    return failure(Code::Conflict, "{}: the uid differs", what(resource, key));
  }
  Object result = *have;
  if (subresource == "status") {
    result["status"] = wanted["status"];
  } else {
    const json::value status = have->contains("status") ? have->at("status") : json::value();
    result = std::move(wanted);
    if (hasStatus(resource) && status.is_object()) result["status"] = status;
    const std::string_view node = text(*have, {"spec", "nodeName"});
    if (resource == kPods && text(result, {"spec", "nodeName"}) != node) {
      return failure(Code::Invalid, "spec.nodeName: may not be changed");
    }
    if (resource == kPods &&
        items(result, {"spec", "schedulingGates"}).size() > items(*have, {"spec", "schedulingGates"}).size()) {
      return failure(Code::Invalid, "spec.schedulingGates: only removal is allowed");
    }
  }
  result["metadata"].as_object()["uid"] = uid(*have);
  ensure(result, {"metadata"})["resourceVersion"] = resourceVersion(*have);
  // The last finalizer of an object that is to go: it goes now.
  if (find(result, {"metadata", "deletionTimestamp"}) != nullptr && items(result, {"metadata", "finalizers"}).empty() &&
      !items(*have, {"metadata", "finalizers"}).empty()) {
    return commit(resource, key, std::nullopt);
  }
  // A write that changes nothing makes no new version.
  if (result == *have) return result;
  return commit(resource, key, std::move(result));
}

Task<Result<Object>> FakeClient::update(Resource resource, Object object, std::string subresource) {
  const Key key{std::string(nameSpace(object)), std::string(kube::name(object))};
  const Call call{"update", resource, key.first, key.second, subresource};
  if (const auto error = co_await begin(call)) co_return failure(*error);
  Result<Object> written = write(resource, key, std::move(object), subresource);
  if (const auto error = hidden(call)) co_return failure(*error);
  co_return written;
}

Task<Result<Object>> FakeClient::patch(Resource resource, std::string ns, std::string name, PatchType type,
                                       json::value patch, std::string subresource, bool force) {
  (void)force;
  const Call call{"patch", resource, ns, name, subresource};
  if (const auto error = co_await begin(call)) co_return failure(*error);
  if (type == PatchType::Json) co_return failure(Code::NotImplemented, "JSON patches");
  std::optional<Object> have = object(resource, ns, name);
  if (!have) co_return failure(Code::NotFound, "{} not found", what(resource, {ns, name}));
  json::value merged = *have;
  mergePatch(merged, patch);
  const bool versioned = patch.is_object() && !resourceVersion(patch.get_object()).empty();
  if (!versioned) ensure(merged.get_object(), {"metadata"}).erase("resourceVersion");
  Result<Object> written = write(resource, {ns, name}, std::move(merged.get_object()), subresource);
  if (const auto error = hidden(call)) co_return failure(*error);
  co_return written;
}

Result<Object> FakeClient::removeNow(const Resource& resource, const Key& key, const DeleteOptions& options) {
  std::optional<Object> have = object(resource, key.first, key.second);
  if (!have) return failure(Code::NotFound, "{} not found", what(resource, key));
  if (!options.uid.empty() && options.uid != uid(*have)) return failure(Code::Conflict, "the uid differs");
  if (!options.resource_version.empty() && options.resource_version != resourceVersion(*have)) {
    return failure(Code::Conflict, "the resourceVersion differs");
  }
  const int64_t grace = options.grace_seconds.value_or(integer(*have, {"spec", "terminationGracePeriodSeconds"}, 30));
  const bool graceful =
      resource == kPods && grace > 0 && !text(*have, {"spec", "nodeName"}).empty() && !isTerminal(*have);
  if (!graceful && items(*have, {"metadata", "finalizers"}).empty()) return commit(resource, key, std::nullopt);
  Object& metadata = ensure(*have, {"metadata"});
  metadata["deletionTimestamp"] = formatTime(clock_.now() + std::chrono::seconds(graceful ? grace : 0));
  metadata["deletionGracePeriodSeconds"] = graceful ? grace : 0;
  return commit(resource, key, std::move(*have));
}

Task<Result<Object>> FakeClient::remove(Resource resource, std::string ns, std::string name, DeleteOptions options) {
  const Call call{"delete", resource, ns, name, ""};
  if (const auto error = co_await begin(call)) co_return failure(*error);
  Result<Object> removed = removeNow(resource, {ns, name}, options);
  if (const auto error = hidden(call)) co_return failure(*error);
  co_return removed;
}

void FakeClient::endWatches() {
  for (FakeWatch* watch : watches_) watch->ended = true;
  changed_.pulse();
}

void FakeClient::compact() {
  history_.clear();
  oldest_ = ++version_;
  changed_.pulse();
}

size_t FakeClient::count(const std::string& verb, const std::string& plural) const {
  return static_cast<size_t>(std::count_if(calls_.begin(), calls_.end(), [&](const Call& call) {
    return call.verb == verb && (plural.empty() || call.resource.plural == plural);
  }));
}

size_t FakeClient::writes() const {
  return static_cast<size_t>(
      std::count_if(calls_.begin(), calls_.end(), [](const Call& call) { return call.isWrite(); }));
}

}  // namespace slipway::kube::testing
