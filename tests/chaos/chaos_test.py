"""kill -9 of every part at every step of a pod's life: no job lost, none doubled; Slurm's records are the judge."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from site_fixture import SiteTest, host_pod, wait_for  # noqa: E402

# Restarted parts come back when clients have backed off; that may take a while, but never more than this.
PATIENCE = 90
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


class Chaos(SiteTest):
    def kill(self, victim):
        if victim == "slurmctld":
            self.slurm.daemons["slurmctld"].kill()
            self.slurm.daemons["slurmctld"].wait(10)
        else:
            self.stack.processes[victim].kill()
            self.stack.processes[victim].wait(10)

    def restart(self, victim):
        {"slurmctld": self.slurm.start_controller, "controller": self.stack.start_controller,
         "agent": self.stack.start_agent, "apiserver": self.stack.start_apiserver}[victim]()
        if victim == "slurmctld":
            wait_for("slurmctld", lambda: self.slurm.command("squeue", "-h") is not None, 30)

    def one_job(self, uid):
        """The pod's only job, however often Slurm is asked."""
        jobs = self.jobs_of(uid)
        self.assertLessEqual(len(jobs), 1, f"doubled: {jobs}")
        return jobs[0] if jobs else None

    def through(self, victim, step):
        name = f"{step}-{victim}"
        script = "echo begin; sleep 3; echo end"
        if step == "created":
            if victim == "apiserver":
                self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
                self.kill(victim)
            else:
                self.kill(victim)
                self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
                time.sleep(0.5)
            self.restart(victim)
        elif step == "submitting":
            self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
            time.sleep(0.15)
            self.kill(victim)
            time.sleep(0.5)
            self.restart(victim)
        elif step == "running":
            self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
            self.stack.wait_phase(name, ("Running",), PATIENCE)
            self.kill(victim)
            time.sleep(0.5)
            self.restart(victim)
        elif step == "ending":
            self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
            self.stack.wait_phase(name, ("Running",), PATIENCE)
            time.sleep(2.5)
            self.kill(victim)
            time.sleep(1.5)
            self.restart(victim)
        self.assertEqual(self.stack.wait_phase(name, ("Succeeded", "Failed"), PATIENCE), "Succeeded")
        uid = self.get_pod(name)["metadata"]["uid"]
        job = wait_for("end of the job", lambda: (lambda j: j if j and j["JobState"] in ENDED else None)(self.one_job(uid)), 30)
        self.assertEqual(job["JobState"], "COMPLETED")
        self.assertEqual(self.kubectl("logs", name), "begin\nend\n")

    def deleted_while_down(self, victim):
        name = f"deleted-{victim}"
        self.stack.apply(host_pod(name, ["/bin/sh", "-c", "sleep 600"]))
        self.stack.wait_phase(name, ("Running",), PATIENCE)
        uid = self.get_pod(name)["metadata"]["uid"]
        self.kill(victim)
        self.kubectl("delete", "pod", name, "--wait=false")
        time.sleep(1)
        self.restart(victim)
        wait_for("end of the pod object", lambda: not self.kubectl("get", "pod", name, "--ignore-not-found"), PATIENCE)
        wait_for("end of the job", lambda: self.one_job(uid)["JobState"] in ENDED, PATIENCE)


def add_tests():
    for victim in ("controller", "agent", "apiserver", "slurmctld"):
        for step in ("created", "submitting", "running", "ending"):
            def test(self, victim=victim, step=step):
                self.through(victim, step)
            setattr(Chaos, f"test_kill_{victim}_when_{step}", test)
    for victim in ("controller", "agent", "slurmctld"):
        def test(self, victim=victim):
            self.deleted_while_down(victim)
        setattr(Chaos, f"test_pod_deleted_while_{victim}_is_down", test)


add_tests()

if __name__ == "__main__":
    unittest.main(verbosity=2)
