"""Kubernetes' own conformance tests of pods, volumes, kubectl and workloads on Slipway's nodes; docs/conformance.md says what
comes out.

Nodes runs them against Kubernetes' own API server, Embedded against `slipway apiserver`; both with Kubernetes' controllers.
Needs root (for a network and a user of its own; jobs run as that user), KUBE_E2E, KUBE_CONTROLLER_MANAGER, for Nodes
KUBE_APISERVER, ETCD and KUBE_SCHEDULER too, and the tests' images: CONFORMANCE_AGNHOST names the binary of
test/images/agnhost, of which they are made. CONFORMANCE_FOCUS, a regular expression over names, chooses which run, beyond
the expected ones too; CONFORMANCE_REPORT names a file for the outcomes; CONFORMANCE_PROCESSES (2) is how many run side by
side; CONFORMANCE_SECONDS (840) is the limit of each: the whole list takes about an hour. CONFORMANCE_SUITE=sid runs the jobs
in that Debian (tools/testsite/root.py), with its Slurm and Apptainer. `hold DIRECTORY real` keeps a site to work with by
hand."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from conformance_test import (E2E, FOCUS, MANAGER, SECONDS, WORKLOADS, conformance_names, e2e_command,  # noqa: E402
                              judge, specs_of)
from testsite import e2e_images, real_api, root, tenant  # noqa: E402
from testsite.gate import Gate  # noqa: E402
from testsite.processes import Process, free_port, wait_for  # noqa: E402
from testsite.registry import Registry, missing_tools  # noqa: E402
from testsite.stack import Stack  # noqa: E402

EXPECTED = pathlib.Path(__file__).with_name("conformance_nodes_expected.txt")
AGNHOST = os.environ.get("CONFORMANCE_AGNHOST", "")
PROCESSES = int(os.environ.get("CONFORMANCE_PROCESSES", "2"))
SUITE = os.environ.get("CONFORMANCE_SUITE", "")
SERVICE_ADDRESS = "10.96.0.1"
# The latter put a server on the same port of every node.
ALONE = r"\[Serial\]|Granular Checks"
REGISTRIES = ("registry.k8s.io", "gcr.io", "docker.io", "invalid.registry.k8s.io")


def missing(real):
    """What keeps this host from running the tests, in a sentence; empty if nothing does."""
    for name, path in (("KUBE_E2E", E2E), ("KUBE_CONTROLLER_MANAGER", MANAGER), ("CONFORMANCE_AGNHOST", AGNHOST)):
        if not os.access(path, os.X_OK):
            return f"{name} must name the binary"
    if real and (real_api.missing() or not os.environ.get("KUBE_SCHEDULER")):
        return real_api.missing() or "KUBE_SCHEDULER must name the binary"
    if missing_tools():
        return f"not installed: {missing_tools()}"
    if not SUITE or tenant.missing() or root.missing(SUITE):
        return tenant.missing() or (root.missing(SUITE) if SUITE else "")
    tools = [tool for tool in ("skopeo", "umoci") if not (root.found(SUITE) / "usr" / "bin" / tool).exists()]
    return f"{root.found(SUITE)} has no {' and no '.join(tools)}: jobs pull images with them" if tools else ""


class Site:
    """A site of twelve nodes, an API server and a registry with the tests' images. Life cycle: start(), stop(). start()
    takes this process out of the host's network for good."""

    def __init__(self, directory, real):
        self.dir = pathlib.Path(directory)
        self._real = real
        self._stops = []

    def start(self):
        tenant.enter(self.dir)
        self.registry = Registry(self.dir / "registry", address=tenant.GATEWAY).start()
        self._stops.append(self.registry.stop)
        e2e_images.push_all(self.registry, AGNHOST, self.dir / "images")
        slipway = pathlib.Path(os.environ.get("SLIPWAY", ROOT / "build" / "slipway")).resolve()
        self.slurm = tenant.TenantSlurm(self.dir / "slurm", nodes=12, cpus=64, memory=32000, where=self._where(slipway))
        self._stops.append(self.slurm.stop)
        self.slurm.start()
        name = self.registry.name
        mirrors = "".join(f'    {each}: "{name}"\n' for each in REGISTRIES)
        self.stack = Stack(self.dir, slipway, self.slurm, images=[self.dir / "images"], real_api=self._real,
                           agent_options=f'  insecureRegistries: ["{name}"]\n  mirrors:\n{mirrors}',
                           controller_options='taint:\n  key: ""\n')
        self._stops.append(self.stack.stop)
        self.stack.start()
        if not self._real:
            self._start_controllers()
        # The address at which programs in pods expect the API server; kube-proxy's work in a cluster.
        tenant.add_address(SERVICE_ADDRESS)
        self._gate(("127.0.0.1" if self._real else tenant.GATEWAY, self.stack.api_port), (SERVICE_ADDRESS, 443))
        if self._real:
            self._publish_api_server()
        self.stack.wait_nodes()
        return self

    def _where(self, slipway):
        """What the site's jobs run on: this host, or another Debian."""
        if not SUITE:
            return tenant.User(slipway, self.dir / "home")
        static = os.environ.get("SLIPWAY_STATIC", ROOT / "build" / "static" / "slipway")
        debian = root.Root(root.found(SUITE), self.dir, static).enter()
        self._stops.append(debian.leave)
        return debian

    def _gate(self, target, listen):
        gate = Gate(target, listen)
        self._stops.append(gate.close)
        return gate

    def _publish_api_server(self):
        """Endpoints that pods can reach; the server itself publishes no loopback address."""
        port = self._gate(("127.0.0.1", self.stack.api_port), (tenant.GATEWAY, 0)).port
        subset = {"addresses": [{"ip": tenant.GATEWAY}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}
        endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "kubernetes"}, "subsets": [subset]}
        self.stack.kubectl("apply", "-n", "default", "-f", "-", stdin=json.dumps(endpoints))

    def _start_controllers(self):
        config = self.stack.kubeconfig
        manager = Process("controller-manager", [
            MANAGER, f"--kubeconfig={config}", "--authentication-skip-lookup=true", "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}", f"--cert-dir={self.dir / 'manager'}", "--leader-elect=false",
            "--controllers=" + ",".join(f"{name}-controller" for name in WORKLOADS)],
            self.dir / "log" / "controller-manager.log")
        self._stops.append(manager.stop)

    def stop(self):
        for stop in reversed(self._stops):
            stop()


def run_tests(site, names):
    """Runs the tests, PROCESSES side by side, those that are to be alone after that; gives state and message by name."""
    parallel = [name for name in names if not re.search(ALONE, name)]
    alone = [name for name in names if re.search(ALONE, name)]
    outcome = {}
    for batch in ([parallel[i::PROCESSES] for i in range(PROCESSES)], [alone]):
        started = []
        for group in filter(None, batch):
            work = pathlib.Path(tempfile.mkdtemp(prefix="group.", dir=site.dir))
            process = Process("e2e", e2e_command(site.stack.kubeconfig, group, work / "report.json"), work / "log")
            started.append((process, work / "report.json"))
        for process, report in started:
            try:
                process.wait(SECONDS + 120)
            except subprocess.TimeoutExpired:
                process.kill()
            if report.exists():
                outcome.update({name: (state, message) for name, state, message in specs_of(report)})
    return outcome


class World(unittest.TestCase):
    real = True

    def test_the_expected_tests_pass(self):
        if missing(self.real):
            self.skipTest(missing(self.real))
        directory = pathlib.Path(tempfile.mkdtemp(prefix="slipway-conformance."))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        wanted = {line for line in EXPECTED.read_text().splitlines() if line and not line.startswith("#")}
        site = Site(directory, self.real)
        self.addCleanup(site.stop)
        site.start()
        names = sorted(wanted)
        if FOCUS:
            names = [name for name in conformance_names(directory) if re.search(FOCUS, name)]
        outcome = run_tests(site, names)
        broken = judge(type(self).__name__, names, wanted, outcome)
        self.assertFalse(broken, "\n".join(broken))


class Nodes(World):
    pass


class Embedded(World):
    real = False


del World


def hold(directory, real):
    """A site to work with by hand: `nsenter -t PID -m -n`; a file `restart` in its directory restarts controller and agent."""
    site = Site(directory, real)
    try:
        site.start()
        print(f"nsenter -t {os.getpid()} -m -n; KUBECONFIG={site.stack.kubeconfig}", flush=True)
        while True:
            time.sleep(0.5)
            if (site.dir / "restart").exists():
                (site.dir / "restart").unlink()
                for name, start in (("controller", site.stack.start_controller), ("agent", site.stack.start_agent)):
                    site.stack.processes[name].stop()
                    start()
    except KeyboardInterrupt:
        pass
    finally:
        site.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["hold"]:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        hold(sys.argv[2], sys.argv[3] == "real")
    else:
        unittest.main()
