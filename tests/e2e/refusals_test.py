"""What a site refuses or does in another way, as users see it: who waits, who fails, and what is told. Options of sbatch that
pods bring along from other bridges; streams that end badly."""

import json
import re
import socket
import subprocess
import threading
import time
import unittest

from pods_test import PodTest
from site_fixture import host_pod, wait_for
from testsite.processes import free_port


class Refusals(PodTest):
    """Pods that Slipway or Slurm refuses."""

    def test_logs_of_a_pod_that_never_ran_say_why(self):
        manifest = host_pod("invalid", ["true"], hostPID=True)
        self.start(manifest)
        self.assertEqual(self.end_of("invalid")["status"]["phase"], "Failed")
        said = self.call("logs", "invalid")
        self.assertEqual(said.returncode, 1)
        self.assertIn("never ran: InvalidPod: ", said.stderr)

    def test_what_sbatch_said_stays(self):
        manifest = host_pod("greedy", ["true"], nodeName="n1")
        manifest["spec"]["containers"][0]["resources"] = {"requests": {"memory": "500Ti"}}
        self.start(manifest)
        wait_for("its refusal", lambda: self.get_pod("greedy")["status"].get("reason") == "SubmitRefused", 30)
        uid = self.get_pod("greedy")["metadata"]["uid"]
        # Slurm 22.05 keeps a record of the job that it refused, with our comment.
        wait_for("Slurm's record", lambda: self.jobs_of(uid), 20)
        time.sleep(4)  # some polls of the agent, which must change nothing
        status = self.get_pod("greedy")["status"]
        self.assertEqual((status["phase"], status["reason"]), ("Pending", "SubmitRefused"), status)
        self.assertIn("sbatch", status["message"])
        self.kubectl("delete", "pod", "greedy", "--timeout=20s")

    def test_a_request_of_local_disk_is_no_hindrance(self):
        manifest = host_pod("disk", ["true"])
        manifest["spec"]["containers"][0]["resources"] = {"limits": {"ephemeral-storage": "1Mi"}}
        self.start(manifest)
        self.succeed("disk")
        self.wait_event("disk", "WorksDifferently", "ephemeral-storage")
        for node in json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]:
            self.assertIn("ephemeral-storage", node["status"]["allocatable"])


class Flags(PodTest):
    """Options of sbatch, in the spellings of HPK and Supernetes too."""

    def job_with(self, name, annotations=None, labels=None, **spec):
        manifest = host_pod(name, ["sh", "-c", "echo $SLURM_JOB_NUM_NODES $SLURM_NTASKS $SLURM_CPUS_ON_NODE"], **spec)
        manifest["metadata"].update(annotations=annotations or {}, labels=labels or {})
        self.start(manifest)
        self.succeed(name)
        return self.jobs_of(self.get_pod(name)["metadata"]["uid"])[0]

    def test_a_flag_counts_more_than_a_default(self):
        gpu = {"nodeSelector": {"slipway.dev/partition.gpu": "true"}}
        flags = {"slurm.hpk.io/flags": "--partition=gpu --time=7"}
        self.assertEqual(self.job_with("hpk", flags, **gpu)["Partition"], "gpu")
        self.assertEqual(self.job_with("super", None, {"supernetes-option/partition": "gpu"}, **gpu)["Partition"], "gpu")
        both = {**flags, "slipway.dev/partition": "debug"}
        job = self.job_with("both", both, **gpu)
        self.assertEqual((job["Partition"], job["TimeLimit"]), ("debug", "00:07:00"))

    def test_cpus_and_tasks(self):
        job = self.job_with("cpus", {"slurm.hpk.io/flags": "-c2"})
        self.assertEqual(job["CPUs/Task"], "2")
        self.assertEqual(self.job_with("tasks", {"slurm.hpk.io/flags": "-n 2"})["NumTasks"], "2")

    def test_an_annotation_that_nobody_knows_is_told(self):
        self.job_with("typo", {"slipway.dev/time_limit": "5"})
        self.wait_event("typo", "WorksDifferently", "slipway.dev/time_limit")


class Streams(PodTest):
    """attach and port-forward when the other side fails."""

    def test_attach_ends_well_whatever_the_exit_code(self):
        manifest = host_pod("fails", ["sh", "-c", "cat; echo bye; exit 5"])
        manifest["spec"]["containers"][0].update(stdin=True, stdinOnce=True)
        self.start(manifest)
        self.stack.wait_phase("fails", ("Running",))
        done = self.call("attach", "-i", "fails", stdin="hello\n")
        self.assertEqual((done.returncode, done.stdout), (0, "hello\nbye\n"), done.stderr)
        self.assertEqual(self.end_of("fails")["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 5)

    def test_a_port_where_nobody_listens_is_told(self):
        self.start(host_pod("deaf", ["sleep", "60"]))
        self.stack.wait_phase("deaf", ("Running",))
        port = free_port()
        forward = subprocess.Popen(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "port-forward", "pod/deaf", f":{port}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = [forward.stdout.readline()]
        reader = threading.Thread(target=lambda: said.extend(forward.stdout))
        reader.start()
        try:
            local = int(re.search(r"127.0.0.1:(\d+)", said[0])[1])
            with socket.create_connection(("127.0.0.1", local), 10) as client:
                client.settimeout(20)
                client.sendall(b"hello?")
                try:
                    self.assertEqual(client.recv(10), b"")
                except ConnectionResetError:
                    pass
            wait_for("kubectl's word", lambda: re.search(rf"error forwarding port {port} to pod default/deaf: .*refused", "".join(said)), 10)
        finally:
            forward.terminate()
            forward.wait(10)
            reader.join(10)
            forward.stdout.close()


if __name__ == "__main__":
    unittest.main()
