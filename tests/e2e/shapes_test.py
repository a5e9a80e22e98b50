"""Jobs and logs of every shape: arrays, heterogeneous jobs, requeues, several containers, the options of kubectl logs."""

import unittest

from site_fixture import SiteTest, host_pod, wait_for


class JobShapes(SiteTest):
    def pods_of(self, selector):
        return self.stack.get("pods", "-n", "slipway-jobs", "-l", selector)["items"]

    def test_each_task_of_an_array_is_a_pod(self):
        job = self.slurm.command("sbatch", "--parsable", "--array=3,5,9%2", "--output=/dev/null", "--wrap=sleep 60").strip()

        def tasks():
            return {p["metadata"]["labels"]["slipway.dev/array-task-id"]: p["status"].get("phase")
                    for p in self.pods_of(f"slipway.dev/array-job-id={job}")
                    if "slipway.dev/array-task-id" in p["metadata"]["labels"]}

        running = wait_for("two running tasks", lambda: (lambda now: now if list(now.values()).count("Running") == 2
                                                         else None)(tasks()), 30)
        self.assertLessEqual(set(running), {"3", "5", "9"})
        self.slurm.command("scancel", f"{job}_3")
        wait_for("the third task", lambda: {t for t, phase in tasks().items() if phase == "Running"} == {"5", "9"}, 30)
        self.slurm.command("scancel", job)
        wait_for("end of all tasks", lambda: "Running" not in tasks().values(), 30)

    def test_each_component_of_a_heterogeneous_job_is_a_pod(self):
        job = self.slurm.command("sbatch", "--parsable", "--output=/dev/null", "--cpus-per-task=1", ":", "--cpus-per-task=2",
                                 "--wrap=sleep 60").strip()

        def components():
            return {p["metadata"]["labels"].get("slipway.dev/het-job-offset"):
                    p["spec"]["containers"][0]["resources"]["requests"]["cpu"]
                    for p in self.pods_of(f"slipway.dev/het-job-id={job}") if p["status"].get("phase") == "Running"}

        wait_for("both components", lambda: components() == {"0": "1", "1": "2"}, 30)
        self.slurm.command("scancel", job)
        wait_for("end of both", lambda: not components(), 30)

    def test_a_job_with_gpus_asks_for_them(self):
        job = self.slurm.command("sbatch", "--parsable", "--gres=gpu:a100:2", "--output=/dev/null", "--wrap=sleep 60").strip()
        pods = wait_for("pod", lambda: [p for p in self.pods_of(f"slipway.dev/job-id={job}")
                                        if p["status"].get("phase") == "Running"], 30)
        self.assertEqual(pods[0]["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/gpu"], "2")
        self.slurm.command("scancel", job)


class PodShapes(SiteTest):
    def test_a_requeue_is_a_restart_and_no_end(self):
        script = "echo run $SLURM_RESTART_COUNT; [ -n \"$SLURM_RESTART_COUNT\" ] || sleep 600"
        self.stack.apply(host_pod("again", ["/bin/sh", "-c", script]))
        self.stack.wait_phase("again", ("Running",))
        uid = self.get_pod("again")["metadata"]["uid"]
        [job] = self.jobs_of(uid)
        self.slurm.command("scontrol", "requeue", job["JobId"])
        # Slurm holds a requeued job back for two minutes; started within the second, slurmd takes it for the run before.
        wait_for("pending again", lambda: self.jobs_of(uid)[0]["JobState"] != "COMPLETING", 30)
        self.slurm.command("scontrol", "update", f"JobId={job['JobId']}", "StartTime=now+5", check=False)
        self.assertEqual(self.stack.wait_phase("again", ("Succeeded", "Failed"), 180), "Succeeded")
        self.assertEqual(self.get_pod("again")["status"]["containerStatuses"][0]["restartCount"], 1)
        self.assertEqual(len(self.jobs_of(uid)), 1)
        self.assertEqual(self.kubectl("logs", "again"), "run 1\n")

    def test_logs_of_each_container_and_of_the_one_before(self):
        spec = host_pod("two", ["/bin/sh", "-c", "echo first"], restartPolicy="OnFailure")
        once = self.dir / "once"
        second = {**spec["spec"]["containers"][0], "name": "second", "command": [
            "/bin/sh", "-c", f"if mkdir {once} 2>/dev/null; then echo broken; exit 1; fi; echo mended"]}
        spec["spec"]["containers"].append(second)
        self.stack.apply(spec)
        self.assertEqual(self.stack.wait_phase("two", ("Succeeded", "Failed"), 90), "Succeeded")
        self.assertEqual(self.kubectl("logs", "two", "-c", "main"), "first\n")
        self.assertEqual(self.kubectl("logs", "two", "-c", "second"), "mended\n")
        self.assertEqual(self.kubectl("logs", "two", "-c", "second", "--previous"), "broken\n")
        self.assertIn("[pod/two/second] mended", self.kubectl("logs", "two", "--all-containers", "--prefix"))

    def test_logs_since(self):
        self.stack.apply(host_pod("since", ["/bin/sh", "-c", "echo old; sleep 6; echo new; sleep 600"]))
        wait_for("both lines", lambda: self.kubectl("logs", "since", check=False).stdout == "old\nnew\n", 60)
        self.assertEqual(self.kubectl("logs", "since", "--since=4s"), "new\n")
        self.assertEqual(self.kubectl("logs", "since", "--since=1h"), "old\nnew\n")
        self.kubectl("delete", "pod", "since", "--timeout=30s")


if __name__ == "__main__":
    unittest.main()
