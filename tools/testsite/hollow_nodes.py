"""Nodes without a kubelet for tests of an API server: their pods are said to run, and go when they are deleted.

Nothing runs: no container, no probe, no log, no exec. What needs only that a pod reaches a phase can be tested with them."""

import base64
import datetime
import http.client
import json
import pathlib
import ssl
import tempfile
import threading
import time

import yaml

LEASE_SECONDS = 40
STATUSES = {"containers": "containerStatuses", "initContainers": "initContainerStatuses",
            "ephemeralContainers": "ephemeralContainerStatuses"}


def _now(micro=False):
    text = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f" if micro else "%Y-%m-%dT%H:%M:%S")
    return text + "Z"


class Api:
    """A few requests to the API server of a kubeconfig with client certificates; a connection for each thread."""

    def __init__(self, kubeconfig):
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._host = cluster["server"].removeprefix("https://").rstrip("/")
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as both:
            for part in ("client-certificate-data", "client-key-data"):
                both.write(base64.b64decode(user[part]) + b"\n")
            both.flush()
            self._tls.load_cert_chain(both.name)
        self._own = threading.local()

    def _connect(self, timeout=30):
        return http.client.HTTPSConnection(self._host, context=self._tls, timeout=timeout)

    def ask(self, method, path, body=None, kind="application/json"):
        """Code and decoded answer."""
        for attempt in (1, 2):
            connection = getattr(self._own, "connection", None) or self._connect()
            self._own.connection = connection
            try:
                connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except (OSError, http.client.HTTPException):
                self._own.connection = None
                if attempt == 2:
                    raise

    def watch(self, path):
        """Events for ever, from the start again whenever the connection ends."""
        while True:
            connection = self._connect(timeout=600)
            try:
                connection.request("GET", path + ("&" if "?" in path else "?") + "watch=true&timeoutSeconds=300")
                answer = connection.getresponse()
                for line in iter(answer.readline, b""):
                    yield json.loads(line)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.5)
            finally:
                connection.close()


class HollowNodes:
    """start() makes the nodes and works in threads of its own until the process ends or stop()."""

    def __init__(self, kubeconfig, names):
        self.api = Api(kubeconfig)
        self.names = names
        self._addresses = 0
        self._stopped = threading.Event()

    def start(self):
        for name in self.names:
            self._make(name)
        threading.Thread(target=self._beat, daemon=True).start()
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def stop(self):
        self._stopped.set()

    def _make(self, name):
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        self.api.ask("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
        self._report(name)

    def _report(self, name):
        room = {"cpu": "16", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
        addresses = [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}]
        ready = {"type": "Ready", "status": "True", "reason": "HollowNode", "message": "", "lastHeartbeatTime": _now(),
                 "lastTransitionTime": _now()}
        status = {"capacity": room, "allocatable": room, "addresses": addresses, "conditions": [ready],
                  "nodeInfo": {"kubeletVersion": "v1.36.0", "operatingSystem": "linux", "architecture": "amd64"}}
        self.api.ask("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, "application/merge-patch+json")

    def _beat(self):
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        while not self._stopped.is_set():
            for name in self.names:
                spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": _now(micro=True)}
                try:
                    code, _ = self.api.ask("PATCH", f"{leases}/{name}", {"spec": spec}, "application/merge-patch+json")
                    if code == 404:
                        self.api.ask("POST", leases, {"metadata": {"name": name}, "spec": spec})
                except (OSError, http.client.HTTPException):
                    pass
            self._stopped.wait(LEASE_SECONDS / 4)

    def _follow(self):
        for event in self.api.watch("/api/v1/pods"):
            if self._stopped.is_set():
                return
            pod = event.get("object", {})
            if event.get("type") in ("ADDED", "MODIFIED") and pod.get("spec", {}).get("nodeName") in self.names:
                self._tend(pod)

    def _tend(self, pod):
        meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        if meta.get("deletionTimestamp"):
            self.api.ask("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}})
        elif status.get("phase") == "Pending" or status.get("observedGeneration") != meta.get("generation"):
            self.api.ask("PATCH", path + "/status", {"metadata": {"uid": meta["uid"]}, "status": self._running(meta, spec, status)},
                         "application/merge-patch+json")

    def _running(self, meta, spec, status):
        if not status.get("podIP"):
            self._addresses += 1
        address = status.get("podIP") or f"10.244.{self._addresses // 250 % 250}.{self._addresses % 250 + 1}"
        now = status.get("startTime") or _now()
        kept = [c for c in status.get("conditions", []) if c["type"] == "PodScheduled" or "/" in c["type"]]
        true = [{"type": t, "status": "True", "lastTransitionTime": now, "observedGeneration": meta.get("generation", 1)}
                for t in ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")]
        made = {"restartCount": 0, "imageID": "none", "ready": True}
        ended = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
        running = {"running": {"startedAt": now}}
        out = {"phase": status["phase"] if status.get("phase") != "Pending" else "Running", "podIP": address,
               "podIPs": [{"ip": address}], "hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}], "startTime": now,
               "observedGeneration": meta.get("generation", 1), "conditions": kept + true}
        for field, state, more in (("containers", running, {"started": True}), ("initContainers", ended, {"started": False}),
                                   ("ephemeralContainers", running, {})):
            if spec.get(field):
                out[STATUSES[field]] = [
                    {"name": c["name"], "image": c["image"], "containerID": f"hollow://{meta['uid']}/{c['name']}", "state": state,
                     **made, **more} for c in spec[field]]
        return out
