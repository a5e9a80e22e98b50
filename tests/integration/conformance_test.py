"""Kubernetes' own conformance tests against `slipway apiserver`; docs/conformance.md says what comes out.

Needs KUBE_E2E, the e2e.test of a Kubernetes release. Alone runs the API server with nodes that have no kubelet; Workloads
adds the workload controllers of KUBE_CONTROLLER_MANAGER, since Deployments and the like are not Slipway's. Both compare
with conformance_expected.txt. CONFORMANCE_FOCUS, a regular expression over names, chooses which tests run, beyond the
expected ones too; CONFORMANCE_REPORT names a file for the outcomes, a line each; CONFORMANCE_PROCESSES (2) is how many run
side by side."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from testsite.hollow_nodes import HollowNodes  # noqa: E402
from testsite.processes import Process, free_port, run, wait_for  # noqa: E402

EXPECTED = pathlib.Path(__file__).with_name("conformance_expected.txt")
E2E = os.environ.get("KUBE_E2E", "")
MANAGER = os.environ.get("KUBE_CONTROLLER_MANAGER", "")
FOCUS = os.environ.get("CONFORMANCE_FOCUS", "")
SECONDS = int(os.environ.get("CONFORMANCE_SECONDS", "840"))
WORKLOADS = ("deployment replicaset replicationcontroller statefulset daemonset job cronjob endpoints endpointslice "
             "endpointslice-mirroring disruption persistentvolume-binder node-lifecycle taint-eviction").split()


def expected(world):
    """The names that pass in this world; those of `alone` pass in both."""
    rows = [line.split("\t") for line in EXPECTED.read_text().splitlines() if line and not line.startswith("#")]
    return {name for where, name in rows if where in ("alone", world)}


def name_of(spec):
    return " ".join([*(spec.get("ContainerHierarchyTexts") or []), spec["LeafNodeText"]])


def specs_of(report):
    """Name and state of the tests in a report that were chosen."""
    for suite in json.loads(pathlib.Path(report).read_text()):
        for spec in suite["SpecReports"] or []:
            if spec["LeafNodeType"] == "It" and spec["State"] not in ("skipped", "pending"):
                yield name_of(spec), spec["State"], (spec.get("Failure") or {}).get("Message", "")


def conformance_names(directory):
    """Every conformance test of the binary."""
    report = directory / "all.json"
    run([E2E, "-ginkgo.dry-run", r"-ginkgo.focus=\[Conformance\]", f"-ginkgo.json-report={report}"], timeout=120)
    return sorted(name for name, _, _ in specs_of(report) if "[Conformance]" in name)


def e2e_command(kubeconfig, names, report, seconds=SECONDS):
    """The command that runs these tests and writes what came out as JSON."""
    return [E2E, "--provider=skeleton", f"--kubeconfig={kubeconfig}", "--allowed-not-ready-nodes=-1",
            "-minStartupPods=0", "--system-pods-startup-timeout=5s", "--system-daemonsets-startup-timeout=0",
            "--node-schedulable-timeout=10s", f"--kubectl-path={shutil.which('kubectl')}", "--disable-log-dump",
            "-ginkgo.no-color", f"-ginkgo.timeout={seconds}s", f"-ginkgo.json-report={report}",
            "-ginkgo.focus=" + "|".join(re.escape(name).replace(r"\ ", " ") for name in names)]


def judge(world, names, wanted, outcome):
    """Reports the outcomes, state and message by name, and gives what of `wanted` did not pass, a line each."""
    if os.environ.get("CONFORMANCE_REPORT"):
        with open(os.environ["CONFORMANCE_REPORT"], "a") as out:
            for name, (state, message) in sorted(outcome.items()):
                out.write(f"{world}\t{state}\t{name}\t{message[:300]!r}\n")
    better = [name for name, (state, _) in outcome.items() if state == "passed" and name not in wanted]
    print(f"{sum(state == 'passed' for state, _ in outcome.values())} of {len(names)} passed", file=sys.stderr)
    if better:
        print("passed and not in the list:\n  " + "\n  ".join(sorted(better)), file=sys.stderr)
    return [f"{name}: {outcome.get(name, ('not run', ''))}" for name in names
            if name in wanted and outcome.get(name, ("", ""))[0] != "passed"]


class World(unittest.TestCase):
    world = "alone"

    def setUp(self):
        if not os.access(E2E, os.X_OK):
            self.skipTest("KUBE_E2E must name the e2e.test of a Kubernetes release")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="slipway-conformance."))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        port = free_port()
        slipway = os.environ.get("SLIPWAY", ROOT / "build" / "slipway")
        self._spawn("apiserver", [slipway, "apiserver", "--data-dir", self.dir / "data", "--listen", f"127.0.0.1:{port}"])
        self.kubeconfig = self.dir / "data" / "admin.kubeconfig"
        wait_for("API server", lambda: self.kubeconfig.exists() and self._kubectl("get", "--raw", "/readyz") == "ok", 30)
        nodes = HollowNodes(self.kubeconfig, ["node-1", "node-2"]).start()
        self.addCleanup(nodes.stop)

    def _spawn(self, name, argv):
        process = Process(name, argv, self.dir / f"{name}.log")
        self.addCleanup(process.stop)

    def _kubectl(self, *arguments):
        return run(["kubectl", "--kubeconfig", self.kubeconfig, *arguments], env={"HOME": str(self.dir)})

    def _start(self, names, label):
        """A process that runs these tests; gives it with the report that it will write."""
        report = self.dir / f"{label}.json"
        work = self.dir / label
        work.mkdir()
        argv = e2e_command(self.kubeconfig, names, report)
        with open(work / "log", "wb") as log:
            process = subprocess.Popen(argv, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.kill)
        return process, report

    def _run(self, names):
        """Runs them side by side, the [Serial] ones after that, and gives state and message by name."""
        count = int(os.environ.get("CONFORMANCE_PROCESSES", "2"))
        parallel = [name for name in names if "[Serial]" not in name]
        groups = [group for group in (parallel[i::count] for i in range(count)) if group]
        outcome = {}
        for batch in (groups, [[name for name in names if "[Serial]" in name]]):
            started = [self._start(group, f"group{len(outcome)}-{i}") for i, group in enumerate(batch) if group]
            for process, report in started:
                process.wait(SECONDS + 120)
                if report.exists():
                    outcome.update({name: (state, message) for name, state, message in specs_of(report)})
        return outcome

    def test_the_expected_tests_pass(self):
        wanted = expected(self.world)
        names = sorted(wanted)
        if FOCUS:
            names = [name for name in conformance_names(self.dir) if re.search(FOCUS, name)]
        elif self.world == "alone":
            names = [name for name in names if "[Slow]" not in name]
        else:
            names = sorted(wanted - expected("alone"))
        outcome = self._run(names)
        broken = judge(self.world, names, wanted, outcome)
        self.assertFalse(broken, "\n".join(broken))


class Alone(World):
    pass


class Workloads(World):
    world = "workloads"

    def setUp(self):
        if not os.access(MANAGER, os.X_OK):
            self.skipTest("KUBE_CONTROLLER_MANAGER must name the binary")
        super().setUp()
        self._spawn("controller-manager", [
            MANAGER, f"--kubeconfig={self.kubeconfig}", "--authentication-skip-lookup=true", "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}", f"--cert-dir={self.dir / 'manager'}", "--leader-elect=false",
            "--controllers=" + ",".join(f"{name}-controller" for name in WORKLOADS)])


del World

if __name__ == "__main__":
    unittest.main()
