"""The second list: ingresses, policies, endpoints."""
from differential_rules import *

# --- networking
ING = NET + "/ingresses"
ing = obj(
    "networking.k8s.io/v1", "Ingress", "ing",
    spec={
        "rules": [
            {
                "host": "a.b",
                "http": {
                    "paths": [
                        {
                            "path": "/", "pathType": "Prefix",
                            "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]})
BACK = {"service": {"name": "s", "port": {"number": 80}}}
cases(
    ING, ing,
    (
        {"rules": [{"host": "Bad_"}]}, {"rules": [{"host": "1.2.3.4"}]},
        {"rules": [{"host": "*.a.b", "http": {"paths": []}}]},
        {"rules": [{"http": {"paths": [{"path": "x", "pathType": "Prefix", "backend": BACK}]}}]},
        {"rules": [{"http": {"paths": [{"path": "/a//b", "pathType": "Exact", "backend": BACK}]}}]},
        {"rules": [{"http": {"paths": [{"path": "/", "backend": BACK}]}}]},
        {"rules": [{"http": {"paths": [{"path": "/", "pathType": "X", "backend": BACK}]}}]},
        {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {}}]}}]},
        {
            "rules": [
                {
                    "http": {
                        "paths": [
                            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {}}}}]}}]},
        {
            "rules": [
                {
                    "http": {
                        "paths": [
                            {
                                "path": "/", "pathType": "Prefix",
                                "backend": {"service": {"name": "s", "port": {"number": 1, "name": "a"}}}}]}}]},
        {
            "rules": [
                {
                    "http": {
                        "paths": [
                            {
                                "path": "/", "pathType": "Prefix",
                                "backend": {"service": {"name": "Bad_", "port": {"number": 0}}}}]}}]},
        {"tls": [{"hosts": ["Bad_"]}]}, {"tls": [{"secretName": "Bad_"}]}, {"ingressClassName": "Bad_"},
        {"defaultBackend": {"resource": {"kind": "", "name": ""}}}))
changes(
    ING, ing, ({"spec": {"ingressClassName": "x"}}, {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
    keep=True)
req(
    "PATCH", ING + "/ing/status", {"status": {"loadBalancer": {"ingress": [{"ip": "x", "hostname": "1.2.3.4"}]}}},
    type=MERGE)
req("GET", ING, accept=TABLE, rows=True)
req("DELETE", ING + "/ing", skip_body=True)
NP = NET + "/networkpolicies"
np = obj("networking.k8s.io/v1", "NetworkPolicy", "np", spec={"podSelector": {}})
cases(
    NP, np,
    (
        {"policyTypes": ["X"]}, {"policyTypes": ["Ingress", "Egress", "Ingress"]},
        {"ingress": [{"ports": [{"port": 0}]}]}, {"ingress": [{"ports": [{"port": "Bad!"}]}]},
        {"ingress": [{"ports": [{"port": 80, "endPort": 70}]}]}, {"ingress": [{"ports": [{"endPort": 70}]}]},
        {"ingress": [{"ports": [{"port": 80, "protocol": "X"}]}]}, {"ingress": [{"from": [{}]}]},
        {"ingress": [{"from": [{"ipBlock": {"cidr": ""}}]}]},
        {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}]}]},
        {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]},
        {"egress": [{"to": [{"podSelector": {"matchExpressions": [{"key": "a", "operator": "X"}]}}]}]},
        {"podSelector": {"matchLabels": {"bad key": "x"}}}))
changes(NP, np, ({"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}, {"spec": {"ingress": [{}]}}), keep=True)
req("GET", NP, accept=TABLE, rows=True)
req("DELETE", NP + "/np", skip_body=True)
IC = "/apis/networking.k8s.io/v1/ingressclasses"
ic = obj("networking.k8s.io/v1", "IngressClass", "rules-ic", None, spec={"controller": "example.com/c"})
cases(
    IC, ic,
    (
        {"controller": ""}, {"controller": "nodomain"}, {"parameters": {"kind": "", "name": ""}},
        {"parameters": {"kind": "X", "name": "n", "scope": "Namespace"}},
        {"parameters": {"kind": "X", "name": "n", "scope": "X"}}))
changes(IC, ic, ({"spec": {"controller": "example.com/d"}},))
ES = "/apis/discovery.k8s.io/v1/namespaces/rules/endpointslices"
es = obj(
    "discovery.k8s.io/v1", "EndpointSlice", "es", addressType="IPv4", endpoints=[{"addresses": ["10.0.0.1"]}],
    ports=[{"name": "a", "port": 80}])
cases(
    ES, es,
    (
        {"addressType": "X"}, {"addressType": None}, {"addressType": "IPv6"},
        {"addressType": "FQDN", "endpoints": [{"addresses": ["Bad_"]}]}, {"endpoints": [{"addresses": []}]},
        {"endpoints": [{"addresses": ["127.0.0.1"]}]}, {"endpoints": [{"addresses": ["x"]}]},
        {"ports": [{"name": "a"}, {"name": "a"}]}, {"ports": [{"name": "Bad_", "port": 80}]},
        {"ports": [{"port": 80, "protocol": "X"}]}, {"ports": [{"port": 0}]},
        {"endpoints": [{"addresses": ["10.0.0.1"], "hostname": "Bad_"}]},
        {"endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "Bad_"}]},
        {"endpoints": [{"addresses": ["10.0.0.1"], "zone": "x", "deprecatedTopology": {"a": "b"}}]}),
    field=None)
changes(
    ES, es, ({"addressType": "IPv6"}, {"endpoints": [{"addresses": ["10.0.0.2"], "conditions": {"ready": True}}]}),
    keep=True)
req("GET", ES, accept=TABLE, rows=True)
req("DELETE", ES + "/es", skip_body=True)
EP = NS + "/endpoints"
ep = obj("v1", "Endpoints", "ep", subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}])
cases(
    EP, ep,
    (
        {"subsets": [{"addresses": [{"ip": "x"}], "ports": [{"port": 80}]}]},
        {"subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 80}]}]},
        {"subsets": [{"ports": [{"port": 80}]}]},
        {"subsets": [{"addresses": [{"ip": "10.0.0.1", "hostname": "Bad_"}], "ports": [{"port": 80}]}]},
        {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}, {"port": 81}]}]},
        {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 0, "protocol": "X"}]}]}),
    field=None)
req("POST", EP, ep)
req("GET", EP, accept=TABLE, rows=True)
req("DELETE", EP + "/ep", skip_body=True)
