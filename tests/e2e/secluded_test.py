"""A site whose compute nodes cannot reach the agent: what goes by files goes on, the rest goes through a job step, while it
is asked for."""

import subprocess
import time
import unittest

from site_fixture import SiteTest, host_pod, wait_for


class Secluded(SiteTest):
    # Jobs are told an address where the agent does not listen.
    stack_options = {"hub_address": "127.99.0.1"}

    def log_of(self, name):
        return self.kubectl("logs", name, check=False).stdout

    def test_a_pod_runs_shows_its_log_and_its_end(self):
        self.stack.apply(host_pod("talks", ["sh", "-c", "echo one; sleep 8; echo two; exit 3"]))
        self.stack.wait_phase("talks", {"Running"})
        wait_for("the first line", lambda: self.log_of("talks") == "one\n", 30)
        self.assertEqual(self.kubectl("logs", "-f", "talks"), "one\ntwo\n")
        self.stack.wait_phase("talks", {"Failed"})
        ended = self.get_pod("talks")["status"]["containerStatuses"][0]["state"]["terminated"]
        self.assertEqual((ended["exitCode"], ended["reason"]), (3, "Error"))

    def test_a_deleted_pod_has_its_grace_and_goes(self):
        words = "trap 'echo term; sleep 1; echo bye; exit 0' TERM; echo up; while :; do sleep 0.2; done"
        self.stack.apply(host_pod("traps", ["sh", "-c", words], terminationGracePeriodSeconds=40))
        self.stack.wait_phase("traps", {"Running"})
        wait_for("the log", lambda: self.log_of("traps") == "up\n", 30)
        follower = subprocess.Popen(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "logs", "-f", "traps"],
                                    stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        began = time.monotonic()
        self.kubectl("delete", "pod", "traps", timeout=60)
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(follower.communicate(timeout=30)[0], "up\nterm\nbye\n")

    def test_exec_and_its_input_go_through_a_job_step(self):
        self.stack.apply(host_pod("runs", ["sleep", "600"]))
        self.stack.wait_phase("runs", {"Running"})
        done = self.kubectl("exec", "runs", "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False, timeout=90)
        self.assertEqual((done.returncode, done.stdout), (7, "out\n"), done.stderr)
        self.assertIn("err", done.stderr)
        data = "".join(chr(i % 256 or 1) for i in range(100000)).encode("latin-1")
        done = subprocess.run(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "exec", "-i", "runs", "--", "cat"], input=data,
                              capture_output=True, timeout=90)
        self.assertEqual((done.returncode, done.stdout == data), (0, True), done.stderr)
        self.kubectl("delete", "pod", "runs", "--now", timeout=90)


if __name__ == "__main__":
    unittest.main()
