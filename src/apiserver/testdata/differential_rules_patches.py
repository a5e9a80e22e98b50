"""The second list: strategic merge patches and server-side apply of lists."""
from differential_rules import *

# --- strategic merge patches of lists
req(
    "POST", DEP,
    merged(
        dep,
        {
            "metadata": {"name": "smp"},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "c", "image": "a",
                                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                                "ports": [
                                    {"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}],
                                "args": ["a", "b"]},
                            {"name": "d", "image": "b"}],
                        "volumes": [{"name": "v", "emptyDir": {}}],
                        "tolerations": [{"key": "a", "operator": "Exists"}]}}}}),
    quiet=True)
def tpl(**spec):
    return {"spec": {"template": {"spec": spec}}}
SPEC = ["spec.template.spec"]
for p in (
    tpl(containers=[{"name": "c", "env": [{"name": "B", "$patch": "delete"}]}]),
    tpl(containers=[{"name": "c", "env": [{"name": "C", "value": "3"}]}]),
    tpl(
        **{
            "$setElementOrder/containers": [{"name": "d"}, {"name": "c"}], "containers": [{"name": "d", "image": "z"}]}),
    tpl(containers=[{"name": "e", "image": "n"}]), tpl(containers=[{"name": "e", "$patch": "delete"}]),
    tpl(containers=[{"image": "noname"}]), tpl(containers=[{"$patch": "replace"}, {"name": "only", "image": "x"}]),
    tpl(volumes=[{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/h"}}]),
    tpl(volumes=[{"name": "v", "configMap": {"name": "c"}}]), tpl(tolerations=[{"key": "b", "operator": "Exists"}]),
    tpl(containers=[{"name": "only", "args": ["q"]}]),
    tpl(containers=[{"name": "only", "ports": [{"containerPort": 80, "protocol": "UDP", "name": "x"}]}]),
    {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
    {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3}}}},
    {"spec": {"template": {"$patch": "delete"}}}, {"$patch": "replace", "spec": {}}, tpl(nonsense=[{"name": "x"}]),
    tpl(**{"$deleteFromPrimitiveList/nodeSelector": ["x"]}), tpl(imagePullSecrets=[{"name": "a"}, {"name": "b"}]),
    tpl(
        **{
            "$setElementOrder/imagePullSecrets": [{"name": "b"}, {"name": "a"}, {"name": "c"}],
            "imagePullSecrets": [{"name": "c"}]}),
    tpl(imagePullSecrets=None)):
    req("PATCH", DEP + "/smp", p, type=SMP, only=SPEC)
req("PATCH", DEP + "/smp?fieldValidation=Strict", tpl(nonsense=1), type=SMP)
req("PATCH", DEP + "/smp?fieldValidation=Warn", tpl(nonsense=1), type=MERGE, only=SPEC)
req("POST", NS + "/configmaps", meta(obj("v1", "ConfigMap", "fz"), finalizers=["a.b/c", "a.b/d"]), quiet=True)
req(
    "PATCH", NS + "/configmaps/fz", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}}, type=SMP,
    only=["metadata.finalizers"])
req(
    "PATCH", NS + "/configmaps/fz",
    {"metadata": {"$setElementOrder/finalizers": ["a.b/e", "a.b/d"], "finalizers": ["a.b/e"]}}, type=SMP,
    only=["metadata.finalizers"])
req("PATCH", NS + "/configmaps/fz", {"metadata": {"finalizers": []}}, type=MERGE, only=["metadata.finalizers"])
req(
    "PATCH", NS + "/configmaps/fz",
    [{"op": "add", "path": "/data", "value": {}}, {"op": "add", "path": "/data/a~1b", "value": "x"}], type=JSON_PATCH)
req("PATCH", NS + "/configmaps/fz", [{"op": "add", "path": "/metadata/labels/x", "value": "y"}], type=JSON_PATCH)
req("PATCH", NS + "/configmaps/fz", [{"op": "copy", "from": "/metadata/name", "path": "/data"}], type=JSON_PATCH)
req("PATCH", NS + "/configmaps/fz", [{"op": "move", "from": "/none", "path": "/data"}], type=JSON_PATCH)
req("PATCH", NS + "/configmaps/fz", [{"op": "replace", "path": "/none/x", "value": 1}], type=JSON_PATCH)
req("PATCH", NS + "/configmaps/fz", [{"op": "add", "path": "data", "value": 1}], type=JSON_PATCH)
req("PATCH", NS + "/configmaps/fz", [{"path": "/data"}], type=JSON_PATCH)
req("PATCH", NS + "/configmaps/fz", [], type=JSON_PATCH, only=["metadata.name"])

# --- server-side apply of lists
def ssa(name, spec, **q):
    return obj("apps/v1", "Deployment", name, spec=spec)
base = {
    "selector": SELECTOR,
    "template": {
        "metadata": {"labels": {"app": "x"}},
        "spec": {
            "containers": [
                {"name": "c", "image": "a", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}]}}}
req("PATCH", DEP + "/ssa?fieldManager=one", ssa("ssa", base), type=APPLY)
req(
    "PATCH", DEP + "/ssa?fieldManager=two",
    ssa("ssa", {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "2"}]}]}}}),
    type=APPLY)
req(
    "PATCH", DEP + "/ssa?fieldManager=two",
    ssa(
        "ssa",
        {"template": {"spec": {"containers": [{"name": "c", "image": "b", "env": [{"name": "A", "value": "2"}]}]}}}),
    type=APPLY)
req("PATCH", DEP + "/ssa?fieldManager=three", ssa("ssa", {"replicas": 5}), type=APPLY, only=["spec.replicas"])
req("PATCH", DEP + "/ssa", {"spec": {"replicas": 7}}, type=MERGE, only=["spec.replicas"])
req("PATCH", DEP + "/ssa?fieldManager=three", ssa("ssa", {"replicas": 6}), type=APPLY)
req("PATCH", DEP + "/ssa?fieldManager=three&force=true", ssa("ssa", {"replicas": 6}), type=APPLY)
req(
    "PATCH", DEP + "/ssa?fieldManager=one",
    ssa(
        "ssa",
        {
            **base,
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "a"}]}}}),
    type=APPLY)
req("PATCH", DEP + "/ssa?fieldManager=two", ssa("ssa", {}), type=APPLY)
req(
    "PATCH", DEP + "/ssa?fieldManager=bad", ssa("ssa", {"template": {"spec": {"containers": [{"image": "x"}]}}}),
    type=APPLY)
req(
    "PATCH", DEP + "/ssa?fieldManager=bad",
    ssa("ssa", {"template": {"spec": {"containers": [{"name": "x", "image": "x"}, {"name": "x", "image": "y"}]}}}),
    type=APPLY)
req(
    "PATCH", DEP + "/ssa?fieldManager=bad&dryRun=All", ssa("ssa", {"template": {"spec": {"containers": "x"}}}),
    type=APPLY)
req(
    "PATCH", DEP + "/ssa/status?fieldManager=st", obj("apps/v1", "Deployment", "ssa", status={"replicas": 1}),
    type=APPLY)
req(
    "PATCH", DEP + "/ssa/scale?fieldManager=sc", obj("autoscaling/v1", "Scale", "ssa", spec={"replicas": 6}),
    type=APPLY)
req("GET", DEP + "/ssa")
req("PATCH", DEP + "/ssa", {"metadata": {"managedFields": []}}, type=MERGE, only=["metadata.managedFields"])
req(
    "PATCH", SVC + "/ssa?fieldManager=one",
    obj(
        "v1", "Service", "ssa",
        spec={
            "clusterIP": "None", "ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b", "protocol": "UDP"}]}),
    type=APPLY)
req(
    "PATCH", SVC + "/ssa?fieldManager=two", obj("v1", "Service", "ssa", spec={"ports": [{"port": 81, "name": "c"}]}),
    type=APPLY)
req(
    "PATCH", SVC + "/ssa?fieldManager=one",
    obj("v1", "Service", "ssa", spec={"clusterIP": "None", "ports": [{"port": 80, "name": "a"}]}), type=APPLY)
req(
    "PATCH", "/api/v1/nodes/rules-n?fieldManager=one",
    obj("v1", "Node", "rules-n", None, spec={"taints": [{"key": "a", "effect": "NoSchedule"}]}), type=APPLY)
req(
    "PATCH", "/api/v1/nodes/rules-n?fieldManager=two",
    obj("v1", "Node", "rules-n", None, spec={"taints": [{"key": "b", "effect": "NoSchedule"}]}, metadata2={}),
    type=APPLY)
req(
    "PATCH", "/api/v1/nodes/rules-n/status?fieldManager=two",
    obj("v1", "Node", "rules-n", None, status={"conditions": [{"type": "Ready", "status": "True"}]}), type=APPLY)
req("GET", "/api/v1/nodes/rules-n", accept=TABLE, rows=True)
req("PATCH", "/api/v1/nodes/rules-n", {"spec": {"podCIDR": "10.0.0.0/24"}}, type=MERGE)
req("PATCH", "/api/v1/nodes/rules-n", {"spec": {"podCIDR": "10.0.1.0/24"}}, type=MERGE)
req("PATCH", "/api/v1/nodes/rules-n", {"spec": {"providerID": "a"}}, type=MERGE, only=["spec.providerID"])
req("PATCH", "/api/v1/nodes/rules-n", {"spec": {"providerID": "b"}}, type=MERGE)
req(
    "PATCH", "/api/v1/nodes/rules-n",
    {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}]}}, type=MERGE)
req("PATCH", "/api/v1/nodes/rules-n/status", {"status": {"capacity": {"cpu": "x"}}}, type=MERGE)
req("DELETE", "/api/v1/nodes/rules-n", skip_body=True)
