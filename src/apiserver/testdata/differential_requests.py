"""The requests of the differential test, in order. Each is (method, path, body, extras); they build on one another."""
import copy
import json

REQUESTS = []
NS = "/api/v1/namespaces/diff"
APPS = "/apis/apps/v1/namespaces/diff"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
SMP = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def req(method, path, body=None, **extras):
    REQUESTS.append((method, path, body, extras))


def obj(api_version, kind, name, ns="diff", **rest):
    meta = {"name": name}
    if ns:
        meta["namespace"] = ns
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}


def with_meta(o, **meta):
    o = copy.deepcopy(o)
    o["metadata"].update(meta)
    return o


def without(o, *keys):
    o = copy.deepcopy(o)
    for k in keys:
        o.pop(k, None)
    return o


POD_SPEC = {"containers": [{"name": "c", "image": "busybox:1.36"}]}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": POD_SPEC}
SELECTOR = {"matchLabels": {"app": "x"}}

# --- the namespace and paths
req("POST", "/api/v1/namespaces", obj("v1", "Namespace", "diff", None))
req("POST", NS + "/serviceaccounts", obj("v1", "ServiceAccount", "default"), quiet=True)
req("GET", "/api/v1/namespaces/diff")
req("GET", "/api/v1/namespaces/none")
for path in ("/", "/nothing", "/api/v2", "/api/v1/nothing", "/apis/none", "/apis/none/v1", "/apis/apps/v9/deployments",
             "/apis/apps/v1/nothing", NS + "/pods/x/nothing", "/api/v1/pods/x", NS + "/nodes"):
    req("GET", path, skip_body=path == "/")
for method, path in (("POST", "/api/v1/pods"), ("PUT", NS + "/pods"), ("PATCH", NS + "/pods"), ("POST", NS + "/pods/x"),
                     ("DELETE", "/api/v1/pods"), ("PUT", "/api/v1/namespaces"), ("DELETE", "/api/v1/namespaces"),
                     ("POST", NS + "/pods/x/status"), ("PUT", "/apis/apps/v1/deployments"), ("POST", "/version"),
                     ("PUT", NS + "/bindings"), ("DELETE", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")):
    req(method, path, {} if method != "DELETE" else None)

# --- every namespaced and cluster-scoped kind: create, get, again, dry run, delete
RULES = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
JOB_SPEC = {"template": {"spec": {**POD_SPEC, "restartPolicy": "Never"}}}
SAMPLES = [
    (NS + "/configmaps", obj("v1", "ConfigMap", "s", data={"a": "b"}, binaryData={"c": "AAE="})),
    (NS + "/secrets", obj("v1", "Secret", "s", stringData={"a": "b"}, data={"c": "ZA=="})),
    (NS + "/serviceaccounts", obj("v1", "ServiceAccount", "s", automountServiceAccountToken=False)),
    (NS + "/services", obj("v1", "Service", "s", spec={"clusterIP": "None", "selector": {"app": "x"}, "ports": [{"port": 80}]})),
    (NS + "/endpoints", obj("v1", "Endpoints", "s2", subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}])),
    (NS + "/limitranges", obj("v1", "LimitRange", "s", spec={"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}}]})),
    (NS + "/resourcequotas", obj("v1", "ResourceQuota", "s", spec={"hard": {"count/widgets.example.com": "3"}})),
    (NS + "/podtemplates", obj("v1", "PodTemplate", "s", template=TEMPLATE)),
    (NS + "/replicationcontrollers", obj("v1", "ReplicationController", "s", spec={"replicas": 0, "selector": {"app": "x"}, "template": TEMPLATE})),
    (NS + "/persistentvolumeclaims", obj("v1", "PersistentVolumeClaim", "s", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})),
    (NS + "/events", obj("v1", "Event", "s", involvedObject={"kind": "Pod", "name": "p", "namespace": "diff"}, reason="R", message="m", type="Normal")),
    (NS + "/pods", obj("v1", "Pod", "s", spec=POD_SPEC)),
    (APPS + "/deployments", obj("apps/v1", "Deployment", "s", spec={"replicas": 0, "selector": SELECTOR, "template": TEMPLATE})),
    (APPS + "/replicasets", obj("apps/v1", "ReplicaSet", "s", spec={"replicas": 0, "selector": SELECTOR, "template": TEMPLATE})),
    (APPS + "/statefulsets", obj("apps/v1", "StatefulSet", "s", spec={"replicas": 0, "serviceName": "s", "selector": SELECTOR, "template": TEMPLATE})),
    (APPS + "/daemonsets", obj("apps/v1", "DaemonSet", "s", spec={"selector": SELECTOR, "template": TEMPLATE})),
    (APPS + "/controllerrevisions", obj("apps/v1", "ControllerRevision", "s", revision=1, data={"a": 1})),
    ("/apis/batch/v1/namespaces/diff/jobs", obj("batch/v1", "Job", "s", spec=JOB_SPEC)),
    ("/apis/batch/v1/namespaces/diff/cronjobs", obj("batch/v1", "CronJob", "s", spec={"schedule": "*/5 * * * *", "jobTemplate": {"spec": JOB_SPEC}})),
    ("/apis/networking.k8s.io/v1/namespaces/diff/ingresses", obj("networking.k8s.io/v1", "Ingress", "s", spec={"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}})),
    ("/apis/networking.k8s.io/v1/namespaces/diff/networkpolicies", obj("networking.k8s.io/v1", "NetworkPolicy", "s", spec={"podSelector": {}})),
    ("/apis/networking.k8s.io/v1/ingressclasses", obj("networking.k8s.io/v1", "IngressClass", "diff-s", None, spec={"controller": "example.com/c"})),
    ("/apis/policy/v1/namespaces/diff/poddisruptionbudgets", obj("policy/v1", "PodDisruptionBudget", "s", spec={"minAvailable": 1, "selector": SELECTOR})),
    ("/apis/discovery.k8s.io/v1/namespaces/diff/endpointslices", obj("discovery.k8s.io/v1", "EndpointSlice", "s", addressType="IPv4", endpoints=[{"addresses": ["10.0.0.1"]}], ports=[{"port": 80}])),
    ("/apis/coordination.k8s.io/v1/namespaces/diff/leases", obj("coordination.k8s.io/v1", "Lease", "s", spec={"holderIdentity": "me", "leaseDurationSeconds": 40, "renewTime": "2026-01-02T03:04:05.000006Z"})),
    ("/apis/autoscaling/v2/namespaces/diff/horizontalpodautoscalers", obj("autoscaling/v2", "HorizontalPodAutoscaler", "s", spec={"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "s"}})),
    ("/apis/rbac.authorization.k8s.io/v1/namespaces/diff/roles", obj("rbac.authorization.k8s.io/v1", "Role", "s", rules=RULES)),
    ("/apis/rbac.authorization.k8s.io/v1/namespaces/diff/rolebindings", obj("rbac.authorization.k8s.io/v1", "RoleBinding", "s", roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "s"}, subjects=[{"kind": "User", "name": "u"}])),
    ("/apis/rbac.authorization.k8s.io/v1/clusterroles", obj("rbac.authorization.k8s.io/v1", "ClusterRole", "diff-s", None, rules=RULES)),
    ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", obj("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "diff-s", None, roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "diff-s"}, subjects=[{"kind": "ServiceAccount", "name": "a", "namespace": "diff"}])),
    ("/apis/scheduling.k8s.io/v1/priorityclasses", obj("scheduling.k8s.io/v1", "PriorityClass", "diff-s", None, value=7)),
    ("/apis/storage.k8s.io/v1/storageclasses", obj("storage.k8s.io/v1", "StorageClass", "diff-s", None, provisioner="example.com/p")),
    ("/apis/storage.k8s.io/v1/csidrivers", obj("storage.k8s.io/v1", "CSIDriver", "diff-s.example.com", None, spec={})),
    ("/apis/storage.k8s.io/v1/csinodes", obj("storage.k8s.io/v1", "CSINode", "diff-s", None, spec={"drivers": []})),
    ("/apis/storage.k8s.io/v1/volumeattachments", obj("storage.k8s.io/v1", "VolumeAttachment", "diff-s", None, spec={"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}})),
    ("/apis/node.k8s.io/v1/runtimeclasses", obj("node.k8s.io/v1", "RuntimeClass", "diff-s", None, handler="h")),
    ("/api/v1/persistentvolumes", obj("v1", "PersistentVolume", "diff-s", None, spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}})),
    ("/api/v1/nodes", obj("v1", "Node", "diff-s", None)),
    ("/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations", obj("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", "diff-s", None, spec={"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}})),
    ("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "diff-s", None, webhooks=[])),
    ("/apis/events.k8s.io/v1/namespaces/diff/events", obj("events.k8s.io/v1", "Event", "s3", eventTime="2026-01-02T03:04:05.000006Z", action="A", reason="R", type="Normal", note="n", regarding={"kind": "Pod", "name": "p", "namespace": "diff"}, reportingController="example.com/c", reportingInstance="i")),
]
for path, sample in SAMPLES:
    name = sample["metadata"]["name"]
    req("POST", path + "?dryRun=All", sample)
    req("POST", path, sample)
    req("POST", path, sample)
    req("GET", path + "/" + name)
    req("PATCH", path + "/" + name, {"metadata": {"labels": {"k": "v"}}}, type=MERGE)
    req("PUT", path + "/" + name, with_meta(sample, name="other"))
    req("GET", path + "/none")
    req("DELETE", path + "/" + name + "?dryRun=All", keep_quiet=True)
    req("POST", path, without(with_meta(sample, name="Bad_Name"), "none"))
    req("POST", path, {**sample, "kind": "Wrong"})
    req("POST", path, {**sample, "apiVersion": "wrong/v1"})
    req("POST", path + "?fieldValidation=Strict", {**with_meta(sample, name="strict"), "unknownField": 1})
    req("DELETE", path + "/" + name, {"propagationPolicy": "Background", "gracePeriodSeconds": 0})
    req("DELETE", path + "/none")

# --- writes: names, bodies, options
CM = NS + "/configmaps"
req("POST", CM, {"apiVersion": "v1", "kind": "ConfigMap"})
req("POST", CM, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": ""}})
req("POST", CM, obj("v1", "ConfigMap", "x", "other"))
req("POST", "/api/v1/namespaces/none/configmaps", obj("v1", "ConfigMap", "x", "none"))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), resourceVersion="5"))
req("POST", CM, {"metadata": {"name": "plain"}})
req("POST", CM, obj("v1", "ConfigMap", "x", data={"bad key": "v"}))
req("POST", CM, obj("v1", "ConfigMap", "x", data={"a": 1}))
req("POST", CM, obj("v1", "ConfigMap", "x", data=["a"]))
req("POST", CM, [1, 2])
req("POST", CM, raw="not json")
req("POST", CM, raw="")
req("POST", CM, raw="{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"twice\"},\"data\":{\"a\":\"1\",\"a\":\"2\"}}")
req("POST", CM + "?fieldValidation=Strict", raw="{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"twice2\"},\"data\":{\"a\":\"1\",\"a\":\"2\"}}")
req("POST", CM, raw="apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  on: \"yes\"\n", type="application/yaml")
req("POST", CM, raw="x", type="text/plain")
req("POST", CM, raw="x", type="application/cbor")
req("GET", CM + "/yaml", accept="application/vnd.kubernetes.protobuf;as=Nothing")
req("GET", CM + "/yaml", accept="text/html")
req("POST", CM + "?dryRun=Some", obj("v1", "ConfigMap", "x"))
req("POST", CM + "?fieldValidation=Nonsense", obj("v1", "ConfigMap", "x"))
req("POST", CM + "?fieldManager=" + "x" * 129, obj("v1", "ConfigMap", "x"))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), labels={"bad key": "v"}))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), labels={"k": "bad value!"}))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), annotations={"bad key": "v"}))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), finalizers=["nodomain"]))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), finalizers=["bad name/x"]))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "p"}]))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}, {"apiVersion": "v1", "kind": "Pod", "name": "q", "uid": "w", "controller": True}]))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "x"), name="a" * 254))

# --- updates and preconditions
req("POST", CM, obj("v1", "ConfigMap", "up", data={"a": "1"}))
req("PUT", CM + "/up", obj("v1", "ConfigMap", "up", data={"a": "2"}))
req("PUT", CM + "/up", with_meta(obj("v1", "ConfigMap", "up"), resourceVersion="1"))
req("PUT", CM + "/up", with_meta(obj("v1", "ConfigMap", "up"), uid="wrong"))
req("PUT", CM + "/up", with_meta(obj("v1", "ConfigMap", "up"), namespace="other"))
req("PUT", CM + "/up", without(obj("v1", "ConfigMap", "up"), "metadata"))
req("PUT", CM + "/gone", obj("v1", "ConfigMap", "gone"))
req("PUT", CM + "/up", with_meta(obj("v1", "ConfigMap", "up"), resourceVersion="abc"))
req("POST", CM, obj("v1", "ConfigMap", "imm", data={"a": "1"}, immutable=True))
req("PATCH", CM + "/imm", {"data": {"a": "2"}}, type=MERGE)
req("PATCH", CM + "/imm", {"immutable": False}, type=MERGE)
req("PATCH", CM + "/up", [{"op": "add", "path": "/data/b", "value": "3"}], type=JSON_PATCH)
req("PATCH", CM + "/up", [{"op": "test", "path": "/data/b", "value": "4"}], type=JSON_PATCH)
req("PATCH", CM + "/up", [{"op": "remove", "path": "/data/none"}], type=JSON_PATCH)
req("PATCH", CM + "/up", [{"op": "nonsense", "path": "/data"}], type=JSON_PATCH)
req("PATCH", CM + "/up", {"op": "add"}, type=JSON_PATCH)
req("PATCH", CM + "/up", {"data": {"b": None}}, type=MERGE)
req("PATCH", CM + "/up", {"metadata": {"name": "other"}}, type=MERGE)
req("PATCH", CM + "/up", {"metadata": {"resourceVersion": "1"}}, type=MERGE)
req("PATCH", CM + "/up", {"metadata": {"uid": "w"}}, type=MERGE)
req("PATCH", CM + "/up", {"kind": "Secret"}, type=MERGE)
req("PATCH", CM + "/up", raw="{", type=MERGE)
req("PATCH", CM + "/up", {"data": {"a": "x"}}, type="application/json")
req("PATCH", CM + "/up", {"data": {"a": "x"}}, type="text/plain")
req("PATCH", CM + "/gone", {"data": {"a": "x"}}, type=MERGE)
req("PATCH", CM + "/up?force=true", {"data": {"a": "x"}}, type=MERGE)

# --- server-side apply
req("PATCH", CM + "/ssa", obj("v1", "ConfigMap", "ssa", data={"a": "1"}), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", obj("v1", "ConfigMap", "ssa", data={"a": "1"}), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=two", obj("v1", "ConfigMap", "ssa", data={"a": "2"}), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=two&force=true", obj("v1", "ConfigMap", "ssa", data={"a": "2", "b": "1"}), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", obj("v1", "ConfigMap", "ssa", data={"c": "1"}), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=two", obj("v1", "ConfigMap", "ssa"), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", obj("v1", "ConfigMap", "ssa", nonsense={"c": "1"}), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", obj("v1", "ConfigMap", "other"), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", obj("v1", "Secret", "ssa"), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", with_meta(obj("v1", "ConfigMap", "ssa"), managedFields=[{}]), type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", raw="a: [", type=APPLY)
req("PATCH", CM + "/ssa?fieldManager=one", with_meta(obj("v1", "ConfigMap", "ssa"), resourceVersion="1"), type=APPLY)

# --- lists and selectors
req("POST", CM, with_meta(obj("v1", "ConfigMap", "l1"), labels={"l": "1", "t": "a"}))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "l2"), labels={"l": "2", "t": "b"}))
req("POST", CM, with_meta(obj("v1", "ConfigMap", "l3"), labels={"l": "3"}))
for selector in ("l", "l=1", "l==1", "l!=1,l", "l in (1,2)", "l notin (1,2),l", "!t,l", "l>1", "l<3", "t=b,l=2"):
    req("GET", CM + "?labelSelector=" + selector.replace(" ", "%20").replace(">", "%3E").replace("<", "%3C"), names=True)
for selector in ("=1", "l=", "l in 1", "l in ()", "l,,t", "a b", "l>x", "bad key!=1", "l=bad value", ",", "l in (1", "-a"):
    req("GET", CM + "?labelSelector=" + selector.replace(" ", "%20").replace(">", "%3E"), names=True)
for selector in ("metadata.name=l1", "metadata.name!=l1", "metadata.namespace=diff", "metadata.name=none", "spec.x=1", "nonsense", "status.phase=x"):
    req("GET", CM + "?labelSelector=l&fieldSelector=" + selector, names=True)
req("GET", "/api/v1/pods?fieldSelector=spec.nodeName=none,status.phase!=Running", names=True)
req("GET", "/api/v1/nodes?fieldSelector=spec.unschedulable=true", names=True)
req("GET", "/api/v1/events?fieldSelector=involvedObject.name=none", names=True)
req("GET", "/api/v1/secrets?fieldSelector=type=none", names=True)
req("GET", "/apis/batch/v1/jobs?fieldSelector=status.successful=1", names=True)
req("GET", CM + "?labelSelector=l&limit=1", names=True)
for query in ("continue=nonsense", "continue=e30", "resourceVersion=abc", "resourceVersion=99999999999", "resourceVersionMatch=Exact",
              "resourceVersion=0&resourceVersionMatch=Exact", "resourceVersion=1&resourceVersionMatch=Nonsense", "limit=-1",
              "sendInitialEvents=true", "watch=true&sendInitialEvents=true", "watch=true&resourceVersionMatch=NotOlderThan",
              "watch=true&resourceVersion=abc&timeoutSeconds=1"):
    req("GET", CM + "?" + query, names=True)
req("GET", CM + "?labelSelector=l", accept="application/json;as=Table;v=v1;g=meta.k8s.io", rows=True)
req("GET", CM + "/l1", accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
req("GET", CM + "?labelSelector=l=1", accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", names=True)
req("DELETE", CM + "?labelSelector=l=3", names=True)

# --- deletes and finalizers
req("POST", CM, with_meta(obj("v1", "ConfigMap", "fin"), finalizers=["example.com/f"]))
req("DELETE", CM + "/fin")
req("DELETE", CM + "/fin")
req("PATCH", CM + "/fin", {"metadata": {"finalizers": ["example.com/f", "example.com/g"]}}, type=MERGE)
req("PATCH", CM + "/fin", {"metadata": {"finalizers": None}}, type=MERGE)
req("GET", CM + "/fin")
req("POST", CM, obj("v1", "ConfigMap", "pre"))
req("DELETE", CM + "/pre", {"preconditions": {"uid": "wrong"}}, loose=True)
req("DELETE", CM + "/pre", {"preconditions": {"resourceVersion": "1"}}, loose=True)
req("DELETE", CM + "/pre", {"propagationPolicy": "Nonsense"})
req("DELETE", CM + "/pre", {"propagationPolicy": "Orphan", "orphanDependents": True})
req("DELETE", CM + "/pre", {"dryRun": ["Some"]})
req("DELETE", CM + "/pre?gracePeriodSeconds=x")
req("DELETE", CM + "/pre", {"propagationPolicy": "Foreground"})
req("PATCH", CM + "/pre", {"metadata": {"finalizers": None}}, type=MERGE)
req("POST", CM, obj("v1", "ConfigMap", "orp"))
req("DELETE", CM + "/orp", {"propagationPolicy": "Orphan"})
req("PATCH", CM + "/orp", {"metadata": {"finalizers": None}}, type=MERGE)
req("DELETE", "/api/v1/namespaces/default")
req("DELETE", "/api/v1/namespaces/kube-system")

# --- pods
PODS = NS + "/pods"


def pod(name, **spec):
    return obj("v1", "Pod", name, spec={**copy.deepcopy(POD_SPEC), **spec})


def container(**fields):
    return {"containers": [{"name": "c", "image": "busybox:1.36", **fields}]}


req("POST", PODS, pod("p1", automountServiceAccountToken=False))
for i, bad in enumerate((
        {"containers": []}, {"containers": None}, container(name=""), container(name="Bad"), container(image=""),
        container(imagePullPolicy="Sometimes"), container(ports=[{"containerPort": 0}]), container(ports=[{"containerPort": 70000}]),
        container(ports=[{"containerPort": 1, "protocol": "X"}]), container(ports=[{"containerPort": 1, "name": "toolongportname"}]),
        container(env=[{"name": ""}]), container(env=[{"name": "a", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        container(env=[{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "nothing"}}}]),
        container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}), container(resources={"requests": {"cpu": "-1"}}),
        container(resources={"requests": {"cpu": "abc"}}), container(resources={"requests": {"nonsense": "1"}}),
        container(volumeMounts=[{"name": "v", "mountPath": "/x"}]), container(volumeMounts=[{"name": "v"}]),
        container(livenessProbe={}), container(livenessProbe={"exec": {"command": ["a"]}, "httpGet": {"port": 80}}),
        container(livenessProbe={"exec": {"command": ["a"]}, "successThreshold": 2}), container(livenessProbe={"httpGet": {"port": "x!"}}),
        container(lifecycle={"preStop": {}}), container(terminationMessagePolicy="X"),
        {"restartPolicy": "Sometimes"}, {"dnsPolicy": "X"}, {"dnsPolicy": "None"}, {"nodeSelector": {"bad key": "x"}}, {"hostname": "Bad_Host"},
        {"activeDeadlineSeconds": 0}, {"terminationGracePeriodSeconds": -1}, {"serviceAccountName": "none"}, {"priorityClassName": "none"},
        {"runtimeClassName": "none"}, {"tolerations": [{"operator": "X"}]}, {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
        {"volumes": [{"name": "v"}]}, {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]}, {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]},
        {"volumes": [{"name": "v", "hostPath": {}}]}, {"volumes": [{"name": "v", "secret": {}}]}, {"volumes": [{"name": "v", "configMap": {}}]},
        {"containers": [{"name": "c", "image": "b"}, {"name": "c", "image": "b"}]}, {"initContainers": [{"name": "c", "image": "b"}]},
        {"securityContext": {"runAsUser": -1}}, container(securityContext={"privileged": True, "allowPrivilegeEscalation": False}),
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}},
        {"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "X"}]}, {"schedulingGates": [{"name": ""}]},
        {"ephemeralContainers": [{"name": "e", "image": "b"}]}, {"hostAliases": [{"ip": "x"}]}, {"readinessGates": [{"conditionType": "bad key"}]},
        {"overhead": {"cpu": "1"}}, {"preemptionPolicy": "X"}, {"os": {"name": "plan9"}}, container(command="sleep"), {"containers": {"name": "x"}},
        {"replicas": "x"}, container(imagePullPolicy=5), {"hostNetwork": "yes"})):
    req("POST", PODS, pod("bad%d" % i, automountServiceAccountToken=False, **bad))
req("PATCH", PODS + "/p1", {"spec": {"containers": [{"name": "c", "image": "busybox:2"}]}}, type=SMP)
req("PATCH", PODS + "/p1", {"spec": {"nodeName": "n"}}, type=SMP)
req("PATCH", PODS + "/p1", {"spec": {"restartPolicy": "Never"}}, type=SMP)
req("PATCH", PODS + "/p1", {"spec": {"containers": [{"name": "d", "image": "busybox:2"}]}}, type=SMP)
req("PATCH", PODS + "/p1", {"spec": {"activeDeadlineSeconds": 60}}, type=SMP)
req("PATCH", PODS + "/p1", {"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}}, type=SMP)
req("PATCH", PODS + "/p1", {"status": {"phase": "Running"}}, type=SMP)
req("PATCH", PODS + "/p1/status", {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}, type=SMP)
req("PATCH", PODS + "/p1/status", {"spec": {"nodeName": "x"}}, type=SMP)
req("POST", PODS + "/p1/binding", obj("v1", "Binding", "p1"))
req("POST", PODS + "/p1/binding", obj("v1", "Binding", "p1", target={"kind": "Pod", "name": "x"}))
req("POST", PODS + "/p1/binding", obj("v1", "Binding", "p2", target={"kind": "Node", "name": "n1"}))
req("POST", PODS + "/p1/binding", obj("v1", "Binding", "p1", target={"kind": "Node", "name": "n1"}))
req("POST", PODS + "/p1/binding", obj("v1", "Binding", "p1", target={"kind": "Node", "name": "n2"}))
req("GET", PODS + "/p1")
req("POST", PODS + "/none/binding", obj("v1", "Binding", "none", target={"kind": "Node", "name": "n1"}))
req("POST", NS + "/bindings", obj("v1", "Binding", "p1", target={"kind": "Node", "name": "n2"}))
req("GET", PODS + "/p1/ephemeralcontainers")
req("PATCH", PODS + "/p1/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "e", "image": "b"}]}}, type=SMP)
req("PATCH", PODS + "/p1/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "c", "image": "b"}]}}, type=SMP)
req("GET", PODS, accept="application/json;as=Table;v=v1;g=meta.k8s.io", rows=True)
req("GET", PODS + "/p1/log?container=none")
req("GET", PODS + "/none/log")
req("GET", PODS + "/none/exec?command=x")
req("DELETE", PODS + "/p1")
req("GET", PODS + "/p1")
req("DELETE", PODS + "/p1", {"gracePeriodSeconds": 10})
req("POST", PODS + "/p1/eviction", obj("policy/v1", "Eviction", "p1"))
req("DELETE", PODS + "/p1", {"gracePeriodSeconds": 0})
req("GET", PODS + "/p1")
req("POST", PODS + "/none/eviction", obj("policy/v1", "Eviction", "none"))
req("POST", PODS, pod("p2", schedulingGates=[{"name": "example.com/g"}], automountServiceAccountToken=False))
req("GET", PODS + "/p2")
req("POST", PODS + "/p2/binding", obj("v1", "Binding", "p2", target={"kind": "Node", "name": "n1"}))
req("PATCH", PODS + "/p2", {"spec": {"schedulingGates": None}}, type=MERGE)
req("PATCH", PODS + "/p2", {"spec": {"schedulingGates": [{"name": "example.com/h"}]}}, type=MERGE)
req("DELETE", PODS + "/p2")
req("GET", PODS + "/p2")

# --- workloads
DEP = APPS + "/deployments"
BASE = obj("apps/v1", "Deployment", "d", spec={"replicas": 2, "selector": SELECTOR, "template": TEMPLATE})


def changed(**spec):
    o = copy.deepcopy(BASE)
    o["metadata"]["name"] = "bad"
    o["spec"].update(spec)
    return o


req("POST", DEP, BASE)
for bad in ({"replicas": -1}, {"selector": None}, {"selector": {}}, {"selector": {"matchLabels": {"app": "y"}}}, {"template": {}},
            {"strategy": {"type": "X"}}, {"strategy": {"type": "Recreate", "rollingUpdate": {}}},
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}, {"minReadySeconds": -1},
            {"progressDeadlineSeconds": 1, "minReadySeconds": 2}, {"replicas": "x"}, {"revisionHistoryLimit": -1},
            {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {**POD_SPEC, "restartPolicy": "Never"}}}):
    req("POST", DEP, changed(**bad))
req("PATCH", DEP + "/d", {"spec": {"selector": {"matchLabels": {"app": "z"}}}}, type=MERGE)
req("PATCH", DEP + "/d", {"spec": {"replicas": 3}}, type=MERGE)
req("GET", DEP + "/d/scale")
req("PUT", DEP + "/d/scale", obj("autoscaling/v1", "Scale", "d", spec={"replicas": 5}))
req("PATCH", DEP + "/d/scale", {"spec": {"replicas": 1}}, type=MERGE)
req("PATCH", DEP + "/d/scale", {"spec": {"replicas": -1}}, type=MERGE)
req("PUT", DEP + "/d/scale", obj("autoscaling/v1", "Scale", "e", spec={"replicas": 5}))
req("GET", DEP + "/none/scale")
req("PATCH", DEP + "/d/status", {"status": {"replicas": 1, "observedGeneration": 1}}, type=MERGE)
req("GET", DEP, accept="application/json;as=Table;v=v1;g=meta.k8s.io", rows=True)
req("DELETE", DEP + "/d")
req("POST", "/apis/batch/v1/namespaces/diff/jobs", obj("batch/v1", "Job", "bad", spec={"template": {"spec": POD_SPEC}}))
req("POST", "/apis/batch/v1/namespaces/diff/jobs", obj("batch/v1", "Job", "bad", spec={**JOB_SPEC, "parallelism": -1}))
req("POST", "/apis/batch/v1/namespaces/diff/jobs", obj("batch/v1", "Job", "j", spec=JOB_SPEC))
req("PATCH", "/apis/batch/v1/namespaces/diff/jobs/j", {"spec": {"completions": 5}}, type=MERGE)
req("DELETE", "/apis/batch/v1/namespaces/diff/jobs/j")
req("POST", "/apis/batch/v1/namespaces/diff/cronjobs", obj("batch/v1", "CronJob", "bad", spec={"schedule": "nonsense", "jobTemplate": {"spec": JOB_SPEC}}))
req("POST", APPS + "/statefulsets", obj("apps/v1", "StatefulSet", "ss", spec={"serviceName": "s", "selector": SELECTOR, "template": TEMPLATE}))
req("PATCH", APPS + "/statefulsets/ss", {"spec": {"serviceName": "t"}}, type=MERGE)
req("DELETE", APPS + "/statefulsets/ss")

# --- other kinds' rules
req("POST", NS + "/secrets", obj("v1", "Secret", "tls", type="kubernetes.io/tls"))
req("POST", NS + "/secrets", obj("v1", "Secret", "b", data={"a": "not base64!"}))
req("POST", NS + "/secrets", obj("v1", "Secret", "t", type="example.com/x"))
req("PATCH", NS + "/secrets/t", {"type": "example.com/y"}, type=MERGE)
req("POST", NS + "/services", obj("v1", "Service", "bad", spec={"clusterIP": "None"}))
req("POST", NS + "/services", obj("v1", "Service", "bad", spec={"type": "X", "ports": [{"port": 80}]}))
req("POST", NS + "/services", obj("v1", "Service", "bad", spec={"clusterIP": "None", "ports": [{"port": 0}]}))
req("POST", NS + "/services", obj("v1", "Service", "bad", spec={"clusterIP": "None", "ports": [{"port": 80}, {"port": 81}]}))
req("POST", NS + "/services", obj("v1", "Service", "1bad", spec={"clusterIP": "None", "ports": [{"port": 80}]}))
req("POST", NS + "/services", obj("v1", "Service", "ext", spec={"type": "ExternalName", "externalName": "example.com"}))
req("POST", NS + "/persistentvolumeclaims", obj("v1", "PersistentVolumeClaim", "bad", spec={"accessModes": [], "resources": {"requests": {"storage": "1Gi"}}}))
req("POST", NS + "/persistentvolumeclaims", obj("v1", "PersistentVolumeClaim", "bad", spec={"accessModes": ["X"], "resources": {"requests": {"storage": "0"}}}))
req("POST", "/api/v1/persistentvolumes", obj("v1", "PersistentVolume", "bad", None, spec={}))
req("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", obj("rbac.authorization.k8s.io/v1", "ClusterRole", "diff-bad", None, rules=[{"verbs": []}]))
req("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/diff/rolebindings", obj("rbac.authorization.k8s.io/v1", "RoleBinding", "bad", roleRef={"kind": "X", "name": ""}))
req("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/diff/rolebindings", obj("rbac.authorization.k8s.io/v1", "RoleBinding", "rb", roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}))
req("PATCH", "/apis/rbac.authorization.k8s.io/v1/namespaces/diff/rolebindings/rb", {"roleRef": {"name": "edit"}}, type=MERGE)
req("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", obj("scheduling.k8s.io/v1", "PriorityClass", "system-x", None, value=1))
req("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", obj("scheduling.k8s.io/v1", "PriorityClass", "diff-big", None, value=2000000000))
req("POST", "/apis/node.k8s.io/v1/runtimeclasses", obj("node.k8s.io/v1", "RuntimeClass", "diff-bad", None, handler="Bad!"))
req("POST", "/apis/networking.k8s.io/v1/namespaces/diff/ingresses", obj("networking.k8s.io/v1", "Ingress", "bad", spec={}))
req("POST", "/apis/policy/v1/namespaces/diff/poddisruptionbudgets", obj("policy/v1", "PodDisruptionBudget", "bad", spec={"minAvailable": 1, "maxUnavailable": 1}))
req("POST", "/apis/coordination.k8s.io/v1/namespaces/diff/leases", obj("coordination.k8s.io/v1", "Lease", "bad", spec={"leaseDurationSeconds": 0}))
req("PUT", "/apis/coordination.k8s.io/v1/namespaces/diff/leases/fresh", obj("coordination.k8s.io/v1", "Lease", "fresh", spec={"holderIdentity": "x"}))
req("PUT", "/apis/coordination.k8s.io/v1/namespaces/diff/leases/fresh", obj("coordination.k8s.io/v1", "Lease", "fresh", spec={"holderIdentity": "y"}))
req("POST", "/api/v1/nodes", obj("v1", "Node", "diff-bad", None, spec={"taints": [{"key": "a", "effect": "X"}]}))
req("POST", "/api/v1/nodes", obj("v1", "Node", "diff-n", None, status={"capacity": {"cpu": "1"}, "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}))
req("PATCH", "/api/v1/nodes/diff-n", {"spec": {"unschedulable": True}}, type=SMP)
req("PATCH", "/api/v1/nodes/diff-n/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, type=SMP)
req("PATCH", "/api/v1/nodes/diff-n/status", {"status": {"conditions": [{"type": "DiskPressure", "status": "False"}]}}, type=SMP)
req("GET", "/api/v1/nodes/diff-n", accept="application/json;as=Table;v=v1;g=meta.k8s.io", rows=True)
req("DELETE", "/api/v1/nodes/diff-n")

# --- reviews, tokens, users
AUTHZ = "/apis/authorization.k8s.io/v1"
AUTHN = "/apis/authentication.k8s.io/v1"


def review(kind, **spec):
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


req("POST", AUTHZ + "/selfsubjectaccessreviews", review("SelfSubjectAccessReview", resourceAttributes={"verb": "get", "resource": "pods"}), only=["status.allowed"])
req("POST", AUTHZ + "/selfsubjectaccessreviews", review("SelfSubjectAccessReview"))
req("POST", AUTHZ + "/subjectaccessreviews", review("SubjectAccessReview", user="jane", resourceAttributes={"verb": "get", "resource": "pods", "namespace": "diff"}))
req("POST", AUTHZ + "/subjectaccessreviews", review("SubjectAccessReview", user="jane", nonResourceAttributes={"verb": "get", "path": "/healthz"}), only=["status.allowed"])
req("POST", AUTHZ + "/subjectaccessreviews", review("SubjectAccessReview", resourceAttributes={"verb": "get", "resource": "pods"}))
req("POST", AUTHZ + "/subjectaccessreviews", review("SubjectAccessReview", user="system:kube-scheduler", resourceAttributes={"verb": "create", "resource": "pods", "subresource": "binding", "namespace": "diff"}), only=["status.allowed"])
req("POST", AUTHZ + "/namespaces/diff/localsubjectaccessreviews", {**review("LocalSubjectAccessReview", user="jane", resourceAttributes={"verb": "get", "resource": "pods", "namespace": "other"}), "metadata": {"namespace": "diff"}})
req("POST", AUTHN + "/tokenreviews", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {}})
req("POST", AUTHN + "/tokenreviews", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "x"}}, only=["status.authenticated"])
req("POST", NS + "/serviceaccounts/default/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 10}})
req("POST", NS + "/serviceaccounts/none/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
req("GET", PODS, user="jane")
req("GET", "/api/v1/nodes", user="jane")
req("GET", "/api/v1/nodes/x", user="jane")
req("DELETE", "/api/v1/namespaces/diff", user="jane")
req("POST", DEP, BASE, user="jane")
req("GET", DEP + "/d/scale", user="jane")
req("GET", "/metrics", user="jane")
req("GET", "/apis", user="jane", skip_body=True)
req("GET", "/api/v1/nodes/x", user="system:serviceaccount:diff:default")
req("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/diff/rolebindings", obj("rbac.authorization.k8s.io/v1", "RoleBinding", "jane-admin", roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}, subjects=[{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}]))

# --- groups of facts
for path in ("/api", "/apis/apps", "/apis/batch/v1", "/api/v1", "/apis/autoscaling", "/apis/policy/v1"):
    req("GET", path, discovery=True)
req("GET", "/healthz")
req("GET", "/livez")
req("GET", "/readyz")
req("GET", "/healthz/nothing")
