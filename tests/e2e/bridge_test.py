"""The bridge, end to end: real Slurm, real kubectl, the real binary."""

import json
import os
import time
import unittest

from site_fixture import SiteTest, host_pod, pod, wait_for


class Nodes(SiteTest):
    def test_every_slurm_node_is_a_ready_node_with_its_capacity(self):
        nodes = {n["metadata"]["name"]: n for n in self.stack.get("nodes")["items"]}
        self.assertEqual(set(nodes), set(self.slurm.nodes))
        n4 = nodes["n4"]
        self.assertEqual(n4["status"]["capacity"]["cpu"], "8")
        self.assertEqual(n4["status"]["capacity"]["nvidia.com/gpu"], "4")
        labels = n4["metadata"]["labels"]
        self.assertEqual(labels["slipway.dev/partition.gpu"], "true")
        self.assertEqual(labels["slipway.dev/feature.ib"], "true")
        self.assertEqual(labels["kubernetes.io/os"], "linux")
        self.assertIn({"key": "slipway.dev/slurm", "effect": "NoSchedule"}, n4["spec"]["taints"])

    def test_a_drained_node_is_cordoned_with_the_reason_and_heals(self):
        self.slurm.command("scontrol", "update", "nodename=n3", "state=drain", "reason=bad disk = sda")

        def node():
            return self.stack.get("node", "n3")

        wait_for("cordon", lambda: node()["spec"].get("unschedulable"), 15)
        conditions = {c["type"]: c for c in node()["status"]["conditions"]}
        self.assertEqual(conditions["Drained"]["status"], "True")
        self.assertIn("bad disk = sda", conditions["Drained"]["message"])
        self.slurm.command("scontrol", "update", "nodename=n3", "state=resume")
        wait_for("end of cordon", lambda: not node()["spec"].get("unschedulable"), 15)


class Jobs(SiteTest):
    def test_a_job_is_a_pod_on_each_of_its_nodes_and_ends_as_it_ends(self):
        job = self.slurm.command("sbatch", "--parsable", "--nodes=2", "--ntasks-per-node=1", "--job-name=my job=ä 日本",
                                 "--output=/dev/null", "--wrap=sleep 5; exit 3").strip()

        def pods():
            return self.stack.get("pods", "-n", "slipway-jobs", "-l", f"slipway.dev/job-id={job}")["items"]

        wait_for("running pods", lambda: len([p for p in pods() if p["status"].get("phase") == "Running"]) == 2, 20)
        self.assertEqual(len({p["spec"]["nodeName"] for p in pods()}), 2)
        self.assertEqual(pods()[0]["metadata"]["annotations"]["slipway.dev/job-name"], "my job=ä 日本")
        wait_for("failed pods", lambda: [p["status"].get("phase") for p in pods()] == ["Failed"] * 2, 30)

    def test_a_waiting_job_is_a_gated_pod_and_cancel_ends_it(self):
        job = self.slurm.command("sbatch", "--parsable", "--begin=now+1hour", "--output=/dev/null", "--wrap=true").strip()

        def pods():
            return self.stack.get("pods", "-n", "slipway-jobs", "-l", f"slipway.dev/job-id={job}")["items"]

        wait_for("pending pod", lambda: pods() and pods()[0]["status"].get("phase") == "Pending", 20)
        self.assertTrue(pods()[0]["spec"]["schedulingGates"])
        self.slurm.command("scancel", job)
        wait_for("end of the pod", lambda: not pods() or pods()[0]["status"].get("phase") == "Failed", 20)


class Pods(SiteTest):
    def test_a_pod_runs_as_one_job_and_succeeds(self):
        done = self.run_pod("ok", "echo hello; echo $SLURM_JOB_ID")
        self.assertEqual(done["status"]["phase"], "Succeeded")
        jobs = self.jobs_of(done["metadata"]["uid"])
        self.assertEqual(len(jobs), 1)
        self.assertEqual(self.kubectl("logs", "ok"), f"hello\n{jobs[0]['JobId']}\n")

    def test_the_exit_code_is_the_containers(self):
        done = self.run_pod("fails", "exit 7")
        self.assertEqual(done["status"]["phase"], "Failed")
        state = done["status"]["containerStatuses"][0]["state"]["terminated"]
        self.assertEqual((state["exitCode"], state["reason"]), (7, "Error"))

    def test_a_container_runs_in_its_image(self):
        self.stack.apply(pod("boxed", ["/bin/sh", "-c", "ls /bin/busybox; cat /etc/passwd"], image=str(self.image)))
        self.assertEqual(self.stack.wait_phase("boxed", ("Succeeded", "Failed"), 60), "Succeeded")
        self.assertIn("/bin/busybox\nroot:x:0:0", self.kubectl("logs", "boxed"))

    def test_environment_reaches_the_container_unchanged(self):
        hostile = "it's $(touch /tmp/pwned) `x` \\n \"q\" \n second line"
        self.kubectl("create", "configmap", "settings", "--from-literal=KEY=from map")
        self.kubectl("create", "secret", "generic", "hidden", "--from-literal=word=s3cret")
        spec = host_pod("env", ["/bin/sh", "-c", 'printf "%s|%s|%s|%s|%s" "$A" "$B" "$KEY" "$S" "$NODE"'])
        spec["spec"]["containers"][0].update(
            env=[{"name": "A", "value": hostile}, {"name": "B", "value": "$(A)"},
                 {"name": "S", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "word"}}},
                 {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
            envFrom=[{"configMapRef": {"name": "settings"}}])
        self.stack.apply(spec)
        self.assertEqual(self.stack.wait_phase("env", ("Succeeded", "Failed"), 60), "Succeeded")
        node = self.get_pod("env")["spec"]["nodeName"]
        self.assertEqual(self.kubectl("logs", "env"), f"{hostile}|{hostile}|from map|s3cret|{node}")

    def test_delete_cancels_the_job_after_the_grace_period(self):
        self.stack.apply(host_pod("deleted", ["/bin/sh", "-c", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done"]))
        self.stack.wait_phase("deleted", ("Running",))
        uid = self.get_pod("deleted")["metadata"]["uid"]
        self.kubectl("delete", "pod", "deleted", "--timeout=30s")
        wait_for("end of the job", lambda: all(j["JobState"] not in ("RUNNING", "PENDING", "COMPLETING")
                                               for j in self.jobs_of(uid)), 20)
        self.assertEqual(len(self.jobs_of(uid)), 1)

    def test_a_wrong_partition_is_said_on_the_pod(self):
        manifest = host_pod("lost", ["true"])
        manifest["metadata"]["annotations"] = {"slipway.dev/partition": "nosuch"}
        self.stack.apply(manifest)
        wait_for("event", lambda: any("nosuch" in (m or "") or "partition" in (m or "").lower()
                                      for _, m in self.events_of("lost")), 30)
        self.kubectl("delete", "pod", "lost", "--timeout=30s")

    def test_scancel_by_the_user_fails_the_pod(self):
        self.stack.apply(host_pod("cancelled", ["sleep", "600"]))
        self.stack.wait_phase("cancelled", ("Running",))
        job = self.jobs_of(self.get_pod("cancelled")["metadata"]["uid"])[0]["JobId"]
        self.slurm.command("scancel", job)
        self.assertEqual(self.stack.wait_phase("cancelled", ("Failed", "Succeeded"), 40), "Failed")


class Logs(SiteTest):
    def test_nothing_is_lost_at_exit(self):
        wanted = "".join(f"{i}\n" for i in range(1, 100001))
        for run in range(int(os.environ.get("SLIPWAY_LOG_RUNS", "3"))):
            self.run_pod(f"seq-{run}", "seq 100000")
            self.assertEqual(self.kubectl("logs", f"seq-{run}"), wanted, f"run {run}")

    def test_lines_of_any_length(self):
        self.run_pod("long", "head -c 300000 /dev/zero | tr '\\0' x; echo; printf end")
        self.assertEqual(self.kubectl("logs", "long"), "x" * 300000 + "\nend")

    def test_tail_limit_and_timestamps(self):
        self.run_pod("tail", "seq 10")
        self.assertEqual(self.kubectl("logs", "tail", "--tail=3"), "8\n9\n10\n")
        self.assertEqual(self.kubectl("logs", "tail", "--limit-bytes=4"), "1\n2\n")
        first = self.kubectl("logs", "tail", "--timestamps").split("\n")[0]
        self.assertRegex(first, r"^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) 1$")

    def test_follow_ends_with_the_container_and_no_output_does_not_block(self):
        self.stack.apply(host_pod("follow", ["/bin/sh", "-c", "sleep 2; seq 5; sleep 2; seq 5"]))
        self.stack.wait_phase("follow", ("Running",))
        begin = time.monotonic()
        self.assertEqual(self.kubectl("logs", "follow"), "")
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(self.kubectl("logs", "-f", "follow", timeout=60), "1\n2\n3\n4\n5\n" * 2)

    def test_the_log_of_a_mirrored_job_is_its_output_file(self):
        out = self.dir / "mirrored.out"
        job = self.slurm.command("sbatch", "--parsable", f"--output={out}", "--wrap=echo from the job; sleep 20").strip()
        pods = wait_for("pod", lambda: [p for p in self.stack.get("pods", "-n", "slipway-jobs", "-l",
                                                                  f"slipway.dev/job-id={job}")["items"]
                                        if p["status"].get("phase") == "Running"], 20)
        name = pods[0]["metadata"]["name"]
        wait_for("log", lambda: "from the job" in self.kubectl("logs", "-n", "slipway-jobs", name), 10)


class Metrics(SiteTest):
    def test_resource_metrics_and_summary_of_a_node(self):
        metrics = self.kubectl("get", "--raw", "/api/v1/nodes/n1/proxy/metrics/resource")
        self.assertIn("node_memory_working_set_bytes", metrics)
        self.assertIn("node_cpu_usage_seconds_total", metrics)
        summary = json.loads(self.kubectl("get", "--raw", "/api/v1/nodes/n1/proxy/stats/summary"))
        self.assertEqual(summary["node"]["nodeName"], "n1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
