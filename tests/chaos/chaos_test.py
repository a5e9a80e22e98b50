"""kill -9 of every part at every step of a pod's life: no job lost, none doubled; Slurm's records are the judge."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from site_fixture import SiteTest, host_pod, wait_for  # noqa: E402

# Restarted parts come back when clients have backed off; that may take a while, but never more than this.
# A job that slurmctld forgot to have started is "a duplicate" to slurmd: Slurm drains the node and holds the job for 2 minutes.
PATIENCE = 240
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


class Chaos(SiteTest):
    def kill(self, victim, saved=True):
        if victim == "slurmctld":
            if saved:
                # slurmctld writes changes down within five seconds; what it loses before that is its own loss.
                time.sleep(6)
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

    def resume_duplicates(self):
        """A slurmctld that was killed before it saved a job's start starts it again; slurmd says that it has the job, and
        Slurm drains the node and holds the job. An operator resumes the node."""
        for line in self.slurm.command("sinfo", "-h", "-N", "-o", "%N %E", check=False).stdout.splitlines():
            node, _, reason = line.partition(" ")
            if "Duplicate jobid" in reason:
                self.slurm.command("scontrol", "update", f"NodeName={node}", "State=RESUME", check=False)

    def through(self, victim, step):
        name = f"{step}-{victim}"
        script = "echo begin; sleep 12; echo end" if victim == "slurmctld" else "echo begin; sleep 3; echo end"
        if step == "created":
            if victim == "apiserver":
                self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
                self.kill(victim)
            else:
                self.kill(victim, saved=False)
                self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
                time.sleep(0.5)
            self.restart(victim)
        elif step == "submitting":
            self.stack.apply(host_pod(name, ["/bin/sh", "-c", script]))
            time.sleep(0.15)
            self.kill(victim, saved=False)
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
            time.sleep(10 if victim == "slurmctld" else 1.5)
            self.restart(victim)
        def ended():
            self.resume_duplicates()
            phase = self.stack.phase(name)
            return phase if phase in ("Succeeded", "Failed") else None

        self.assertEqual(wait_for(f"end of pod {name}", ended, PATIENCE, 0.5), "Succeeded")
        uid = self.get_pod(name)["metadata"]["uid"]
        job = wait_for("end of the job", lambda: (lambda j: j if j and j["JobState"] in ENDED else None)(self.one_job(uid)), PATIENCE)
        # A job that Slurm requeued after its pod's end is cancelled; it ran to its end before.
        self.assertIn(job["JobState"], ("COMPLETED", "CANCELLED") if job["Restarts"] != "0" else ("COMPLETED",))
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


class Cuts(SiteTest):
    """The connection between agent and controller breaks, in every way that it can."""

    stack_options = {"through_gate": True}

    def node_ready(self, wanted):
        conditions = {c["type"]: c for c in self.stack.get("node", "n1")["status"]["conditions"]}
        return conditions["Ready"]["status"] == wanted

    def test_a_cut_while_a_pod_runs_changes_nothing_for_it(self):
        self.stack.apply(host_pod("cut", ["/bin/sh", "-c", "echo begin; sleep 4; echo end"]))
        self.stack.wait_phase("cut", ("Running",), PATIENCE)
        for _ in range(3):
            self.stack.gate.cut()
            time.sleep(0.7)
        self.assertEqual(self.stack.wait_phase("cut", ("Succeeded", "Failed"), PATIENCE), "Succeeded")
        self.assertEqual(len(self.jobs_of(self.get_pod("cut")["metadata"]["uid"])), 1)
        self.assertEqual(self.kubectl("logs", "cut"), "begin\nend\n")

    def test_a_silent_connection_is_noticed_and_its_pods_live_on(self):
        self.stack.apply(host_pod("silent", ["/bin/sh", "-c", "sleep 45; echo end"]))
        self.stack.wait_phase("silent", ("Running",), PATIENCE)
        self.stack.gate.freeze()
        # 30 s to notice, and the grace that a short absence has.
        wait_for("Ready=Unknown", lambda: self.node_ready("Unknown"), 70)
        self.stack.gate.thaw()
        wait_for("Ready nodes", lambda: self.node_ready("True"), PATIENCE)
        self.assertEqual(self.stack.wait_phase("silent", ("Succeeded", "Failed"), PATIENCE), "Succeeded")
        self.assertEqual(len(self.jobs_of(self.get_pod("silent")["metadata"]["uid"])), 1)

    def test_submissions_through_a_flapping_connection_are_made_once(self):
        names = [f"flap-{i}" for i in range(6)]
        for name in names:
            self.stack.apply(host_pod(name, ["true"]))
            self.stack.gate.cut()
            time.sleep(0.3)
        for name in names:
            self.assertEqual(self.stack.wait_phase(name, ("Succeeded", "Failed"), PATIENCE), "Succeeded")
            self.assertEqual(len(self.jobs_of(self.get_pod(name)["metadata"]["uid"])), 1)


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
