#include "apiserver/admission/plugins.h"
#include "apiserver/admission/pod_resources.h"
#include "apiserver/api/object_meta.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

using schema::Quantity;

const Quantity* amountIn(const ResourceAmounts& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? nullptr : &found->second;
}

/// Checks one thing (a container, a pod, a claim) against one item of a LimitRange.
class LimitCheck {
 public:
  LimitCheck(const json::object& item, std::vector<std::string>& problems)
      : item_(item), type_(json::text(item, {"type"})), problems_(problems) {}

  void check(const ResourceAmounts& requests, const ResourceAmounts& limits) {
    for (const auto& [name, least] : bounds("min")) {
      const Quantity* request = amountIn(requests, name);
      const Quantity* limit = amountIn(limits, name);
      if (request == nullptr) addMissing("minimum", name, least, "request");
      if (request == nullptr) continue;
      if (*request < least) {
        addBut("minimum", name, least, "request", *request);
      } else if (limit != nullptr && *limit < least) {
        addBut("minimum", name, least, "limit", *limit);
      }
    }
    for (const auto& [name, most] : bounds("max")) {
      const Quantity* request = amountIn(requests, name);
      const Quantity* limit = type_ == "PersistentVolumeClaim" ? request : amountIn(limits, name);
      const char* what = type_ == "PersistentVolumeClaim" ? "request" : "limit";
      if (limit == nullptr) addMissing("maximum", name, most, what);
      if (limit != nullptr && *limit > most) {
        addBut("maximum", name, most, what, *limit);
      } else if (request != nullptr && *request > most) {
        addBut("maximum", name, most, "request", *request);
      }
    }
    for (const auto& [name, ratio] : bounds("maxLimitRequestRatio")) checkRatio(name, ratio, requests, limits);
  }

 private:
  ResourceAmounts bounds(std::string_view key) const { return readAmounts(json::findObject(item_, {key})); }
  void addMissing(std::string_view which, const std::string& name, const Quantity& bound, std::string_view what) {
    problems_.push_back(
        fmt::format("{} {} usage per {} is {}.  No {} is specified", which, name, type_, bound.canonical(), what));
  }
  void addBut(std::string_view which, const std::string& name, const Quantity& bound, std::string_view what,
              const Quantity& found) {
    problems_.push_back(fmt::format("{} {} usage per {} is {}, but {} is {}", which, name, type_, bound.canonical(),
                                    what, found.canonical()));
  }
  void checkRatio(const std::string& name, const Quantity& most, const ResourceAmounts& requests,
                  const ResourceAmounts& limits) {
    const Quantity* request = amountIn(requests, name);
    const Quantity* limit = amountIn(limits, name);
    const std::string start =
        fmt::format("{} max limit to request ratio per {} is {}, but ", name, type_, most.canonical());
    if (request == nullptr || request->sign() == 0) {
      problems_.push_back(start + "no request is specified or request is 0");
    } else if (limit == nullptr || limit->sign() == 0) {
      problems_.push_back(start + "no limit is specified or limit is 0");
    } else {
      const double ratio = static_cast<double>(limit->milliValue()) / static_cast<double>(request->milliValue());
      if (ratio > static_cast<double>(most.milliValue()) / 1000)
        problems_.push_back(start + fmt::format("provided ratio is {:f}", ratio));
    }
  }

  const json::object& item_;
  std::string type_;
  std::vector<std::string>& problems_;
};

/// Gives the containers of new pods the amounts that the namespace's LimitRanges have for them, and refuses pods and
/// claims that ask for less or more than they allow.
class LimitRanger final : public PlainAdmission {
 public:
  explicit LimitRanger(Store& store) : store_(store) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table != "core/pods" || request.operation != "CREATE" || !request.subresource.empty()) return {};
    forEachItem(request.ns, [&](const json::object& item) {
      if (json::text(item, {"type"}) == "Container") setDefaults(*request.object, item);
    });
    return {};
  }

  Done check(const AdmissionRequest& request) override {
    if (request.object == nullptr || !request.subresource.empty()) return {};
    const bool pod = request.kind->table == "core/pods" && request.operation == "CREATE";
    const bool claim = request.kind->table == "core/persistentvolumeclaims";
    if (!pod && !claim) return {};
    std::vector<std::string> problems;
    forEachItem(request.ns, [&](const json::object& item) {
      const std::string_view type = json::text(item, {"type"});
      LimitCheck limit(item, problems);
      if (claim && type == "PersistentVolumeClaim")
        limit.check(readAmounts(json::findObject(*request.object, {"spec", "resources", "requests"})), {});
      if (pod && type == "Pod")
        limit.check(amountsOfPod(*request.object, "requests"), amountsOfPod(*request.object, "limits"));
      if (pod && type == "Container") checkContainers(limit, *request.object);
    });
    if (problems.empty()) return {};
    std::vector<std::string> distinct;
    for (std::string& problem : problems) {
      if (std::find(distinct.begin(), distinct.end(), problem) == distinct.end())
        distinct.push_back(std::move(problem));
    }
    const std::string all = distinct.size() == 1 ? distinct[0] : fmt::format("[{}]", join(distinct, ", "));
    return failure(refuse::forbidden(request.kind->resource(), request.name, all));
  }

 private:
  void forEachItem(const std::string& ns, const std::function<void(const json::object&)>& visit) const {
    for (const StoredPtr& stored : store_.table("core/limitranges").list(ns + "/", "", 0).objects) {
      const json::value range = json::parse(stored->bytes);
      const json::array* items = json::findArray(range.as_object(), {"spec", "limits"});
      for (size_t i = 0; items != nullptr && i < items->size(); ++i) visit((*items)[i].as_object());
    }
  }

  static void checkContainers(LimitCheck& limit, const json::object& pod) {
    for (const char* list : {"containers", "initContainers"}) {
      const json::array* containers = json::findArray(pod, {"spec", list});
      for (size_t i = 0; containers != nullptr && i < containers->size(); ++i) {
        const json::object& container = (*containers)[i].as_object();
        limit.check(readAmounts(json::findObject(container, {"resources", "requests"})),
                    readAmounts(json::findObject(container, {"resources", "limits"})));
      }
    }
  }

  /// The names of what was missing and is set now.
  static std::vector<std::string> fill(json::object& container, const char* kind, const json::object* defaults) {
    std::vector<std::string> names;
    if (defaults == nullptr) return names;
    for (const auto& [name, amount] : *defaults) {
      json::object& amounts = json::ensureObject(json::ensureObject(container, "resources"), kind);
      if (amounts.contains(name)) continue;
      amounts[name] = amount;
      names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  static void setDefaults(json::object& pod, const json::object& item) {
    std::vector<std::string> notes;
    for (const char* list : {"containers", "initContainers"}) {
      json::array* containers = json::findArray(json::ensureObject(pod, "spec"), {list});
      const char* word = std::string_view(list) == "containers" ? "container" : "init container";
      for (size_t i = 0; containers != nullptr && i < containers->size(); ++i) {
        json::object& container = (*containers)[i].as_object();
        const std::string name(json::text(container, {"name"}));
        const auto requests = fill(container, "requests", json::findObject(item, {"defaultRequest"}));
        const auto limits = fill(container, "limits", json::findObject(item, {"default"}));
        if (!requests.empty()) notes.push_back(fmt::format("{} request for {} {}", join(requests, ", "), word, name));
        if (!limits.empty()) notes.push_back(fmt::format("{} limit for {} {}", join(limits, ", "), word, name));
      }
    }
    if (notes.empty()) return;
    json::ensureObject(meta::of(pod), "annotations")["kubernetes.io/limit-ranger"] =
        "LimitRanger plugin set: " + join(notes, "; ");
  }

  Store& store_;
};

}  // namespace

std::unique_ptr<Admission> limitRanger(Store& store) {
  return std::make_unique<LimitRanger>(store);
}

}  // namespace slipway::apiserver
