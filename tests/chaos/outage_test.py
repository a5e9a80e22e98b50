"""slurmctld is away for longer than any back-off lasts: what waited goes on soon after it is back."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from site_fixture import SiteTest, host_pod, wait_for  # noqa: E402

AWAY = 75
# The longest silence is 15 s and a fifth; slurmctld takes some seconds to hear of its nodes.
SOON = 40


class LongOutage(SiteTest):
    def test_what_waited_goes_on_soon(self):
        self.stack.apply(host_pod("goes", ["sleep", "600"]))
        self.stack.wait_phase("goes", ("Running",))
        time.sleep(6)  # slurmctld has saved that
        uid = self.get_pod("goes")["metadata"]["uid"]
        self.slurm.daemons["slurmctld"].kill()
        self.slurm.daemons["slurmctld"].wait(10)
        ends = time.monotonic() + AWAY
        self.stack.apply(host_pod("waits", ["true"]))
        time.sleep(max(0, ends - time.monotonic()))
        self.kubectl("delete", "pod", "goes", "--wait=false")
        self.slurm.start_controller()
        wait_for("slurmctld", lambda: self.slurm.command("squeue", "-h") is not None, 30)
        back = time.monotonic()
        self.assertEqual(self.stack.wait_phase("waits", ("Succeeded", "Failed"), 150), "Succeeded")
        wait_for("end of the deleted pod", lambda: not self.kubectl("get", "pod", "goes", "--ignore-not-found"), 150)
        took = time.monotonic() - back
        print(f"recovered {took:.1f} s after slurmctld had answered", file=sys.stderr)
        self.assertLess(took, SOON)
        self.assertEqual(len(self.jobs_of(self.get_pod("waits")["metadata"]["uid"])), 1)
        wait_for("end of its job", lambda: self.jobs_of(uid)[0]["JobState"] in ("CANCELLED", "FAILED", "COMPLETED"), 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
