"""The second list: certificates, events, admission, namespaces, subresources, deletions."""
from differential_rules import *

# --- certificates, events, admission, volumes of the cluster
CSR = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
for i, spec in enumerate(
    (
        {"request": "eA==", "signerName": "a.b/c", "usages": ["client auth"]}, {"signerName": "a.b/c", "usages": []},
        {"request": "eA==", "signerName": "bad", "usages": ["x"]}, {"request": "eA==", "usages": ["client auth"]})):
    req("POST", CSR, obj("certificates.k8s.io/v1", "CertificateSigningRequest", "rules-csr%d" % i, None, spec=spec))
EV, EVN = NS + "/events", "/apis/events.k8s.io/v1/namespaces/rules/events"
req(
    "POST", EV,
    obj("v1", "Event", "e1", involvedObject={"kind": "Pod", "name": "p", "namespace": "other"}, reason="R"))
req(
    "POST", EV,
    obj(
        "v1", "Event", "e2", involvedObject={"kind": "Node", "name": "p"}, reason="R", type="X", count=3,
        firstTimestamp="2026-01-02T03:04:05Z", lastTimestamp="2026-01-02T03:04:05Z",
        source={"component": "c", "host": "h"}, message="m"))
req(
    "POST", EVN,
    obj("events.k8s.io/v1", "Event", "e3", regarding={"kind": "Pod", "name": "p", "namespace": "rules"}, reason="R"))
req(
    "POST", EVN,
    obj(
        "events.k8s.io/v1", "Event", "e4", eventTime="2026-01-02T03:04:05.000006Z", action="", reason="", type="X",
        regarding={"kind": "Pod", "name": "p", "namespace": "rules"}, reportingController="bad key",
        reportingInstance="", note="x" * 1025))
req(
    "POST", EVN,
    obj(
        "events.k8s.io/v1", "Event", "e5", eventTime="2026-01-02T03:04:05.000006Z", action="A", reason="R",
        type="Normal", regarding={"kind": "Pod", "name": "p", "namespace": "rules"}, reportingController="a.b/c",
        reportingInstance="i", series={"count": 1, "lastObservedTime": "2026-01-02T03:04:05.000006Z"}))
req("GET", EV + "?fieldSelector=involvedObject.kind=Node,type=X,reason=R", names=True)
req("GET", EV + "?fieldSelector=reportingComponent=c,source=c", names=True)
req("GET", EV + "/e2", accept=TABLE, rows=True)
req("GET", EVN + "/e2")
WH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
hook = {
    "name": "a.b.c", "clientConfig": {"url": "https://127.0.0.1:9"}, "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "rules": [{"operations": ["CREATE"], "apiGroups": ["none.io"], "apiVersions": ["*"], "resources": ["x"]}]}
for i, h in enumerate(
    (
        {}, {"name": "bad"}, {"sideEffects": "Some"}, {"sideEffects": None}, {"admissionReviewVersions": []},
        {"admissionReviewVersions": ["v9"]}, {"clientConfig": {}}, {"clientConfig": {"url": "http://a"}},
        {"clientConfig": {"url": "https://a", "service": {"name": "a", "namespace": "b"}}}, {"timeoutSeconds": 31},
        {"failurePolicy": "X"}, {"matchPolicy": "X"},
        {"rules": [{"operations": ["X"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["x"]}]},
        {
            "rules": [
                {"operations": ["*", "CREATE"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*", "pods"]}]},
        {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "X"}]}},
        {"clientConfig": {"service": {"name": "", "namespace": "", "port": 0, "path": "x"}}})):
    one = copy.deepcopy(hook); one.update(h)
    req(
        "POST", WH + "?dryRun=All",
        obj(
            "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "rules-wh%d" % i, None,
            webhooks=[one]))
req(
    "POST", WH + "?dryRun=All",
    obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "rules-wh", None, webhooks=[hook, hook]))
req(
    "POST", "/apis/apiregistration.k8s.io/v1/apiservices",
    obj(
        "apiregistration.k8s.io/v1", "APIService", "v1.bad", None,
        spec={"group": "x.io", "version": "v1", "groupPriorityMinimum": 0, "versionPriority": 0}))
req("GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps", accept=TABLE, rows=True)
req(
    "POST", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas?dryRun=All",
    obj(
        "flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "rules-fs", None,
        spec={"priorityLevelConfiguration": {"name": ""}, "matchingPrecedence": 0}))

# --- namespaces, finalize, subresources, deletions
req("POST", "/api/v1/namespaces", obj("v1", "Namespace", "rules2", None, spec={"finalizers": ["x"]}))
req("PATCH", NS, {"metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}}, type=MERGE, only=["metadata.labels"])
req("PATCH", NS + "/status", {"status": {"phase": "X"}}, type=MERGE)
req("GET", NS, accept=TABLE, rows=True)
req(
    "POST", NS + "/configmaps",
    meta(
        obj("v1", "ConfigMap", "ow"),
        ownerReferences=[
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "fz", "uid": "x", "blockOwnerDeletion": True}]))
req(
    "POST", NS + "/configmaps",
    meta(
        obj("v1", "ConfigMap", "ow2"), ownerReferences=[{"apiVersion": "bad/v1/x", "kind": "", "name": "", "uid": ""}]))
req("POST", NS + "/configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "Bad_"}})
req(
    "POST", NS + "/configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "g" * 250}},
    only=["kind"])
req("DELETE", NS + "/configmaps/fz?propagationPolicy=Foreground&dryRun=All", skip_body=True)
req("DELETE", NS + "/configmaps/fz", {"apiVersion": "v1", "kind": "ConfigMap"})
req("DELETE", NS + "/configmaps/fz", {"kind": "DeleteOptions", "apiVersion": "v1", "nonsense": 1})
req("DELETE", NS + "/configmaps?labelSelector=bad%20key", {})
req("DELETE", NS + "/configmaps?limit=1", {}, names=True)
req("GET", "/api/v1/componentstatuses", only=["kind"])
req("GET", "/api/v1/watch/namespaces/rules/pods?timeoutSeconds=1", skip_body=True)
req("GET", NS + "/pods?watch=1&timeoutSeconds=1&fieldSelector=bad", names=True)
req("HEAD", NS + "/pods", skip_body=True)
req("OPTIONS", NS + "/pods", skip_body=True)
req("GET", "/openapi/v3/apis/none/v1", skip_body=True)
req("GET", "/.well-known/openid-configuration", skip_body=True)
req("GET", "/logs", skip_body=True)
req("GET", "/debug/pprof", skip_body=True)
req("GET", "/apis/apps/v1/namespaces/rules/deployments/none/nonsense")
req("GET", NS + "/pods/none/portforward")
req("GET", NS + "/services/none/proxy/")
req("GET", NS + "/services/http:none:80/proxy/x")
req("POST", NS + "/pods/none/attach")
req("GET", "/api/v1/nodes/none/proxy/healthz")
req("PUT", NS + "/finalize", obj("v1", "Namespace", "other", None))
