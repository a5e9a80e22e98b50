#include "kube/event_recorder.h"

#include "async/deadline.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::kube {
namespace {

constexpr size_t kMaxQueue = 5000;
constexpr size_t kMaxKnown = 20000;
constexpr double kBurst = 25;
constexpr double kPerSecond = 1.0 / 300;
constexpr size_t kMaxMessage = 1024;
constexpr auto kSameEvent = std::chrono::minutes(10);
constexpr auto kDeadline = std::chrono::seconds(10);

Object referenceObject(const ObjectReference& about) {
  Object reference{{"apiVersion", about.api_version}, {"kind", about.kind}, {"name", about.name}};
  if (!about.ns.empty()) reference["namespace"] = about.ns;
  if (!about.uid.empty()) reference["uid"] = about.uid;
  return reference;
}

}  // namespace

ObjectReference ObjectReference::of(const Object& object, const Resource& resource) {
  return {resource.apiVersion(), resource.kind, std::string(nameSpace(object)), std::string(kube::name(object)),
          std::string(kube::uid(object))};
}

EventRecorder::EventRecorder(Client& client, const Clock& clock, Random& random, std::string component,
                             std::string host)
    : client_(client), clock_(clock), random_(random), component_(std::move(component)), host_(std::move(host)) {}

bool EventRecorder::allowed(const ObjectReference& about) {
  const SteadyTime now = clock_.steady();
  const std::string id = about.kind + "/" + about.ns + "/" + about.name;
  const auto [it, fresh] = allowances_.try_emplace(id, Allowance{kBurst, now});
  Allowance& allowance = it->second;
  const double seconds = std::chrono::duration<double>(now - allowance.filled_at).count();
  allowance.tokens = std::min(kBurst, allowance.tokens + seconds * kPerSecond);
  allowance.filled_at = now;
  if (allowance.tokens < 1) return false;
  allowance.tokens -= 1;
  return true;
}

void EventRecorder::record(ObjectReference about, bool warning, std::string reason, std::string message) {
  if (queue_.size() >= kMaxQueue || !allowed(about)) {
    ++dropped_;
    return;
  }
  if (message.size() > kMaxMessage) message = message.substr(0, kMaxMessage - 3) + "...";
  queue_.push_back({std::move(about), warning, std::move(reason), toValidUtf8(message), clock_.now()});
  ready_.set();
}

Task<void> EventRecorder::run() {
  while (true) {
    while (queue_.empty()) {
      ready_.reset();
      co_await ready_.wait();
    }
    Pending event = std::move(queue_.front());
    queue_.pop_front();
    const std::string what = fmt::format("event {} of {}/{}", event.reason, event.about.ns, event.about.name);
    Task<Status> task = write(std::move(event));
    const Status written = co_await async::withDeadline(std::move(task), kDeadline, what);
    if (!written) log::debug("{}: not written: {}", what, written.error().message);
    forgetOld();
  }
}

Task<Status> EventRecorder::write(Pending event) {
  const std::string id = fmt::format("{}/{}/{}/{}/{}/{}", event.about.kind, event.about.ns, event.about.name,
                                     event.about.uid, event.reason, event.message);
  const auto known = known_.find(id);
  const std::string ns = event.about.ns.empty() ? "default" : event.about.ns;
  if (known == known_.end() || clock_.steady() - known->second.last > kSameEvent) {
    co_return co_await writeNew(std::move(event), id, ns);
  }
  Known entry = known->second;
  const json::value patch = {{"count", entry.count + 1}, {"lastTimestamp", formatTime(event.at)}};
  const Result<Object> patched =
      co_await client_.patch(kEvents, entry.ns, entry.name, PatchType::Merge, patch, "", false);
  if (!patched && patched.error().is(Code::NotFound)) co_return co_await writeNew(std::move(event), id, ns);
  if (!patched) co_return failure(patched.error());
  ++entry.count;
  entry.last = clock_.steady();
  known_[id] = entry;
  co_return Status();
}

Task<Status> EventRecorder::writeNew(Pending event, std::string id, std::string ns) {
  const std::string name = event.about.name.substr(0, 200) + "." + random_.suffix(16);
  const std::string time = formatTime(event.at);
  Object source{{"component", component_}};
  if (!host_.empty()) source["host"] = host_;
  Object object{{"apiVersion", "v1"},
                {"kind", "Event"},
                {"metadata", {{"name", name}, {"namespace", ns}}},
                {"involvedObject", referenceObject(event.about)},
                {"type", event.warning ? "Warning" : "Normal"},
                {"reason", event.reason},
                {"message", event.message},
                {"source", source},
                {"reportingComponent", component_},
                {"reportingInstance", host_},
                {"firstTimestamp", time},
                {"lastTimestamp", time},
                {"count", 1}};
  const Result<Object> created = co_await client_.create(kEvents, ns, std::move(object));
  if (!created) co_return failure(created.error());
  known_[id] = {ns, name, 1, clock_.steady()};
  co_return Status();
}

void EventRecorder::forgetOld() {
  // Rarely reached; then the rates begin anew, which only costs some events.
  if (known_.size() > kMaxKnown) known_.clear();
  if (allowances_.size() > kMaxKnown) allowances_.clear();
}

}  // namespace slipway::kube
