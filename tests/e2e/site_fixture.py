"""What every end-to-end test stands on: a Slurm site and Slipway's processes in a directory of their own."""

import os
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from testsite.janitor import Janitor  # noqa: E402
from testsite.busybox import make_image  # noqa: E402
from testsite.processes import Failed, wait_for  # noqa: E402
from testsite.slurm import Slurm  # noqa: E402
from testsite.stack import Stack, host_pod, pod  # noqa: E402

__all__ = ["Failed", "ROOT", "SiteTest", "host_pod", "pod", "slipway_binary", "wait_for"]


def slipway_binary():
    """The binary under test: SLIPWAY, or what `make build` made."""
    return pathlib.Path(os.environ.get("SLIPWAY", ROOT / "build" / "slipway"))


class SiteTest(unittest.TestCase):
    """One site for all tests of a class; each test uses pod names of its own."""

    agent_options = ""
    controller_options = ""
    slurm_options = {}
    stack_options = {}
    stack_type = Stack
    cgroups = ""  # a pattern of names of control groups that the site makes

    @classmethod
    def place(cls):
        """Further options of Slurm that depend on the site's directory: what it runs on."""
        return {}

    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="slipway-e2e."))
        cls.janitor = Janitor(cls.dir, cls.cgroups)
        cls.slurm = None
        cls.stack = None
        try:
            cls.slurm = Slurm(cls.dir / "slurm", cluster="e2e", **cls.place(), **cls.slurm_options).start()
            cls.image = make_image(cls.dir / "images" / "busybox")
            cls.stack = cls.stack_type(cls.dir, slipway_binary(), cls.slurm, images=[cls.dir / "images"],
                              agent_options=cls.agent_options, controller_options=cls.controller_options, **cls.stack_options)
            cls.stack.start()
            cls.stack.wait_nodes()
        except BaseException:
            if cls.stack:
                print(cls.stack.logs(), file=sys.stderr)
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.stack:
            cls.stack.stop()
        if cls.slurm:
            cls.slurm.stop()
        cls.janitor.close()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before and self.stack:
            print(f"---- {self.id()} failed; logs end:\n{self.stack.logs()}", file=sys.stderr)

    def kubectl(self, *arguments, **options):
        return self.stack.kubectl(*arguments, **options)

    def get_pod(self, name, namespace="default"):
        return self.stack.get("pod", name, "-n", namespace)

    @staticmethod
    def supervisors_of(uid):
        """Process ids of the pod's supervisors on this host, without their keepers."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            except OSError:
                continue
            if b"supervise" in words and uid.encode() in b" ".join(words) and b"keeper" not in words[0]:
                found.append(int(entry.name))
        return found

    def jobs_of(self, uid):
        """Slurm's jobs that carry the pod's identity, whatever their state."""
        return [job for job in self.slurm.jobs() if f":{uid}:" in job.get("Comment", "")]

    def run_pod(self, name, script, seconds=60, **spec):
        """Runs a script on the host runtime to its end and gives the pod."""
        self.stack.apply(host_pod(name, ["/bin/sh", "-c", script], **spec))
        self.stack.wait_phase(name, ("Succeeded", "Failed"), seconds)
        return self.get_pod(name)

    def check_exec(self):
        """exec gives output and exit code and takes input."""
        self.stack.apply(host_pod("shell", ["sleep", "120"]))
        self.stack.wait_phase("shell", ("Running",))
        self.assertEqual(self.kubectl("exec", "shell", "--", "echo", "a b"), "a b\n")
        self.assertEqual(self.kubectl("exec", "-i", "shell", "--", "cat", stdin="given"), "given")
        self.assertEqual(self.kubectl("exec", "shell", "--", "sh", "-c", "exit 7", check=False).returncode, 7)
        self.kubectl("delete", "pod", "shell", "--timeout=40s")

    def events_of(self, name):
        items = self.stack.get("events")["items"]
        return [(e.get("reason"), e.get("message")) for e in items if e["involvedObject"].get("name") == name]
