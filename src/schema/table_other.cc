#include "base/strings.h"
#include "schema/table.h"
#include "schema/table_kinds.h"

namespace slipway::schema {
namespace {

const json::object kNothing;
const json::object& at(const json::value& one) {
  return one.is_object() ? one.get_object() : kNothing;
}

void lease(Row& row) {
  row.add(row.name()).add(row.text({"spec", "holderIdentity"})).add(row.age());
}

void binding(Row& row) {
  std::vector<std::string> users, groups, accounts;
  for (const json::value& one : row.list({"subjects"})) {
    std::string_view kind = json::text(at(one), {"kind"}), name = json::text(at(one), {"name"});
    if (kind == "User") users.emplace_back(name);
    if (kind == "Group") groups.emplace_back(name);
    if (kind == "ServiceAccount") accounts.push_back(fmt::format("{}/{}", json::text(at(one), {"namespace"}), name));
  }
  row.add(row.name()).add(fmt::format("{}/{}", row.text({"roleRef", "kind"}), row.text({"roleRef", "name"})));
  row.add(row.age()).add(join(users, ", ")).add(join(groups, ", ")).add(join(accounts, ", "));
}

void signingRequest(Row& row) {
  bool approved = false, denied = false, failed = false;
  for (const json::value& one : row.list({"status", "conditions"})) {
    std::string_view type = json::text(at(one), {"type"});
    approved = approved || type == "Approved";
    denied = denied || type == "Denied";
    failed = failed || type == "Failed";
  }
  std::string status = denied ? "Denied" : approved ? "Approved" : "Pending";
  if (failed) status += ",Failed";
  if (!row.text({"status", "certificate"}).empty()) status += ",Issued";
  std::optional<int64_t> seconds = json::findInt(row.object, {"spec", "expirationSeconds"});
  row.add(row.name())
      .add(row.age())
      .add(row.text({"spec", "signerName"}, "<none>"))
      .add(row.text({"spec", "username"}));
  row.add(seconds ? humanDuration(std::chrono::seconds(*seconds)) : "<none>").add(status);
}

void priorityClass(Row& row) {
  row.add(row.name()).add(row.number({"value"})).add(row.flag({"globalDefault"})).add(row.age());
  row.add(row.text({"preemptionPolicy"}));
}

void runtimeClass(Row& row) {
  row.add(row.name()).add(row.text({"handler"})).add(row.age());
}

void storageClass(Row& row) {
  bool is_default = row.text({"metadata", "annotations", "storageclass.kubernetes.io/is-default-class"}) == "true" ||
                    row.text({"metadata", "annotations", "storageclass.beta.kubernetes.io/is-default-class"}) == "true";
  row.add(fmt::format("{}{}", row.name(), is_default ? " (default)" : "")).add(row.text({"provisioner"}));
  row.add(row.text({"reclaimPolicy"}, "Delete")).add(row.text({"volumeBindingMode"}, "Immediate"));
  row.add(row.flag({"allowVolumeExpansion"})).add(row.age());
}

void volumeAttachment(Row& row) {
  row.add(row.name()).add(row.text({"spec", "attacher"})).add(row.text({"spec", "source", "persistentVolumeName"}));
  row.add(row.text({"spec", "nodeName"})).add(row.flag({"status", "attached"})).add(row.age());
}

void volumeAttributesClass(Row& row) {
  row.add(row.name()).add(row.text({"driverName"})).add(row.age());
}

void csiNode(Row& row) {
  row.add(row.name()).add(static_cast<int64_t>(row.list({"spec", "drivers"}).size())).add(row.age());
}

void csiDriver(Row& row) {
  std::vector<std::string> modes, audiences;
  for (const json::value& mode : row.list({"spec", "volumeLifecycleModes"})) {
    if (mode.is_string()) modes.emplace_back(mode.get_string());
  }
  for (const json::value& one : row.list({"spec", "tokenRequests"})) {
    audiences.emplace_back(json::text(at(one), {"audience"}));
  }
  row.add(row.name()).add(row.flag({"spec", "attachRequired"}, true)).add(row.flag({"spec", "podInfoOnMount"}));
  row.add(row.flag({"spec", "storageCapacity"})).add(audiences.empty() ? "<unset>" : join(audiences, ","));
  row.add(row.flag({"spec", "requiresRepublish"})).add(modes.empty() ? "<none>" : join(modes, ",")).add(row.age());
}

void webhooks(Row& row) {
  row.add(row.name()).add(static_cast<int64_t>(row.list({"webhooks"}).size())).add(row.age());
}

template <const char* kList>
void admissionPolicy(Row& row) {
  std::string_view kind = row.text({"spec", "paramKind", "kind"});
  row.add(row.name()).add(static_cast<int64_t>(row.list({"spec", kList}).size()));
  row.add(kind.empty() ? "<unset>" : fmt::format("{}/{}", row.text({"spec", "paramKind", "apiVersion"}), kind));
  row.add(row.age());
}
constexpr char kValidations[] = "validations";
constexpr char kMutations[] = "mutations";

void admissionPolicyBinding(Row& row) {
  std::string_view name = row.text({"spec", "paramRef", "name"});
  std::string parameter = "<unset>";
  if (!name.empty()) parameter = fmt::format("{}/{}", row.text({"spec", "paramRef", "namespace"}, "*"), name);
  row.add(row.name()).add(row.text({"spec", "policyName"})).add(parameter).add(row.age());
}

void flowSchema(Row& row) {
  std::string_view dangling = "?";
  for (const json::value& one : row.list({"status", "conditions"})) {
    if (json::text(at(one), {"type"}) == "Dangling") dangling = json::text(at(one), {"status"});
  }
  row.add(row.name()).add(row.text({"spec", "priorityLevelConfiguration", "name"}));
  row.add(row.number({"spec", "matchingPrecedence"})).add(row.text({"spec", "distinguisherMethod", "type"}, "<none>"));
  row.add(row.age()).add(dangling);
}

void priorityLevel(Row& row) {
  row.add(row.name()).add(row.text({"spec", "type"}));
  auto cell = [&](std::initializer_list<std::string_view> path) {
    std::optional<int64_t> number = json::findInt(row.object, path);
    number ? row.add(*number) : row.add("<none>");
  };
  cell({"spec", "limited", "nominalConcurrencyShares"});
  cell({"spec", "limited", "limitResponse", "queuing", "queues"});
  cell({"spec", "limited", "limitResponse", "queuing", "handSize"});
  cell({"spec", "limited", "limitResponse", "queuing", "queueLengthLimit"});
  row.add(row.age());
}

void resourceClaim(Row& row) {
  bool deleted = !row.text({"metadata", "deletionTimestamp"}).empty();
  bool allocated = json::findObject(row.object, {"status", "allocation"}) != nullptr;
  std::vector<std::string> states;
  if (deleted) states.emplace_back("deleted");
  if (!allocated && !deleted) states.emplace_back("pending");
  if (allocated) states.emplace_back("allocated");
  if (allocated && !row.list({"status", "reservedFor"}).empty()) states.emplace_back("reserved");
  row.add(row.name()).add(join(states, ",")).add(row.age());
}

void resourceSlice(Row& row) {
  row.add(row.name()).add(row.text({"spec", "nodeName"})).add(row.text({"spec", "driver"}));
  row.add(row.text({"spec", "pool", "name"})).add(row.age());
}

void nameAndAge(Row& row) {
  row.add(row.name()).add(row.age());
}

void apiService(Row& row) {
  std::string service = "Local";
  if (json::findObject(row.object, {"spec", "service"}) != nullptr) {
    service = fmt::format("{}/{}", row.text({"spec", "service", "namespace"}), row.text({"spec", "service", "name"}));
  }
  std::string available = "Unknown";
  for (const json::value& one : row.list({"status", "conditions"})) {
    if (json::text(at(one), {"type"}) != "Available") continue;
    available = json::text(at(one), {"status"});
    if (available != "True") available += fmt::format(" ({})", json::text(at(one), {"reason"}));
  }
  row.add(row.name()).add(service).add(available).add(row.age());
}

constexpr std::string_view kBinding = "Name:string:name|Role|Age|*Users|*Groups|*ServiceAccounts";
constexpr std::string_view kWebhooks = "Name:string:name|Webhooks:integer|Age";
constexpr std::string_view kPolicyBinding = "Name:string:name|PolicyName|ParamRef|Age";
constexpr std::array kTables = {
    KindTable{"coordination.k8s.io", "Lease", "Name:string:name|Holder|Age", lease},
    KindTable{"rbac.authorization.k8s.io", "RoleBinding", kBinding, binding},
    KindTable{"rbac.authorization.k8s.io", "ClusterRoleBinding", kBinding, binding},
    KindTable{"certificates.k8s.io", "CertificateSigningRequest",
              "Name:string:name|Age|SignerName|Requestor|RequestedDuration|Condition", signingRequest},
    KindTable{"scheduling.k8s.io", "PriorityClass",
              "Name:string:name|Value:integer|Global-Default:boolean|Age|PreemptionPolicy", priorityClass},
    KindTable{"node.k8s.io", "RuntimeClass", "Name:string:name|Handler|Age", runtimeClass},
    KindTable{"storage.k8s.io", "StorageClass",
              "Name:string:name|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age", storageClass},
    KindTable{"storage.k8s.io", "VolumeAttachment",
              "Name:string:name|Attacher:string:name|PV|Node|Attached:boolean|Age", volumeAttachment},
    KindTable{"storage.k8s.io", "VolumeAttributesClass", "Name:string:name|DriverName|Age", volumeAttributesClass},
    KindTable{"storage.k8s.io", "CSINode", "Name:string:name|Drivers:integer|Age", csiNode},
    KindTable{"storage.k8s.io", "CSIDriver",
              "Name:string:name|AttachRequired:boolean|PodInfoOnMount:boolean|StorageCapacity:boolean|TokenRequests|"
              "RequiresRepublish:boolean|Modes|Age",
              csiDriver},
    KindTable{"admissionregistration.k8s.io", "MutatingWebhookConfiguration", kWebhooks, webhooks},
    KindTable{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", kWebhooks, webhooks},
    KindTable{"admissionregistration.k8s.io", "ValidatingAdmissionPolicy",
              "Name:string:name|Validations:integer|ParamKind|Age", admissionPolicy<kValidations>},
    KindTable{"admissionregistration.k8s.io", "MutatingAdmissionPolicy",
              "Name:string:name|Mutations:integer|ParamKind|Age", admissionPolicy<kMutations>},
    KindTable{"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", kPolicyBinding,
              admissionPolicyBinding},
    KindTable{"admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", kPolicyBinding, admissionPolicyBinding},
    KindTable{"flowcontrol.apiserver.k8s.io", "FlowSchema",
              "Name:string:name|PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL", flowSchema},
    KindTable{"flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration",
              "Name:string:name|Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age", priorityLevel},
    KindTable{"resource.k8s.io", "ResourceClaim", "Name:string:name|State|Age", resourceClaim},
    KindTable{"resource.k8s.io", "ResourceClaimTemplate", "Name:string:name|Age", nameAndAge},
    KindTable{"resource.k8s.io", "DeviceClass", "Name:string:name|Age", nameAndAge},
    KindTable{"resource.k8s.io", "ResourceSlice", "Name:string:name|Node|Driver|Pool|Age", resourceSlice},
    KindTable{"apiregistration.k8s.io", "APIService", "Name:string:name|Service|Available|Age", apiService},
};

}  // namespace

std::span<const KindTable> otherTables() {
  return kTables;
}

}  // namespace slipway::schema
