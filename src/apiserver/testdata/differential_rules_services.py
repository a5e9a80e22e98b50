"""The second list: Services and what they allocate."""
from differential_rules import *

# --- Services
svc = obj(
    "v1", "Service", "svc", spec={"clusterIP": "None", "selector": {"app": "x"}, "ports": [{"name": "a", "port": 80}]})
cases(
    SVC, svc,
    (
        {"ports": [{"port": 80}, {"port": 80}]}, {"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]},
        {"ports": [{"name": "Bad", "port": 80}]}, {"ports": [{"port": 80, "targetPort": "Bad!"}]},
        {"ports": [{"port": 80, "targetPort": 70000}]}, {"ports": [{"port": 80, "protocol": "HTTP"}]},
        {"ports": [{"port": 80, "nodePort": 30000}]}, {"sessionAffinity": "X"},
        {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}},
        {"sessionAffinity": "None", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10}}},
        {"externalIPs": ["nonsense"]}, {"externalIPs": ["127.0.0.1"]}, {"clusterIP": "nonsense"},
        {"clusterIP": "1.2.3.4"}, {"type": "ExternalName", "clusterIP": ""},
        {"type": "ExternalName", "externalName": "-bad-", "clusterIP": ""}, {"externalTrafficPolicy": "Local"},
        {"externalTrafficPolicy": "X"}, {"internalTrafficPolicy": "X"}, {"loadBalancerIP": "1.2.3.4"},
        {"loadBalancerSourceRanges": ["1.2.3.4/8"]}, {"healthCheckNodePort": 30000}, {"ipFamilies": ["IPv5"]},
        {"ipFamilyPolicy": "X"}, {"selector": {"bad key": "x"}}, {"allocateLoadBalancerNodePorts": True},
        {"loadBalancerClass": "x"}, {"trafficDistribution": "X"}, {"ports": []}, {"publishNotReadyAddresses": "x"},
        {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "SingleStack"}))
changes(
    SVC, svc,
    (
        {"spec": {"clusterIP": "10.96.3.3"}}, {"spec": {"clusterIPs": None, "clusterIP": None}},
        {"spec": {"type": "ExternalName", "externalName": "a.b"}}, {"spec": {"ports": []}},
        {"spec": {"ports": [{"port": 81, "name": "b"}]}}, {"spec": {"sessionAffinity": "ClientIP"}},
        {"metadata": {"labels": {"a": "b"}}}))
changes(
    SVC, obj("v1", "Service", "ip", spec={"clusterIP": "10.96.7.7", "ports": [{"port": 80, "targetPort": "http"}]}),
    (
        {"spec": {"clusterIP": "10.96.7.8"}}, {"spec": {"clusterIP": ""}},
        {"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30777}]}}, {"spec": {"type": "ClusterIP"}},
        {"spec": {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30778}]}},
        {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
    keep=True)
req("PATCH", SVC + "/ip/status", {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}, type=MERGE)
req("PATCH", SVC + "/ip/status", {"status": {"loadBalancer": {"ingress": [{"ip": "x"}]}}}, type=MERGE)
req("PATCH", SVC + "/ip/status", {"status": {"conditions": [{"type": "a"}]}}, type=MERGE)
req("POST", SVC, obj("v1", "Service", "taken", spec={"clusterIP": "10.96.7.7", "ports": [{"port": 80}]}))
req(
    "POST", SVC,
    obj(
        "v1", "Service", "taken",
        spec={"type": "NodePort", "clusterIP": "10.96.7.9", "ports": [{"port": 80, "nodePort": 30778}]}))
req(
    "POST", SVC,
    obj(
        "v1", "Service", "taken",
        spec={"type": "NodePort", "clusterIP": "10.96.7.10", "ports": [{"port": 80, "nodePort": 80}]}))
req("POST", SVC, obj("v1", "Service", "outside", spec={"clusterIP": "10.97.7.7", "ports": [{"port": 80}]}))
req("GET", SVC, accept=TABLE, rows=True)
req("DELETE", SVC + "/ip")
