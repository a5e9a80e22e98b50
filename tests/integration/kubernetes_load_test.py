"""What 500 Slurm nodes and 1,000 jobs cost Kubernetes' own API server: requests a second at rest, and watches held.

Needs KUBE_APISERVER, ETCD and FAKE_SLURM (the fake of tests/fake_slurm)."""

import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from site_fixture import slipway_binary, wait_for  # noqa: E402
from testsite import real_api  # noqa: E402
from testsite.processes import run  # noqa: E402
from testsite.stack import Stack  # noqa: E402

NODES = 500
JOBS = 1000
WINDOW = 60


class FakeSite:
    """As much of a Slurm site as Stack asks for."""

    def __init__(self, directory):
        program = pathlib.Path(os.environ["FAKE_SLURM"])
        run([program, "init", directory, f"nodes={NODES}", f"jobs={JOBS}", "churn=0"])
        self.nodes = [""] * NODES
        self.env = {"FAKE_SLURM_DIR": str(directory),
                    "PATH": f"{program.parent / 'fake_slurm_bin'}:{os.environ['PATH']}"}


@unittest.skipIf(real_api.missing(), f"no real Kubernetes: {real_api.missing()}")
@unittest.skipUnless(os.access(os.environ.get("FAKE_SLURM", ""), os.X_OK), "FAKE_SLURM must name the binary")
class Load(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="slipway-load."))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        site = FakeSite(self.dir / "fake")
        environment = unittest.mock.patch.dict(os.environ)
        environment.start()
        self.addCleanup(environment.stop)
        for component in ("KUBE_SCHEDULER", "KUBE_CONTROLLER_MANAGER"):
            os.environ.pop(component, None)
        self.stack = Stack(self.dir, slipway_binary(), site, real_api=True)
        self.addCleanup(self.stack.stop)
        self.stack.start()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            print(self.stack.logs(), file=sys.stderr)

    def served(self):
        """Requests served and watches held, by verb and resource. Neither scheduler nor controllers run here: beside the
        controller only the API server itself asks, which watches nodes and pods once each."""
        text = self.stack.kubectl("get", "--raw", "/metrics")
        counts = {}
        for line in text.splitlines():
            found = re.match(r"(apiserver_request_total|apiserver_longrunning_requests)\{(.*)\} (\S+)$", line)
            if not found:
                continue
            labels = dict(re.findall(r'(\w+)="([^"]*)"', found[2]))
            key = (found[1], labels.get("verb"), labels.get("resource"), labels.get("subresource"))
            counts[key] = counts.get(key, 0) + float(found[3])
        return counts

    def count(self, kind, namespace=None):
        where = ["-n", namespace] if namespace else []
        return len(self.stack.kubectl("get", kind, *where, "-o", "name").split())

    def test_the_api_server_at_rest(self):
        begin = time.monotonic()
        wait_for("nodes", lambda: self.count("nodes") == NODES, 120, 1)
        nodes_after = time.monotonic() - begin
        pods = wait_for("pods that stay as many", self.steady_pods, 240, 3)
        pods_after = time.monotonic() - begin
        wait_for("leases", lambda: self.count("leases", "kube-node-lease") == NODES, 120, 1)
        before = self.served()
        time.sleep(WINDOW)
        after = self.served()
        made = {key: (value - before.get(key, 0)) / WINDOW for key, value in after.items()
                if key[0] == "apiserver_request_total" and key[1] not in ("WATCH", "CONNECT")}
        ours = {key: rate for key, rate in made.items() if key[2] in ("nodes", "pods", "leases", "events", "namespaces")}
        watches = {key[2]: int(value) for key, value in after.items()
                   if key[0] == "apiserver_longrunning_requests" and key[1] == "WATCH" and key[2] in ("nodes", "pods")}
        rate = sum(ours.values())
        print(f"\n{NODES} nodes after {nodes_after:.0f} s, {pods} pods after {pods_after:.0f} s; at rest {rate:.1f} requests/s; "
              f"watches held: {watches}", file=sys.stderr)
        for key, value in sorted(ours.items(), key=lambda item: -item[1])[:8]:
            if value:
                print(f"  {value:7.2f}/s {key[1]} {key[2]} {key[3] or ''}", file=sys.stderr)
        # A lease for each Node every ten seconds, and next to nothing beside that.
        self.assertLess(rate, NODES / 10 * 1.4 + 5)
        writes = sum(value for key, value in ours.items()
                     if key[1] in ("POST", "PATCH", "PUT", "DELETE") and key[2] in ("nodes", "pods"))
        self.assertLess(writes, 1)
        self.assertLessEqual(sum(watches.values()), 4)

    def steady_pods(self):
        first = self.count("pods", "slipway-jobs")
        time.sleep(5)
        now = self.count("pods", "slipway-jobs")
        return now if now and now == first else None


if __name__ == "__main__":
    unittest.main(verbosity=2)
