"""The second list: defaults and rules of pods, and what may change of them."""
from differential_rules import *

# --- pods: defaults and more rules
req(
    "POST", PODS,
    pod(
        "d1",
        initContainers=[
            {"name": "i", "image": "a/b:latest", "restartPolicy": "Always", "ports": [{"containerPort": 8080}]}],
        containers=[
            {
                "name": "c", "image": "localhost:5000/x@sha256:" + "0" * 64,
                "livenessProbe": {"httpGet": {"port": 80}}, "readinessProbe": {"grpc": {"port": 1}},
                "startupProbe": {"tcpSocket": {"port": "http"}},
                "lifecycle": {"postStart": {"exec": {"command": ["a"]}}},
                "env": [
                    {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}],
                "resources": {"limits": {"cpu": "1500m", "memory": "1.5Gi"}}}],
        volumes=[
            {"name": "s", "secret": {"secretName": "x"}}, {"name": "c", "configMap": {"name": "x"}},
            {"name": "d", "downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {"name": "h", "hostPath": {"path": "/x"}}, {"name": "e", "emptyDir": {}},
            {"name": "i", "iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:x", "lun": 0}},
            {"name": "n", "nfs": {"server": "s", "path": "/x"}},
            {
                "name": "v",
                "ephemeral": {
                    "volumeClaimTemplate": {
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}]))
def ctr(**f):
    return con(**f)
for i, bad in enumerate(
    (
        con(name="c", restartPolicy="X"), {"initContainers": [{"name": "i", "image": "b", "restartPolicy": "Never"}]},
        {"initContainers": [{"name": "i", "image": "b", "livenessProbe": {"exec": {"command": ["a"]}}}]},
        {"initContainers": [{"name": "i", "image": "b", "lifecycle": {"preStop": {"exec": {"command": ["a"]}}}}]},
        con(livenessProbe={"exec": {"command": []}}), con(livenessProbe={"tcpSocket": {"port": 0}}),
        con(livenessProbe={"grpc": {"port": 0}}), con(livenessProbe={"httpGet": {"port": 80, "scheme": "X"}}),
        con(livenessProbe={"httpGet": {"port": 80, "httpHeaders": [{"name": "bad name", "value": "x"}]}}),
        con(readinessProbe={"exec": {"command": ["a"]}, "terminationGracePeriodSeconds": 3}),
        con(
            livenessProbe={
                "exec": {"command": ["a"]}, "periodSeconds": -1, "timeoutSeconds": -1, "failureThreshold": -1,
                "initialDelaySeconds": -1}),
        con(lifecycle={"postStart": {"httpGet": {"port": 80}, "exec": {"command": ["a"]}}}),
        con(lifecycle={"preStop": {"sleep": {"seconds": -1}}}), con(lifecycle={"stopSignal": "SIGX"}),
        con(lifecycle={"stopSignal": "SIGTERM"}), con(ports=[{"containerPort": 80, "hostPort": 70000}]),
        con(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]),
        con(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]),
        con(ports=[{"containerPort": 80, "hostIP": "x"}]), con(env=[{"name": "a=b"}]),
        con(env=[{"name": "a", "valueFrom": {}}]),
        con(env=[{"name": "a", "valueFrom": {"secretKeyRef": {"name": "s", "key": ""}}}]),
        con(env=[{"name": "a", "valueFrom": {"configMapKeyRef": {"name": "Bad_", "key": "a/b"}}}]),
        con(env=[{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['bad key']"}}}]),
        con(env=[{"name": "a", "valueFrom": {"resourceFieldRef": {"resource": "x"}}}]),
        con(env=[{"name": "a", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "3"}}}]),
        con(envFrom=[{}]), con(envFrom=[{"prefix": "a=", "configMapRef": {"name": "x"}}]),
        con(envFrom=[{"configMapRef": {"name": ""}}]),
        con(envFrom=[{"secretRef": {"name": "a"}, "configMapRef": {"name": "x"}}]),
        {
            **con(volumeMounts=[{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}]),
            "volumes": [{"name": "v", "emptyDir": {}}]},
        {
            **con(volumeMounts=[{"name": "v", "mountPath": "/a", "subPath": "../x"}]),
            "volumes": [{"name": "v", "emptyDir": {}}]},
        {
            **con(volumeMounts=[{"name": "v", "mountPath": "/a", "subPath": "x", "subPathExpr": "y"}]),
            "volumes": [{"name": "v", "emptyDir": {}}]},
        {
            **con(volumeMounts=[{"name": "v", "mountPath": "/a", "mountPropagation": "X"}]),
            "volumes": [{"name": "v", "emptyDir": {}}]},
        {**con(volumeMounts=[{"name": "v", "mountPath": "/a:b"}]), "volumes": [{"name": "v", "emptyDir": {}}]},
        {
            **con(volumeMounts=[{"name": "v", "mountPath": "/a", "recursiveReadOnly": "Enabled"}]),
            "volumes": [{"name": "v", "emptyDir": {}}]},
        {
            **con(volumeMounts=[{"name": "v", "mountPath": "/a", "mountPropagation": "Bidirectional"}]),
            "volumes": [{"name": "v", "emptyDir": {}}]},
        {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "-1"}}]},
        {"volumes": [{"name": "v", "emptyDir": {"medium": "X"}}]}, {"volumes": [{"name": "Bad_", "emptyDir": {}}]},
        {"volumes": [{"name": "v", "hostPath": {"path": "/a/../b"}}]},
        {"volumes": [{"name": "v", "secret": {"secretName": "a", "defaultMode": 1024}}]},
        {"volumes": [{"name": "v", "secret": {"secretName": "a", "items": [{"key": "a", "path": "../b"}]}}]},
        {"volumes": [{"name": "v", "configMap": {"name": "a", "items": [{"key": "", "path": "/b"}]}}]},
        {"volumes": [{"name": "v", "downwardAPI": {"items": [{"path": "a"}]}}]},
        {
            "volumes": [
                {"name": "v", "downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "spec.nodeName"}}]}}]},
        {
            "volumes": [
                {
                    "name": "v",
                    "projected": {"sources": [{"serviceAccountToken": {"path": "", "expirationSeconds": 10}}]}}]},
        {
            "volumes": [
                {
                    "name": "v",
                    "projected": {
                        "sources": [
                            {"configMap": {"name": "a", "items": [{"key": "a", "path": "p"}]}},
                            {"secret": {"name": "a", "items": [{"key": "a", "path": "p"}]}}]}}]},
        {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": ""}}]},
        {"volumes": [{"name": "v", "nfs": {"server": "", "path": "a"}}]},
        {"volumes": [{"name": "v", "image": {"reference": "", "pullPolicy": "X"}}]},
        {"volumes": [{"name": "v", "csi": {"driver": ""}}]}, {"volumes": [{"name": "v", "ephemeral": {}}]},
        {"volumes": [{"name": "v", "gitRepo": {"repository": ""}}]}, {"securityContext": {"fsGroup": -1}},
        {"securityContext": {"supplementalGroups": [-1]}},
        {"securityContext": {"sysctls": [{"name": "Bad!", "value": "x"}]}},
        {"securityContext": {"seccompProfile": {"type": "X"}}},
        {"securityContext": {"seccompProfile": {"type": "Localhost"}}},
        {"securityContext": {"fsGroupChangePolicy": "X"}}, {"securityContext": {"appArmorProfile": {"type": "X"}}},
        {"securityContext": {"windowsOptions": {"runAsUserName": ""}}}, con(securityContext={"procMount": "X"}),
        con(securityContext={"runAsGroup": -1}),
        con(securityContext={"capabilities": {"add": ["X"]}, "runAsNonRoot": True}),
        {"hostNetwork": True, **con(ports=[{"containerPort": 80, "hostPort": 81}])},
        {"hostPID": True, "shareProcessNamespace": True}, {"setHostnameAsFQDN": True}, {"subdomain": "Bad_"},
        {"imagePullSecrets": [{"name": ""}]}, {"nodeName": "Bad_"}, {"schedulerName": "Bad_"},
        {"dnsConfig": {"nameservers": ["x"]}},
        {"dnsConfig": {"nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]}},
        {"dnsConfig": {"searches": ["Bad_"]}}, {"dnsConfig": {"options": [{"value": "x"}]}},
        {"hostAliases": [{"ip": "1.2.3.4", "hostnames": ["Bad_"]}]},
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "X"}]}]}}}},
        {
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "preference": {}}]}}},
        {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}}]}}},
        {
            "affinity": {
                "podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 101, "podAffinityTerm": {"topologyKey": "a"}}]}}},
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["x"]}]}]}}}},
        {"tolerations": [{"key": "bad key"}]}, {"tolerations": [{"key": "a", "effect": "X"}]},
        {"tolerations": [{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 5}]},
        {"tolerations": [{"operator": "Equal"}]},
        {
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"},
                {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]},
        {
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 0}]},
        con(resources={"limits": {"hugepages-2Mi": "1"}}), con(resources={"limits": {"nvidia.com/gpu": "1.5"}}),
        con(resources={"requests": {"nvidia.com/gpu": "1"}}),
        con(resources={"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "2"}}),
        con(resources={"claims": [{"name": "x"}]}), con(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "X"}]),
        con(resizePolicy=[{"resourceName": "disk", "restartPolicy": "NotRequired"}]), con(image=" a"),
        con(image="a:b:c"), con(terminationMessagePath=""), con(workingDir=5), con(stdin="x"),
        con(tty=True, stdinOnce=True), {"readinessGates": [{"conditionType": ""}]}, {"priority": 5},
        {"enableServiceLinks": "x"}, {"resourceClaims": [{"name": "a"}]},
        {"os": {"name": "windows"}, "securityContext": {"runAsUser": 1}}, {"hostUsers": False, "hostNetwork": True},
        {"schedulingGates": [{"name": "a"}, {"name": "a"}]}, {"nodeSelector": {"a": "bad value!"}},
        {"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}})):
    req("POST", PODS, pod("rule%d" % i, **bad))
    req("DELETE", PODS + "/rule%d" % i, {"gracePeriodSeconds": 0}, skip_body=True)

# --- pods: what may change
changes(
    PODS, pod("ch", terminationGracePeriodSeconds=5, initContainers=[{"name": "i", "image": "a"}]),
    (
        {"spec": {"containers": [{"name": "c", "image": "x", "command": ["y"]}]}},
        {"spec": {"containers": [{"name": "c", "image": ""}]}},
        {"spec": {"initContainers": [{"name": "i", "image": "b"}]}}, {"spec": {"terminationGracePeriodSeconds": 1}},
        {"spec": {"activeDeadlineSeconds": 5}}, {"spec": {"activeDeadlineSeconds": 10}},
        {"spec": {"activeDeadlineSeconds": None}}, {"spec": {"tolerations": None}},
        {"spec": {"serviceAccountName": "x"}}, {"spec": {"priority": 4}}, {"spec": {"nodeSelector": {"a": "b"}}},
        {"spec": {"affinity": {"nodeAffinity": {}}}}, {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}},
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "n", "uid": "u"}]}},
        {"metadata": {"deletionGracePeriodSeconds": 4}}, {"metadata": {"creationTimestamp": None}},
        {"metadata": {"generation": 7}}, {"spec": {"hostname": "h"}},
        {"spec": {"containers": [{"name": "c", "image": "x", "resources": {"limits": {"cpu": "1"}}}]}},
        {"spec": {"ephemeralContainers": [{"name": "e", "image": "x"}]}}),
    type=SMP, keep=True)
req(
    "PATCH", PODS + "/ch/resize", {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]}},
    type=SMP)
req(
    "PATCH", PODS + "/ch/resize", {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}},
    type=SMP)
req("GET", PODS + "/ch/resize", only=["kind", "metadata.name"])
req("PATCH", PODS + "/ch/status", {"status": {"phase": "Nonsense"}}, type=SMP)
req(
    "PATCH", PODS + "/ch/status",
    {
        "status": {
            "containerStatuses": [
                {
                    "name": "c", "ready": True, "restartCount": 0, "image": "x", "imageID": "y",
                    "state": {"running": {}}}],
            "podIPs": [{"ip": "x"}]}},
    type=SMP)
req(
    "PATCH", PODS + "/ch/status",
    {
        "status": {
            "phase": "Running", "hostIP": "10.0.0.1", "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}],
            "containerStatuses": [
                {
                    "name": "c", "ready": True, "restartCount": 2, "image": "x", "imageID": "y",
                    "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}},
                    "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-02T03:04:05Z"}}}],
            "conditions": [{"type": "Ready", "status": "True"}]}},
    type=SMP)
req("GET", PODS + "/ch", accept=TABLE, rows=True)
req("GET", PODS + "?fieldSelector=status.podIP=10.1.0.1", names=True)
req(
    "GET",
    PODS + "?fieldSelector=spec.restartPolicy=Always,spec.schedulerName=default-scheduler,spec.serviceAccountName=default,spec.hostNetwork=false,status.nominatedNodeName=",
    names=True)
req("PUT", PODS + "/ch/status", meta(pod("ch"), labels={"z": "z"}), only=["metadata.labels", "status.phase"])
req("DELETE", PODS + "/ch", {"gracePeriodSeconds": 0}, skip_body=True)
for i, st in enumerate(
    (
        {"phase": "Succeeded"}, {"phase": "Failed", "reason": "Evicted"},
        {
            "phase": "Running",
            "containerStatuses": [
                {
                    "name": "c", "ready": False, "restartCount": 0, "image": "x", "imageID": "y",
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
        {
            "phase": "Pending",
            "initContainerStatuses": [
                {
                    "name": "i", "ready": False, "restartCount": 0, "image": "x", "imageID": "y",
                    "state": {"terminated": {"exitCode": 3}}}]},
        {
            "phase": "Failed",
            "containerStatuses": [
                {
                    "name": "c", "ready": False, "restartCount": 0, "image": "x", "imageID": "y",
                    "state": {"terminated": {"exitCode": 137, "signal": 9}}}]},
        {
            "phase": "Pending",
            "initContainerStatuses": [
                {
                    "name": "i", "ready": False, "restartCount": 0, "image": "x", "imageID": "y",
                    "state": {"running": {}}}]},
        {
            "phase": "Succeeded",
            "containerStatuses": [
                {
                    "name": "c", "ready": False, "restartCount": 0, "image": "x", "imageID": "y",
                    "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]})):
    req("POST", PODS, pod("t%d" % i, initContainers=[{"name": "i", "image": "a"}]), quiet=True)
    req("PATCH", PODS + "/t%d/status" % i, {"status": st}, type=SMP, quiet=True)
    req("GET", PODS + "/t%d" % i, accept=TABLE, rows=True)
    req("DELETE", PODS + "/t%d" % i, {"gracePeriodSeconds": 0}, skip_body=True)
req("GET", "/api/v1/pods?limit=1", accept=TABLE, rows=True)
req("DELETE", PODS + "?labelSelector=none%3Dx", names=True)
