"""The second list: definitions and custom objects."""
from differential_rules import *

# --- custom resources
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
def crd(plural="widgets", kind="Widget", schema=None, **spec):
    version = {
        "name": "v1", "served": True, "storage": True,
        "schema": {"openAPIV3Schema": schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}
    version.update(spec.pop("version", {}))
    return obj(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", plural + ".rules.example.com", None,
        spec={
            "group": "rules.example.com", "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": [version], **spec})
def schema(**props):
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": props}}}
for i, bad in enumerate(
    (
        crd(names={"plural": "widgets", "kind": ""}), crd(names={"plural": "Widgets", "kind": "Widget"}),
        crd(names={"plural": "gadgets", "kind": "Widget"}), crd(group="x"), crd(scope="X"), crd(versions=[]),
        crd(version={"storage": False}), crd(version={"served": False}), crd(version={"schema": None}),
        crd(version={"name": "Bad_"}), crd(schema={"type": "object", "properties": {"spec": {}}}),
        crd(schema={"type": "string"}), crd(schema=schema(a={"type": "array"})), crd(schema=schema(a={"type": "x"})),
        crd(schema=schema(a={"type": "string", "default": 5})),
        crd(
            schema=schema(
                a={
                    "type": "object", "additionalProperties": {"type": "string"},
                    "properties": {"b": {"type": "string"}}})),
        crd(schema=schema(a={"type": "string", "pattern": "("})), crd(schema=schema(a={"$ref": "x"})),
        crd(
            schema=schema(
                a={
                    "type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}},
                    "x-kubernetes-list-type": "map"})),
        crd(
            schema=schema(
                a={
                    "type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}},
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]})),
        crd(schema=schema(a={"type": "integer", "x-kubernetes-int-or-string": True})),
        crd(
            schema={
                "type": "object",
                "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}}),
        crd(version={"additionalPrinterColumns": [{"name": "", "type": "x", "jsonPath": "a"}]}),
        crd(version={"subresources": {"scale": {"specReplicasPath": "x", "statusReplicasPath": ".status.r"}}}),
        crd(version={"selectableFields": [{"jsonPath": ".metadata.name"}]}), crd(preserveUnknownFields=True),
        crd(conversion={"strategy": "Webhook"}), crd(conversion={"strategy": "X"}),
        crd(schema=schema(a={"type": "string", "enum": []})), crd(schema=schema(a={"anyOf": [{"type": "string"}]})),
        crd(schema=schema(a={"type": "string", "maxLength": -1})),
        crd(schema=schema(a={"type": "string", "format": "nonsense"})),
        crd(names={"plural": "widgets", "kind": "Widget", "shortNames": ["W"]}),
        crd(names={"plural": "widgets", "kind": "Widget", "categories": ["Bad_"]}))):
    req("POST", CRD + "?dryRun=All", bad)
good = crd(
    schema={
        "type": "object", "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object", "required": ["size"],
                "properties": {
                    "size": {"type": "integer", "minimum": 1, "maximum": 10},
                    "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                    "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5, "minLength": 2},
                    "tags": {
                        "type": "array", "items": {"type": "string"}, "maxItems": 2, "x-kubernetes-list-type": "set"},
                    "parts": {
                        "type": "array",
                        "items": {
                            "type": "object", "required": ["id"],
                            "properties": {"id": {"type": "string"}, "n": {"type": "integer"}}},
                        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]},
                    "port": {"x-kubernetes-int-or-string": True}, "ratio": {"type": "number", "multipleOf": 0.5},
                    "when": {"type": "string", "format": "date-time"},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
                    "maybe": {"type": "string", "nullable": True},
                    "tmpl": {
                        "type": "object", "x-kubernetes-embedded-resource": True,
                        "x-kubernetes-preserve-unknown-fields": True}}},
            "status": {
                "type": "object", "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}}}}},
    version={
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector"}},
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
            {"name": "Tags", "type": "string", "jsonPath": ".spec.tags[*]"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}],
        "selectableFields": [{"jsonPath": ".spec.color"}]})
req("POST", CRD, good, pause=4)
W = "/apis/rules.example.com/v1/namespaces/rules/widgets"
def widget(widget_name, **spec):
    return obj("rules.example.com/v1", "Widget", widget_name, spec=spec)
req("GET", W)
for i, spec in enumerate(
    (
        {"size": 1}, {}, {"size": 0}, {"size": 11}, {"size": "x"}, {"size": 1.5}, {"size": 1, "color": "green"},
        {"size": 1, "name": "A"}, {"size": 1, "name": "toolong"}, {"size": 1, "tags": ["a", "a"]},
        {"size": 1, "tags": ["a", "b", "c"]}, {"size": 1, "parts": [{"id": "a"}, {"id": "a"}]},
        {"size": 1, "parts": [{"n": 1}]}, {"size": 1, "port": "http"}, {"size": 1, "port": True},
        {"size": 1, "ratio": 0.7}, {"size": 1, "when": "nonsense"}, {"size": 1, "free": {"a": {"b": 1}}},
        {"size": 1, "map": {"a": "x"}}, {"size": 1, "map": {"a": 1, "b": 2, "c": 3}},
        {"size": 1, "maybe": None, "color": None}, {"size": 1, "tmpl": {}},
        {"size": 1, "tmpl": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "x": "y"}, "q": 1}},
        {"size": 1, "unknown": 1}, {"size": 1, "tags": "x", "map": [], "name": 5})):
    req("POST", W, widget("w%d" % i, **spec))
req("POST", W + "?fieldValidation=Strict", widget("strict", size=1, unknown=1))
req("POST", W, obj("rules.example.com/v1", "Widget", "nospec"))
req("POST", W, meta(widget("fin", size=1), finalizers=["nodomain"]))
req("POST", W, {"apiVersion": "rules.example.com/v1", "kind": "Wrong", "metadata": {"name": "q"}})
req("GET", W, accept=TABLE, rows=True)
req("GET", W + "?fieldSelector=spec.color=red", names=True)
req("GET", W + "?fieldSelector=spec.size=1", names=True)
req("PATCH", W + "/w0", {"spec": {"size": 3}}, type=MERGE)
req("PATCH", W + "/w0", {"status": {"replicas": 3}}, type=MERGE)
req("PATCH", W + "/w0/status", {"status": {"replicas": 3, "selector": "a=b"}, "spec": {"size": 9}}, type=MERGE)
req("PATCH", W + "/w0/status", {"status": {"replicas": "x"}}, type=MERGE)
req("PATCH", W + "/w0", {"spec": {"size": 3}}, type=SMP)
req("GET", W + "/w0/scale")
req("PUT", W + "/w0/scale", obj("autoscaling/v1", "Scale", "w0", spec={"replicas": 5}))
req("PATCH", W + "/w0/scale", {"spec": {"replicas": 50}}, type=MERGE)
req("PATCH", W + "/w0?fieldManager=one", widget("w0", size=4, parts=[{"id": "a", "n": 1}]), type=APPLY)
req("PATCH", W + "/w0?fieldManager=one&force=true", widget("w0", size=4, parts=[{"id": "a", "n": 1}]), type=APPLY)
req("PATCH", W + "/w0?fieldManager=two", widget("w0", parts=[{"id": "b", "n": 1}]), type=APPLY)
req("PATCH", W + "/w0?fieldManager=two", widget("w0", parts=[{"id": "a", "n": 2}]), type=APPLY)
req("PATCH", W + "/w0?fieldManager=two", widget("w0", nonsense=1), type=APPLY)
req("PUT", W + "/w0", widget("w0", size=2))
req("GET", "/apis/rules.example.com/v1", discovery=True)
req("GET", "/apis/rules.example.com", discovery=True)
req("PATCH", CRD + "/widgets.rules.example.com", {"spec": {"group": "other.example.com"}}, type=MERGE)
req(
    "PATCH", CRD + "/widgets.rules.example.com", {"spec": {"names": {"kind": "Gizmo"}}}, type=MERGE,
    only=["spec.names"])
req("PATCH", CRD + "/widgets.rules.example.com", {"spec": {"scope": "Cluster"}}, type=MERGE)
req("GET", CRD + "/widgets.rules.example.com", accept=TABLE, rows=True)
req("DELETE", W, names=True)
req("GET", W, names=True)
req("DELETE", CRD + "/widgets.rules.example.com", skip_body=True)
