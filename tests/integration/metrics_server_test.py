"""`kubectl top` through Kubernetes' metrics-server, which asks the kubelet API of every Node of ours.

Needs a real API server (KUBE_APISERVER, ETCD, KUBE_CONTROLLER_MANAGER) and METRICS_SERVER, the binary of metrics-server."""

import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from site_fixture import SiteTest, host_pod, wait_for  # noqa: E402
from testsite import real_api  # noqa: E402
from testsite.processes import Process, free_port  # noqa: E402

ABSENT = [name for name in ("KUBE_APISERVER", "ETCD", "KUBE_CONTROLLER_MANAGER", "METRICS_SERVER")
          if not os.access(os.environ.get(name, ""), os.X_OK)]
ACCOUNT = {"kind": "ServiceAccount", "name": "metrics-server", "namespace": "kube-system"}


def role_binding(kind, name, role_kind, role, **metadata):
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name, **metadata},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role}, "subjects": [ACCOUNT]}


def objects(address, port):
    """What metrics-server's own manifests hold, but with a process of this host behind the Service."""
    rules = [{"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
             {"apiGroups": [""], "resources": ["pods", "nodes", "namespaces", "configmaps"],
              "verbs": ["get", "list", "watch"]}]
    here = {"name": "metrics-server", "namespace": "kube-system"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
         "metadata": {"name": "system:metrics-server"}, "rules": rules},
        role_binding("ClusterRoleBinding", "system:metrics-server", "ClusterRole", "system:metrics-server"),
        role_binding("ClusterRoleBinding", "metrics-server:system:auth-delegator", "ClusterRole", "system:auth-delegator"),
        role_binding("RoleBinding", "metrics-server-auth-reader", "Role", "extension-apiserver-authentication-reader",
                     namespace="kube-system"),
        {"apiVersion": "v1", "kind": "Service", "metadata": here,
         "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]}},
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": here,
         "subsets": [{"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port}]}]},
        {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
         "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                  "insecureSkipTLSVerify": True,
                  "service": {"name": "metrics-server", "namespace": "kube-system"}}}]


@unittest.skipIf(ABSENT, f"{' and '.join(ABSENT)} must name the binary")
class MetricsServer(SiteTest):
    stack_options = {"real_api": True}

    def start_metrics_server(self):
        api = self.stack.real_api
        address, port = real_api.own_address(), free_port()
        self.stack.apply({"apiVersion": "v1", "kind": "List", "items": objects(address, port)})
        token = self.kubectl("create", "token", "metrics-server", "-n", "kube-system", "--duration=1h").strip()
        access = api.kubeconfig(api.dir / "metrics-server.kubeconfig", token=token)
        server = Process("metrics-server", [
            os.environ["METRICS_SERVER"], f"--kubeconfig={access}", f"--authentication-kubeconfig={access}",
            f"--authorization-kubeconfig={access}", f"--secure-port={port}", f"--bind-address={address}",
            f"--cert-dir={api.dir / 'metrics-server'}", "--kubelet-insecure-tls", "--kubelet-use-node-status-port",
            "--kubelet-preferred-address-types=InternalIP", "--metric-resolution=10s",
            "--kubelet-request-timeout=5s"],
            self.stack.dir / "log" / "metrics-server.log")
        self.addCleanup(server.stop)
        return server

    def top(self, *arguments):
        done = self.kubectl("top", *arguments, "--no-headers", check=False)
        return [line.split() for line in done.stdout.splitlines()]

    def test_top_shows_every_node_and_what_a_pod_uses(self):
        self.stack.apply(host_pod("busy", ["/bin/sh", "-c", "while :; do :; done"]))
        self.stack.wait_phase("busy", ("Running",))
        server = self.start_metrics_server()
        nodes = wait_for("kubectl top node", lambda: (lambda rows: rows if len(rows) == len(self.slurm.nodes) else None)(
            self.top("node")), 120, 1, alive=[server])
        self.assertEqual(sorted(row[0] for row in nodes), sorted(self.slurm.nodes))
        self.assertNotIn("<unknown>", json.dumps(nodes))

        def busy():
            rows = [row for row in self.top("pod", "busy") if int(row[1].rstrip("m")) > 100]
            return rows[0] if rows else None

        name, _, memory = wait_for("what the busy pod uses", busy, 120, 1, alive=[server])
        self.assertEqual(name, "busy")
        self.assertRegex(memory, r"^\d+Mi$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
