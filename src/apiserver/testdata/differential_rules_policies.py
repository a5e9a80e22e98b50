"""The second list: budgets, autoscalers, leases, classes, accounts, secrets, quotas, ranges."""
from differential_rules import *

# --- policy, autoscaling, coordination, scheduling, node
PDB = "/apis/policy/v1/namespaces/rules/poddisruptionbudgets"
pdb = obj("policy/v1", "PodDisruptionBudget", "pdb", spec={"minAvailable": 1, "selector": SELECTOR})
cases(
    PDB, pdb,
    (
        {"minAvailable": -1}, {"minAvailable": "x"}, {"minAvailable": "101%"},
        {"minAvailable": None, "maxUnavailable": "-1%"}, {"unhealthyPodEvictionPolicy": "X"},
        {"selector": {"matchLabels": {"bad key": "x"}}}))
changes(
    PDB, pdb, ({"spec": {"minAvailable": 2}}, {"spec": {"minAvailable": None, "maxUnavailable": "50%"}}), keep=True)
req(
    "PATCH", PDB + "/pdb/status",
    {"status": {"disruptionsAllowed": -1, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}}, type=MERGE)
req("GET", PDB, accept=TABLE, rows=True)
req("DELETE", PDB + "/pdb", skip_body=True)
HPA = "/apis/autoscaling/v2/namespaces/rules/horizontalpodautoscalers"
hpa = obj(
    "autoscaling/v2", "HorizontalPodAutoscaler", "hpa",
    spec={"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "s"}})
RES = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
cases(
    HPA, hpa,
    (
        {"maxReplicas": 0}, {"minReplicas": 0}, {"minReplicas": 5}, {"minReplicas": -1},
        {"scaleTargetRef": {"kind": ""}}, {"scaleTargetRef": {"name": ""}}, {"metrics": [{"type": "X"}]},
        {"metrics": [{"type": "Resource"}]},
        {"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]},
        {
            "metrics": [
                {"type": "Resource", "resource": {"name": "", "target": {"type": "X", "averageUtilization": 0}}}]},
        {"behavior": {"scaleUp": {"selectPolicy": "X"}}},
        {"behavior": {"scaleDown": {"stabilizationWindowSeconds": -1}}},
        {"behavior": {"scaleUp": {"policies": [{"type": "X", "value": 0, "periodSeconds": 0}]}}},
        {
            "metrics": [
                {
                    "type": "Pods",
                    "pods": {"metric": {"name": ""}, "target": {"type": "AverageValue", "averageValue": "1"}}}]},
        {"metrics": [RES, {"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Value"}}}]}))
changes(
    HPA, obj("autoscaling/v2", "HorizontalPodAutoscaler", "hpa", spec={**hpa["spec"], "metrics": [RES]}),
    ({"spec": {"maxReplicas": 4}}, {"spec": {"minReplicas": 5}}), keep=True)
req("GET", "/apis/autoscaling/v1/namespaces/rules/horizontalpodautoscalers/hpa")
req("GET", HPA, accept=TABLE, rows=True)
req("GET", "/apis/autoscaling/v1/namespaces/rules/horizontalpodautoscalers", accept=TABLE, rows=True)
req(
    "POST", "/apis/autoscaling/v1/namespaces/rules/horizontalpodautoscalers",
    obj(
        "autoscaling/v1", "HorizontalPodAutoscaler", "hpa1",
        spec={
            "maxReplicas": 3, "targetCPUUtilizationPercentage": 60,
            "scaleTargetRef": {"kind": "Deployment", "name": "s"}}))
req("GET", HPA + "/hpa1")
req(
    "POST", "/apis/autoscaling/v1/namespaces/rules/horizontalpodautoscalers",
    obj(
        "autoscaling/v1", "HorizontalPodAutoscaler", "hpa2",
        spec={
            "maxReplicas": 3, "targetCPUUtilizationPercentage": 0,
            "scaleTargetRef": {"kind": "Deployment", "name": "s"}}))
req("DELETE", HPA + "/hpa", skip_body=True)
req("DELETE", HPA + "/hpa1", skip_body=True)
LEASE = "/apis/coordination.k8s.io/v1/namespaces/rules/leases"
lease = obj("coordination.k8s.io/v1", "Lease", "lease", spec={})
cases(
    LEASE, lease,
    (
        {"leaseTransitions": -1}, {"leaseDurationSeconds": -5}, {"renewTime": "nonsense"},
        {"renewTime": "2026-01-02T03:04:05Z"}, {"holderIdentity": ""}, {"acquireTime": 5}, {"strategy": "X"},
        {"preferredHolder": "x"}))
req("GET", LEASE, accept=TABLE, rows=True)
PC = "/apis/scheduling.k8s.io/v1/priorityclasses"
pc = obj("scheduling.k8s.io/v1", "PriorityClass", "rules-pc", None, value=7)
cases(PC, pc, ({"value": "x"}, {"preemptionPolicy": "X"}, {"globalDefault": "x"}), field=None)
changes(PC, pc, ({"value": 8}, {"description": "d"}, {"preemptionPolicy": "Never"}), keep=True)
req("GET", PC, accept=TABLE, rows=True)
req(
    "POST", NS + "/pods",
    obj(
        "v1", "Pod", "prio", spec={**POD_SPEC, "priorityClassName": "rules-pc", "automountServiceAccountToken": False}),
    only=["spec.priority", "spec.preemptionPolicy"])
req(
    "POST", NS + "/pods", obj("v1", "Pod", "prio2", spec={**POD_SPEC, "priorityClassName": "rules-pc", "priority": 3}))
req(
    "POST", NS + "/pods",
    obj(
        "v1", "Pod", "prio3",
        spec={**POD_SPEC, "priorityClassName": "system-node-critical", "automountServiceAccountToken": False}),
    only=["spec.priority"])
req("DELETE", NS + "/pods/prio", {"gracePeriodSeconds": 0}, skip_body=True)
req("DELETE", NS + "/pods/prio3", {"gracePeriodSeconds": 0}, skip_body=True)
req("DELETE", PC + "/rules-pc", skip_body=True)
RTC = "/apis/node.k8s.io/v1/runtimeclasses"
rtc = obj("node.k8s.io/v1", "RuntimeClass", "rules-rtc", None, handler="h")
cases(
    RTC, rtc,
    (
        {"handler": ""}, {"overhead": {"podFixed": {"cpu": "-1"}}},
        {"scheduling": {"nodeSelector": {"bad key": "x"}}}, {"scheduling": {"tolerations": [{"operator": "X"}]}}),
    field=None)
changes(
    RTC,
    {
        **rtc, "overhead": {"podFixed": {"cpu": "100m"}},
        "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "t", "operator": "Exists"}]}},
    ({"handler": "i"},), keep=True)
req(
    "POST", NS + "/pods",
    obj(
        "v1", "Pod", "rtc", spec={**POD_SPEC, "runtimeClassName": "rules-rtc", "automountServiceAccountToken": False}),
    only=["spec.overhead", "spec.nodeSelector", "spec.tolerations"])
req(
    "POST", NS + "/pods",
    obj("v1", "Pod", "rtc2", spec={**POD_SPEC, "runtimeClassName": "rules-rtc", "overhead": {"cpu": "1"}}))
req(
    "POST", NS + "/pods",
    obj("v1", "Pod", "rtc3", spec={**POD_SPEC, "runtimeClassName": "rules-rtc", "nodeSelector": {"a": "c"}}))
req("DELETE", NS + "/pods/rtc", {"gracePeriodSeconds": 0}, skip_body=True)
req("GET", RTC, accept=TABLE, rows=True)
req("DELETE", RTC + "/rules-rtc", skip_body=True)

# --- accounts, secrets, quotas, ranges
SA, SEC, RQ, LR = NS + "/serviceaccounts", NS + "/secrets", NS + "/resourcequotas", NS + "/limitranges"
req("POST", SA, obj("v1", "ServiceAccount", "a", secrets=[{"name": "x"}], imagePullSecrets=[{"name": "y"}]))
req("GET", SA + "/a", accept=TABLE, rows=True)
for type_, data in (
    ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": "eA=="}), ("kubernetes.io/dockerconfigjson", {}),
    ("kubernetes.io/dockercfg", {".dockercfg": "e30="}), ("kubernetes.io/basic-auth", {}),
    ("kubernetes.io/basic-auth", {"username": "eA=="}), ("kubernetes.io/ssh-auth", {}),
    ("kubernetes.io/service-account-token", {}), ("bootstrap.kubernetes.io/token", {}),
    ("kubernetes.io/tls", {"tls.crt": "", "tls.key": ""}), ("Opaque", {"..": "eA=="}), ("Opaque", {"a/b": "eA=="}),
    ("x" * 10, {"a": "eA=="})):
    req("POST", SEC, obj("v1", "Secret", "sec", type=type_, data=data)); req("DELETE", SEC + "/sec", skip_body=True)
req("POST", SEC, obj("v1", "Secret", "big", stringData={"a": "x" * 1048577}), skip_body=True)
req("POST", NS + "/configmaps", obj("v1", "ConfigMap", "big", data={"a": "x" * 1048577}), skip_body=True)
req("POST", NS + "/configmaps", obj("v1", "ConfigMap", "both", data={"a": "x"}, binaryData={"a": "eA=="}))
req("POST", SEC, obj("v1", "Secret", "immu", immutable=True, data={"a": "eA=="}))
req("PATCH", SEC + "/immu", {"data": {"a": "eQ=="}}, type=MERGE)
req("PATCH", SEC + "/immu", {"stringData": {"b": "y"}}, type=MERGE)
req("GET", SEC, accept=TABLE, rows=True)
req("DELETE", SEC + "/immu", skip_body=True)
rq = obj("v1", "ResourceQuota", "rq", spec={"hard": {"count/widgets.example.com": "3"}})
cases(
    RQ, rq,
    (
        {"hard": {"cpu": "-1"}}, {"hard": {"nonsense": "1"}}, {"hard": {"pods": "1.5"}},
        {"hard": {"pods": "1"}, "scopes": ["X"]}, {"hard": {"services": "1"}, "scopes": ["BestEffort"]},
        {"hard": {"pods": "1"}, "scopes": ["BestEffort", "NotBestEffort"]},
        {
            "hard": {"pods": "1"},
            "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}},
        {"hard": {"requests.nvidia.com/gpu": "1"}}, {"hard": {"limits.nvidia.com/gpu": "1"}},
        {"hard": {"bad key": "1"}}, {"hard": {"requests.storage": "x"}}))
changes(
    RQ, rq,
    (
        {"spec": {"scopes": ["BestEffort"]}}, {"spec": {"hard": {"count/widgets.example.com": "4"}}},
        {"status": {"hard": {"pods": "1"}}}),
    keep=True)
req("PATCH", RQ + "/rq/status", {"status": {"hard": {"pods": "1"}, "used": {"pods": "0"}}}, type=MERGE)
req("PATCH", RQ + "/rq/status", {"status": {"used": {"pods": "-1"}}}, type=MERGE)
req("GET", RQ, accept=TABLE, rows=True)
req("DELETE", RQ + "/rq", skip_body=True)
lr = obj("v1", "LimitRange", "lr", spec={"limits": []})
cases(
    LR, lr,
    (
        {"limits": [{"type": "X"}]}, {"limits": [{"type": "Pod", "default": {"cpu": "1"}}]},
        {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]},
        {"limits": [{"type": "Container", "default": {"cpu": "2"}, "max": {"cpu": "1"}}]},
        {"limits": [{"type": "Container", "defaultRequest": {"cpu": "2"}, "default": {"cpu": "1"}}]},
        {"limits": [{"type": "Container", "maxLimitRequestRatio": {"cpu": "500m"}}]},
        {"limits": [{"type": "PersistentVolumeClaim"}]}, {"limits": [{"type": "Container"}, {"type": "Container"}]},
        {"limits": [{"type": "Container", "max": {"cpu": "abc"}}]},
        {"limits": [{"type": "Container", "max": {"nonsense": "1"}}]}))
for i in range(11):
    req("DELETE", LR + "/bad%d" % i, skip_body=True)
req(
    "POST", LR,
    obj(
        "v1", "LimitRange", "lr",
        spec={
            "limits": [
                {
                    "type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "100m"},
                    "default": {"cpu": "500m", "memory": "64Mi"}, "defaultRequest": {"cpu": "200m"}}]}))
req("GET", LR, accept=TABLE, rows=True)
req("POST", PODS, pod("lr1"), only=["spec.containers", "metadata.annotations", "status.qosClass"])
req("POST", PODS, pod("lr2", **con(resources={"limits": {"cpu": "3"}})))
req("POST", PODS, pod("lr3", **con(resources={"requests": {"cpu": "50m"}})))
req("POST", PODS, pod("lr4", **con(resources={"limits": {"cpu": "150m"}})), only=["spec.containers"])
req("DELETE", LR + "/lr", skip_body=True)
req("DELETE", PODS + "/lr1", {"gracePeriodSeconds": 0}, skip_body=True)
req("DELETE", PODS + "/lr4", {"gracePeriodSeconds": 0}, skip_body=True)
