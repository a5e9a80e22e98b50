"""What the lists of differential_rules_*.py are written with: they go on after one another, in the order of PARTS."""
import copy
import importlib
import json
REQUESTS = []
NS = "/api/v1/namespaces/rules"
APPS = "/apis/apps/v1/namespaces/rules"
BATCH = "/apis/batch/v1/namespaces/rules"
NET = "/apis/networking.k8s.io/v1/namespaces/rules"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
SMP = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

def req(method, path, body=None, **extras):
    REQUESTS.append((method, path, body, extras))

def obj(api_version, kind, name, ns="rules", **rest):
    meta = {"name": name}
    if ns:
        meta["namespace"] = ns
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}

def meta(o, **m):
    o = copy.deepcopy(o); o["metadata"].update(m); return o

def merged(base, extra):
    out = copy.deepcopy(base)
    for k, v in extra.items():
        if isinstance(v, dict) and isinstance(out.get(k), dict) and v:
            out[k] = merged(out[k], v)
        else:
            out[k] = copy.deepcopy(v)
    return out

def cases(path, base, bads, field="spec"):
    for i, bad in enumerate(bads):
        o = copy.deepcopy(base); o["metadata"]["name"] = "bad%d" % i
        if field:
            o[field] = merged(o.get(field, {}), bad)
        else:
            o = merged(o, bad)
        req("POST", path, o)

def changes(path, base, patches, type=MERGE, keep=False):
    """Makes the object, tries to change it, removes it."""
    req("POST", path, base)
    name = base["metadata"]["name"]
    for p in patches:
        req("PATCH", path + "/" + name, p, type=type)
    if not keep:
        req("DELETE", path + "/" + name, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}, skip_body=True)

POD_SPEC = {"containers": [{"name": "c", "image": "busybox:1.36"}]}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": POD_SPEC}
SELECTOR = {"matchLabels": {"app": "x"}}
PODS, SVC = NS + "/pods", NS + "/services"
RS, DS, SS, DEP = (APPS + "/" + kind for kind in ("replicasets", "daemonsets", "statefulsets", "deployments"))
RC = NS + "/replicationcontrollers"
dep = obj("apps/v1", "Deployment", "dep", spec={"replicas": 1, "selector": SELECTOR, "template": TEMPLATE})


def pod(name, **spec):
    return obj("v1", "Pod", name, spec={**copy.deepcopy(POD_SPEC), "automountServiceAccountToken": False, **spec})


def con(**f):
    return {"containers": [{"name": "c", "image": "busybox:1.36", **f}]}


req("POST", "/api/v1/namespaces", obj("v1", "Namespace", "rules", None))
req("POST", NS + "/serviceaccounts", obj("v1", "ServiceAccount", "default"), quiet=True)

PARTS = ["services", "storage", "workloads", "network", "policies", "access", "pods", "patches", "custom", "rest"]


def load():
    """All requests, in order."""
    for part in PARTS:
        importlib.import_module("differential_rules_" + part)
    return REQUESTS
