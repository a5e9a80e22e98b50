"""The second list: RBAC and reviews."""
from differential_rules import *

# --- RBAC
ROLES, CR, RB, CRB = RBAC + "/namespaces/rules/roles", RBAC + "/clusterroles", RBAC + "/namespaces/rules/rolebindings", RBAC + "/clusterrolebindings"
for i, rule in enumerate(
    (
        {"verbs": ["get"]}, {"verbs": ["get"], "apiGroups": [""], "resources": []},
        {"verbs": ["get"], "nonResourceURLs": ["/x"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "nonResourceURLs": ["/x"]},
        {"verbs": ["get"], "resources": ["pods"]})):
    req("POST", ROLES, obj("rbac.authorization.k8s.io/v1", "Role", "bad%d" % i, rules=[rule]))
    req(
        "POST", CR, obj("rbac.authorization.k8s.io/v1", "ClusterRole", "rules-bad%d" % i, None, rules=[rule])); req("DELETE", CR + "/rules-bad%d" % i, skip_body=True)
req(
    "POST", CR,
    obj(
        "rbac.authorization.k8s.io/v1", "ClusterRole", "rules-agg", None, aggregationRule={"clusterRoleSelectors": []}))
req(
    "POST", CR,
    obj(
        "rbac.authorization.k8s.io/v1", "ClusterRole", "rules-agg", None,
        aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, rules=[]))
req("DELETE", CR + "/rules-agg", skip_body=True)
for i, (ref, subjects) in enumerate(
    (
        ({"apiGroup": "x", "kind": "Role", "name": "a"}, []),
        ({"kind": "Role", "name": "a"}, [{"kind": "X", "name": "a"}]),
        ({"kind": "Role", "name": "a"}, [{"kind": "User", "name": ""}]),
        ({"kind": "Role", "name": "a"}, [{"kind": "ServiceAccount", "name": "a"}]),
        ({"kind": "Role", "name": "a"}, [{"kind": "ServiceAccount", "name": "Bad_", "namespace": "x"}]),
        ({"kind": "Role", "name": "a"}, [{"kind": "User", "name": "a", "apiGroup": "x"}]),
        ({"kind": "Role", "name": "a/b"}, []), ({"kind": "Role", "name": "a"}, [{"kind": "Group", "name": "g"}]))):
    req("POST", RB, obj("rbac.authorization.k8s.io/v1", "RoleBinding", "bad%d" % i, roleRef=ref, subjects=subjects))
    req(
        "POST", CRB,
        obj(
            "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "rules-bad%d" % i, None, roleRef=ref,
            subjects=subjects))
req("GET", RB, accept=TABLE, rows=True)
req("GET", CRB + "/system:node", accept=TABLE, rows=True)
# The aggregated roles are empty in a server without controllers: joe gets one of his own.
req(
    "POST", CR,
    obj(
        "rbac.authorization.k8s.io/v1", "ClusterRole", "rules-delegate", None,
        rules=[
            {
                "verbs": ["get", "list", "create", "update", "patch", "delete"],
                "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]},
            {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods", "secrets"]},
            {"verbs": ["list"], "apiGroups": ["apps"], "resources": ["deployments"]}]))
req(
    "POST", CRB,
    obj(
        "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "rules-joe", None,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "rules-delegate"},
        subjects=[{"kind": "User", "name": "joe"}]),
    pause=2)
req(
    "POST", ROLES,
    obj(
        "rbac.authorization.k8s.io/v1", "Role", "joe1",
        rules=[{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
    user="joe", only=["rules"])
req(
    "POST", ROLES,
    obj(
        "rbac.authorization.k8s.io/v1", "Role", "joe2",
        rules=[{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]),
    user="joe")
req(
    "POST", ROLES,
    obj(
        "rbac.authorization.k8s.io/v1", "Role", "joe3",
        rules=[
            {"verbs": ["get", "watch"], "apiGroups": ["x.io"], "resources": ["a", "b"]},
            {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"], "resourceNames": ["n"]}]),
    user="joe")
req(
    "PATCH", ROLES + "/joe1", {"rules": [{"verbs": ["bind"], "apiGroups": ["x.io"], "resources": ["roles"]}]},
    user="joe", type=MERGE)
req(
    "POST", RB,
    obj(
        "rbac.authorization.k8s.io/v1", "RoleBinding", "joe4",
        roleRef={"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"},
        subjects=[{"kind": "User", "name": "joe"}]),
    user="joe")
req(
    "POST", RB,
    obj(
        "rbac.authorization.k8s.io/v1", "RoleBinding", "joe5",
        roleRef={"kind": "ClusterRole", "name": "none", "apiGroup": "rbac.authorization.k8s.io"}, subjects=[]),
    user="joe")
req(
    "POST", RB,
    obj(
        "rbac.authorization.k8s.io/v1", "RoleBinding", "joe6",
        roleRef={"kind": "ClusterRole", "name": "rules-delegate", "apiGroup": "rbac.authorization.k8s.io"},
        subjects=[{"kind": "User", "name": "x"}]),
    user="joe", only=["roleRef", "subjects"])
req("POST", CR, obj("rbac.authorization.k8s.io/v1", "ClusterRole", "rules-joe2", None, rules=[]), user="joe")
req("GET", NS + "/secrets", user="joe", names=True)
req("DELETE", NS, user="joe", dry=True)
req(
    "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": ""}})
req(
    "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "rules"}},
    user="nobody-special")
req(
    "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, user="jack")
req(
    "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {
            "user": "joe", "groups": ["a"],
            "resourceAttributes": {"verb": "list", "group": "apps", "resource": "deployments", "namespace": "rules"}}})
req(
    "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": "joe", "resourceAttributes": {"verb": "list"}, "nonResourceAttributes": {"path": "/"}}})
req("DELETE", CRB + "/rules-joe", skip_body=True)
req("DELETE", CR + "/rules-delegate", skip_body=True)
req("GET", NS + "/pods", user="system:node:n1")
req("GET", "/api/v1/nodes/n1", user="system:node:n1")
