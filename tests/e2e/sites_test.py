"""The bridge on other Debians' Slurm: 24.11 of trixie, and 26.05 of sid with every pod in Apptainer.

Each class needs a root of its Debian: tools/testsite/root.py says where it is looked for. Agent and jobs run in it as an
ordinary user, `slip`; API server and controller run outside. Exit code 77 means that nothing could be run."""

import os
import pathlib
import sys
import unittest

import bridge_test
import mpi_test
import secluded_test
import secrets_test
from site_fixture import SiteTest, host_pod, pod, wait_for
from testsite import root
from testsite.processes import run
from testsite.stack import Stack

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
PATIENCE = 90


def static_binary():
    """The binary that runs in any Debian: SLIPWAY_STATIC, or what `make static` made."""
    return pathlib.Path(os.environ.get("SLIPWAY_STATIC", root.PROJECT / "build" / "static" / "slipway"))


class SiteStack(Stack):
    """With an `image`, every pod without a container gets that one: the cases of bridge_test.py run in it."""

    image = None

    def apply(self, manifest):
        spec = manifest.get("spec", {})
        if self.image and spec.get("runtimeClassName") == "slipway-host":
            del spec["runtimeClassName"]
            for container in spec.get("initContainers", []) + spec["containers"]:
                container["image"] = str(self.image)
        return super().apply(manifest)


class OtherSite(SiteTest):
    suite = ""
    contained = False
    stack_type = SiteStack

    @classmethod
    def place(cls):
        cls.root = root.Root(root.found(cls.suite), cls.dir, static_binary())
        return {"where": cls.root.enter()}

    @classmethod
    def setUpClass(cls):
        cls.root = None
        super().setUpClass()
        if cls.contained:
            cls.stack.image = cls.image

    @classmethod
    def tearDownClass(cls):
        # What slurmd leaves behind ends with the root.
        try:
            super().tearDownClass()
        finally:
            if cls.root:
                cls.root.leave()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            tails = "\n".join(f"== {name}\n{daemon.log_tail(12)}" for name, daemon in self.slurm.daemons.items())
            print(f"{tails}\n{self.slurm.command('scontrol', 'show', 'job', check=False).stdout[-3000:]}", file=sys.stderr)

    def one_job(self, uid):
        jobs = self.jobs_of(uid)
        self.assertLessEqual(len(jobs), 1, f"doubled: {jobs}")
        return jobs[0] if jobs else None

    def wait_job_end(self, uid, seconds=30):
        return wait_for("end of the job", lambda: (lambda j: j if j and j["JobState"] in ENDED else None)(self.one_job(uid)),
                        seconds)


class Life:
    """What bridge_test.py does not look at, and what a site may do differently."""

    def test_exec_gives_output_input_and_exit_code(self):
        self.check_exec()

    def test_the_user_is_the_sites_user(self):
        self.run_pod("user", "id -u; id -g")
        self.assertEqual(self.kubectl("logs", "user"), f"{root.UID}\n{root.UID}\n")

    def test_a_requeued_job_runs_its_pod_again_under_the_same_id(self):
        self.stack.apply(host_pod("again", ["sh", "-c", "echo start $SLURM_RESTART_COUNT; sleep 4"], restartPolicy="Always"))
        self.stack.wait_phase("again", ("Running",))
        uid = self.get_pod("again")["metadata"]["uid"]
        job = self.one_job(uid)["JobId"]
        self.slurm.command("scontrol", "requeue", job)
        wait_for("restart", lambda: self.one_job(uid)["Restarts"] == "1", 30)
        # slurmctld holds a requeued job back for two minutes; the pod waits with it.
        wait_for("waiting pod", lambda: self.stack.phase("again") in ("Pending", "Running"), 30)
        self.assertEqual(self.one_job(uid)["JobId"], job)
        self.kubectl("delete", "pod", "again", "--timeout=40s")
        self.wait_job_end(uid)

    def test_jobs_of_an_array_are_pods_of_their_own(self):
        job = self.slurm.command("sbatch", "--parsable", "--array=1-3", "--output=/dev/null", "--wrap=sleep 3").strip()

        def pods():
            return self.stack.get("pods", "-n", "slipway-jobs", "-l", f"slipway.dev/array-job-id={job}")["items"]

        wait_for("pods of the tasks", lambda: {p["metadata"]["labels"].get("slipway.dev/array-task-id") for p in pods()
                                               if p["spec"].get("nodeName")} >= {"1", "2", "3"}, 30)
        wait_for("end of the tasks", lambda: pods() and {p["status"].get("phase") for p in pods()} == {"Succeeded"}, 40)

    def test_a_volume_of_a_config_map(self):
        self.kubectl("create", "configmap", "volume", "--from-literal=key=value of a map")
        where = "/etc/volume" if self.contained else "$SLIPWAY_VOLUME_V"
        volumes = {"volumes": [{"name": "v", "configMap": {"name": "volume"}}, {"name": "e", "emptyDir": {}}]}
        manifest = host_pod("volume", ["sh", "-c", f"cat {where}/key"], **volumes)
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/etc/volume"},
                                                             {"name": "e", "mountPath": "/scratch/deep"}]
        self.stack.apply(manifest)
        self.assertEqual(self.stack.wait_phase("volume", ("Succeeded", "Failed")), "Succeeded")
        self.assertEqual(self.kubectl("logs", "volume"), "value of a map")

    def test_a_termination_message(self):
        log = "/dev/termination-log" if self.contained else "$SLIPWAY_TERMINATION_LOG"
        done = self.run_pod("message", f"printf 'last words' >{log}; exit 3")
        state = done["status"]["containerStatuses"][0]["state"]["terminated"]
        self.assertEqual((state["exitCode"], state["message"]), (3, "last words"))


class Trixie(OtherSite, bridge_test.Nodes, bridge_test.Jobs, bridge_test.Pods, bridge_test.Logs, bridge_test.Metrics, Life):
    """Slurm 24.11, without containers: no runtime of Debian 13 is needed."""

    suite = "trixie"

    def test_a_container_runs_in_its_image(self):
        if not any(self.root.has(program) for program in ("apptainer", "ch-run")):
            self.skipTest("the root has no container runtime")
        super().test_a_container_runs_in_its_image()


class InApptainer:
    """What only a container has."""

    def test_home_is_roots_or_what_the_pod_says(self):
        self.run_pod("home", 'echo "$HOME"; cd; pwd')
        self.assertEqual(self.kubectl("logs", "home"), "/root\n/root\n")
        manifest = host_pod("own-home", ["sh", "-c", 'echo "$HOME"'])
        manifest["spec"]["containers"][0]["env"] = [{"name": "HOME", "value": "/tmp/a,b"}]
        self.stack.apply(manifest)
        self.assertEqual(self.stack.wait_phase("own-home", ("Succeeded", "Failed")), "Succeeded")
        self.assertEqual(self.kubectl("logs", "own-home"), "/tmp/a,b\n")

    def test_a_program_that_is_not_there(self):
        self.stack.apply(host_pod("noprogram", ["/no/such/program"]))
        self.stack.wait_phase("noprogram", ("Failed",))
        ended = self.get_pod("noprogram")["status"]["containerStatuses"][0]["state"]["terminated"]
        self.assertEqual((ended["exitCode"], ended["reason"]), (127, "ContainerCannotRun"))
        self.assertEqual(ended["message"], 'exec: "/no/such/program": No such file or directory')

    def test_a_working_directory_is_made_and_the_root_has_room(self):
        script = "pwd; dd if=/dev/zero of=/big bs=1M count=100 2>/dev/null && echo room"
        manifest = host_pod("roomy", ["sh", "-c", script])
        manifest["spec"]["containers"][0]["workingDir"] = "/does/not/exist"
        self.stack.apply(manifest)
        self.assertEqual(self.stack.wait_phase("roomy", ("Succeeded", "Failed")), "Succeeded")
        self.assertEqual(self.kubectl("logs", "roomy"), "/does/not/exist\nroom\n")

    def test_variables_of_any_name(self):
        manifest = host_pod("names", ["env"])
        names = ("discovery.type", "a-b", "1x", "PS1", "IFS", "A")
        manifest["spec"]["containers"][0]["env"] = [{"name": name, "value": "x y"} for name in names]
        self.stack.apply(manifest)
        self.assertEqual(self.stack.wait_phase("names", ("Succeeded", "Failed")), "Succeeded")
        lines = self.kubectl("logs", "names").splitlines()
        for name in names:
            self.assertIn(f"{name}=x y", lines)
        self.assertFalse([line for line in lines if line.startswith(("APPTAINER", "SINGULARITY", "PROMPT_COMMAND"))])

    def test_a_sif_file_is_an_image(self):
        sif = self.dir / "images" / "box.sif"
        self.root.own(self.dir / "images")
        run(self.root.argv(["apptainer", "--quiet", "build", sif, self.image]), timeout=120)
        self.stack.apply(pod("sif", ["/bin/sh", "-c", "echo in the file; echo x >/new && cat /new"], image=str(sif)))
        self.assertEqual(self.stack.wait_phase("sif", ("Succeeded", "Failed"), 60), "Succeeded")
        self.assertEqual(self.kubectl("logs", "sif"), "in the file\nx\n")
        self.stack.apply(pod("in-sif", ["sleep", "60"], image=str(sif)))
        self.stack.wait_phase("in-sif", ("Running",))
        self.assertIn("busybox", self.kubectl("exec", "in-sif", "--", "ls", "/bin"))
        self.kubectl("delete", "pod", "in-sif", "--timeout=40s")

    def test_mounts_are_read_only_where_the_pod_says_so(self):
        """volumeMounts.readOnly, ConfigMaps always, and readOnlyRootFilesystem."""
        self.kubectl("create", "configmap", "fixed", "--from-literal=key=value")
        script = "for f in /ro/a /rw/a /conf/key /conf/new /sub/a /root-of-all; do " \
                 "if echo x 2>/dev/null >$f; then echo $f written; else echo $f not; fi; done"
        manifest = host_pod("fixed", ["sh", "-c", script], volumes=[
            {"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "fixed"}}])
        manifest["spec"]["containers"][0].update(securityContext={"readOnlyRootFilesystem": True}, volumeMounts=[
            {"name": "e", "mountPath": "/rw"}, {"name": "e", "mountPath": "/ro", "readOnly": True},
            {"name": "e", "mountPath": "/sub", "subPath": "inner", "readOnly": True}, {"name": "c", "mountPath": "/conf"}])
        self.stack.apply(manifest)
        self.assertEqual(self.stack.wait_phase("fixed", ("Succeeded", "Failed")), "Succeeded")
        self.assertEqual(self.kubectl("logs", "fixed").splitlines(),
                         ["/ro/a not", "/rw/a written", "/conf/key not", "/conf/new not", "/sub/a not", "/root-of-all not"])

    def test_an_image_is_a_volume(self):
        manifest = host_pod("imagevolume", ["sh", "-c", "ls /v/bin/busybox /b/sh; echo x 2>/dev/null >/v/new || echo read-only"],
                            volumes=[{"name": "v", "image": {"reference": str(self.image)}}])
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"},
                                                             {"name": "v", "mountPath": "/b", "subPath": "bin"}]
        self.stack.apply(manifest)
        self.assertEqual(self.stack.wait_phase("imagevolume", ("Succeeded", "Failed")), "Succeeded")
        self.assertEqual(self.kubectl("logs", "imagevolume").split(), ["/b/sh", "/v/bin/busybox", "read-only"])

    def test_the_nodes_files_are_not_the_containers(self):
        self.run_pod("apart", f"ls /home /root; ls {self.dir} 2>&1; hostname; ls /tmp; test -w /dev/shm && echo shm")
        logs = self.kubectl("logs", "apart")
        self.assertNotIn("slurm", logs)
        self.assertIn("\napart\n", logs)
        self.assertTrue(logs.endswith("shm\n"), logs)


class Sid(OtherSite, bridge_test.Nodes, bridge_test.Jobs, bridge_test.Pods, bridge_test.Logs, bridge_test.Metrics, Life,
          InApptainer):
    """Slurm 26.05, every pod in Apptainer 1.4."""

    suite = "sid"
    contained = True


class SidRanks(OtherSite, mpi_test.MultiNode):
    """Pods of several nodes, each rank in Apptainer."""

    suite = "sid"
    contained = True


class SidSecrets(OtherSite, secrets_test.OfRanks):
    """Secrets and changed volumes on all nodes, by the srun of Slurm 26.05."""

    suite = "sid"
    contained = True


class SidSecluded(OtherSite, secluded_test.Secluded):
    """Steps that carry what compute nodes may not, by the srun of Slurm 26.05."""

    suite = "sid"
    contained = True


class TrixieSecluded(OtherSite, secluded_test.Secluded):
    """The same by the srun of Slurm 24.11."""

    suite = "trixie"


class SidChaos(OtherSite):
    """kill -9 of slurmctld and agent while pods are submitted: none lost, none doubled."""

    suite = "sid"
    contained = True

    def kill(self, process):
        process.kill()
        process.wait(10)

    def submit_while(self, name, victim, restart, before):
        names = [f"{name}-{i}" for i in range(4)]
        for each in names[:before]:
            self.stack.apply(host_pod(each, ["sh", "-c", "echo begin; sleep 2; echo end"]))
        self.kill(victim)
        for each in names[before:]:
            self.stack.apply(host_pod(each, ["sh", "-c", "echo begin; sleep 2; echo end"]))
        restart()
        for each in names:
            self.assertEqual(self.stack.wait_phase(each, ("Succeeded", "Failed"), PATIENCE), "Succeeded", each)
            uid = self.get_pod(each)["metadata"]["uid"]
            self.assertEqual(self.wait_job_end(uid)["JobState"], "COMPLETED")
            self.assertEqual(self.kubectl("logs", each), "begin\nend\n")

    def test_kill_of_slurmctld(self):
        # A job that has begun before slurmctld wrote it down is begun again by Slurm, which is its own loss: one pod is on
        # its way at the most.
        self.submit_while("ctld", self.slurm.daemons["slurmctld"], self.slurm.start_controller, 1)

    def test_kill_of_the_agent(self):
        self.submit_while("agent", self.stack.processes["agent"], self.stack.start_agent, 2)


def main():
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")] or [
        "Trixie", "TrixieSecluded", "Sid", "SidRanks", "SidSecrets", "SidSecluded", "SidChaos"]
    why = {name: root.missing(globals()[name.split(".")[0]].suite) for name in wanted}
    for name, reason in why.items():
        if reason:
            print(f"SKIPPED {name}: {reason}", file=sys.stderr)
    if all(why.values()):
        sys.exit(77)
    unittest.main(verbosity=2, argv=[sys.argv[0], *(name for name in wanted if not why[name]),
                                     *(word for word in sys.argv[1:] if word.startswith("-"))])


if __name__ == "__main__":
    main()
