#include "base/strings.h"
#include "schema/table.h"
#include "schema/table_kinds.h"

namespace slipway::schema {
namespace {

const json::object kNothing;
const json::object& at(const json::value& one) {
  return one.is_object() ? one.get_object() : kNothing;
}

std::string nodeStatus(const Row& row) {
  std::string status = "Unknown";
  for (const json::value& condition : row.list({"status", "conditions"})) {
    if (json::text(at(condition), {"type"}) != "Ready") continue;
    status = json::text(at(condition), {"status"}) == "True" ? "Ready" : "NotReady";
  }
  return row.flag({"spec", "unschedulable"}) ? status + ",SchedulingDisabled" : status;
}

std::string nodeRoles(const Row& row) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  for (const auto& [key, part] : row.map({"metadata", "labels"})) {
    std::string_view label(key);
    if (label.starts_with(kPrefix) && label.size() > kPrefix.size()) roles.emplace(label.substr(kPrefix.size()));
    if (label == "kubernetes.io/role" && part.is_string() && !part.get_string().empty())
      roles.emplace(part.get_string());
  }
  std::vector<std::string> sorted(roles.begin(), roles.end());
  return sorted.empty() ? "<none>" : join(sorted, ",");
}

std::string_view nodeAddress(const Row& row, std::string_view type) {
  for (const json::value& address : row.list({"status", "addresses"})) {
    if (json::text(at(address), {"type"}) == type) return json::text(at(address), {"address"});
  }
  return "<none>";
}

void node(Row& row) {
  row.add(row.name()).add(nodeStatus(row)).add(nodeRoles(row)).add(row.age());
  row.add(row.text({"status", "nodeInfo", "kubeletVersion"}));
  row.add(nodeAddress(row, "InternalIP")).add(nodeAddress(row, "ExternalIP"));
  row.add(row.text({"status", "nodeInfo", "osImage"}, "<unknown>"));
  std::string kernel(row.text({"status", "nodeInfo", "kernelVersion"}, "<unknown>"));
  std::string_view machine = row.text({"status", "nodeInfo", "architecture"});
  row.add(machine.empty() ? kernel : fmt::format("{} ({})", kernel, machine));
  row.add(row.text({"status", "nodeInfo", "containerRuntimeVersion"}, "<unknown>"));
}

std::string_view firstOf(std::string_view a, std::string_view b) {
  return a.empty() ? b : a;
}

void event(Row& row) {
  bool events_group = json::find(row.object, {"regarding"}) != nullptr || !row.text({"note"}).empty();
  std::string_view object = events_group ? "regarding" : "involvedObject";
  std::string_view source = events_group ? "deprecatedSource" : "source";
  std::string_view time = row.text({"eventTime"});
  std::string first =
      ageOf(firstOf(row.text({events_group ? "deprecatedFirstTimestamp" : "firstTimestamp"}), time), row.now);
  std::string_view last_time = row.text({events_group ? "deprecatedLastTimestamp" : "lastTimestamp"});
  std::string last = last_time.empty() ? first : ageOf(last_time, row.now);
  int64_t count = row.number({events_group ? "deprecatedCount" : "count"});
  if (json::findObject(row.object, {"series"}) != nullptr) {
    last = ageOf(row.text({"series", "lastObservedTime"}), row.now);
    count = row.number({"series", "count"});
  } else if (count == 0) {
    count = 1;
  }
  std::string kind = toLower(row.text({object, "kind"}));
  std::string_view name = row.text({object, "name"});
  std::string_view component = firstOf(row.text({source, "component"}), row.text({"reportingComponent"}));
  component = firstOf(component, row.text({"reportingController"}));
  std::string_view host = firstOf(row.text({source, "host"}), row.text({"reportingInstance"}));
  row.add(last).add(row.text({"type"})).add(row.text({"reason"}));
  row.add(name.empty() ? kind : fmt::format("{}/{}", kind, name)).add(row.text({object, "fieldPath"}));
  row.add(host.empty() ? std::string(component) : fmt::format("{}, {}", component, host));
  row.add(trim(row.text({events_group ? "note" : "message"}))).add(first).add(count).add(row.name());
}

void nameSpace(Row& row) {
  row.add(row.name()).add(row.text({"status", "phase"})).add(row.age());
}

void secret(Row& row) {
  row.add(row.name()).add(row.text({"type"})).add(static_cast<int64_t>(row.map({"data"}).size())).add(row.age());
}

void configMap(Row& row) {
  row.add(row.name())
      .add(static_cast<int64_t>(row.map({"data"}).size() + row.map({"binaryData"}).size()))
      .add(row.age());
}

void serviceAccount(Row& row) {
  row.add(row.name()).add(row.age());
}

std::string accessModes(const Row& row, std::initializer_list<std::string_view> path) {
  std::set<std::string_view> given;
  for (const json::value& mode : row.list(path)) {
    if (mode.is_string()) given.insert(mode.get_string());
  }
  std::vector<std::string> out;
  for (auto [mode, brief] : {std::pair("ReadWriteOnce", "RWO"), std::pair("ReadOnlyMany", "ROX"),
                             std::pair("ReadWriteMany", "RWX"), std::pair("ReadWriteOncePod", "RWOP")}) {
    if (given.contains(mode)) out.emplace_back(brief);
  }
  return join(out, ",");
}

std::string_view storageClass(const Row& row) {
  std::string_view old = row.text({"metadata", "annotations", "volume.beta.kubernetes.io/storage-class"});
  return firstOf(old, row.text({"spec", "storageClassName"}));
}

std::string_view attributesClass(const Row& row) {
  const bool named = json::find(row.object, {"spec", "volumeAttributesClassName"}) != nullptr;
  return named ? row.text({"spec", "volumeAttributesClassName"}) : "<unset>";
}

std::string_view phase(const Row& row) {
  return row.text({"metadata", "deletionTimestamp"}).empty() ? row.text({"status", "phase"}) : "Terminating";
}

void persistentVolume(Row& row) {
  bool claimed = json::findObject(row.object, {"spec", "claimRef"}) != nullptr;
  row.add(row.name())
      .add(row.text({"spec", "capacity", "storage"}, "0"))
      .add(accessModes(row, {"spec", "accessModes"}));
  row.add(row.text({"spec", "persistentVolumeReclaimPolicy"})).add(phase(row));
  row.add(claimed ? fmt::format("{}/{}", row.text({"spec", "claimRef", "namespace"}),
                                row.text({"spec", "claimRef", "name"}))
                  : "");
  row.add(storageClass(row)).add(attributesClass(row));
  row.add(row.text({"status", "reason"})).add(row.age()).add(row.text({"spec", "volumeMode"}, "<unset>"));
}

void persistentVolumeClaim(Row& row) {
  bool bound = !row.text({"spec", "volumeName"}).empty();
  row.add(row.name()).add(phase(row)).add(row.text({"spec", "volumeName"}));
  row.add(bound ? row.text({"status", "capacity", "storage"}, "0") : "");
  row.add(bound ? accessModes(row, {"status", "accessModes"}) : "").add(storageClass(row));
  row.add(attributesClass(row)).add(row.age());
  row.add(row.text({"spec", "volumeMode"}, "<unset>"));
}

void resourceQuota(Row& row) {
  std::vector<std::string> names;
  for (const auto& [name, quantity] : row.map({"status", "hard"})) names.emplace_back(name);
  std::ranges::sort(names);
  std::vector<std::string> requests, limits;
  for (const std::string& name : names) {
    std::string part =
        fmt::format("{}: {}/{}", name, row.text({"status", "used", name}, "0"), row.text({"status", "hard", name}));
    (name.starts_with("limits.") ? limits : requests).push_back(std::move(part));
  }
  row.add(row.name()).add(join(requests, ", ")).add(join(limits, ", ")).add(row.age());
}

void limitRange(Row& row) {
  row.add(row.name()).add(row.text({"metadata", "creationTimestamp"}));
}

void componentStatus(Row& row) {
  std::string_view status = "Unknown", message, error;
  for (const json::value& condition : row.list({"conditions"})) {
    if (json::text(at(condition), {"type"}) != "Healthy") continue;
    status = json::text(at(condition), {"status"}) == "True" ? "Healthy" : "Unhealthy";
    message = json::text(at(condition), {"message"});
    error = json::text(at(condition), {"error"});
  }
  row.add(row.name()).add(status).add(message).add(error);
}

constexpr std::string_view kEventColumns =
    "Last Seen|Type|Reason|Object|*Subobject|*Source|Message|*First Seen|*Count|*Name:string:name";
constexpr std::array kTables = {
    KindTable{"", "Node",
              "Name:string:name|Status|Roles|Age|Version|*Internal-IP|*External-IP|*OS-Image|*Kernel-Version|"
              "*Container-Runtime",
              node},
    KindTable{"", "Event", kEventColumns, event},
    KindTable{"events.k8s.io", "Event", kEventColumns, event},
    KindTable{"", "Namespace", "Name:string:name|Status|Age", nameSpace},
    KindTable{"", "Secret", "Name:string:name|Type|Data|Age", secret},
    KindTable{"", "ConfigMap", "Name:string:name|Data|Age", configMap},
    KindTable{"", "ServiceAccount", "Name:string:name|Age", serviceAccount},
    KindTable{"", "PersistentVolume",
              "Name:string:name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|"
              "Reason|Age|*VolumeMode",
              persistentVolume},
    KindTable{"", "PersistentVolumeClaim",
              "Name:string:name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|*VolumeMode",
              persistentVolumeClaim},
    KindTable{"", "ResourceQuota", "Name:string:name|Request|Limit|Age", resourceQuota},
    KindTable{"", "LimitRange", "Name:string:name|Created At:date", limitRange},
    KindTable{"", "ComponentStatus", "Name:string:name|Status|Message|Error", componentStatus},
};

}  // namespace

std::span<const KindTable> coreTables() {
  return kTables;
}

}  // namespace slipway::schema
