"""A site whose compute nodes cannot reach the agent: what goes by files goes on, the rest goes through a job step, while it
is asked for."""

import re
import subprocess
import time
import unittest
import urllib.request

from site_fixture import SiteTest, host_pod, wait_for
from testsite.processes import free_port


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

    def test_attach_goes_through_a_job_step(self):
        manifest = host_pod("heard", ["sh", "-c", 'while read line; do echo "heard $line"; done; echo bye'])
        manifest["spec"]["containers"][0].update(stdin=True, stdinOnce=True)
        self.stack.apply(manifest)
        self.stack.wait_phase("heard", {"Running"})
        done = self.kubectl("attach", "-i", "heard", stdin="one\ntwo\n", check=False, timeout=90)
        self.assertIn("heard one\nheard two\n", done.stdout, done.stderr)
        self.stack.wait_phase("heard", {"Succeeded"})
        self.assertEqual(self.kubectl("logs", "heard"), "heard one\nheard two\nbye\n")

    def test_a_forwarded_port_goes_through_a_job_step(self):
        port = free_port()
        script = "mkdir www; head -c 2000000 /dev/zero >www/big; " \
                 f"PATH=$PATH:{self.image}/bin; exec busybox httpd -f -p 127.0.0.1:{port} -h www"
        self.stack.apply(host_pod("serves", ["sh", "-c", script]))
        self.stack.wait_phase("serves", {"Running"})
        forward = subprocess.Popen(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "port-forward", "pod/serves", f":{port}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            local = re.search(r"127.0.0.1:(\d+)", forward.stdout.readline())
            with urllib.request.urlopen(f"http://127.0.0.1:{local[1]}/big", timeout=60) as answer:
                self.assertEqual(len(answer.read()), 2000000)
        finally:
            forward.terminate()
            forward.communicate(timeout=10)
        self.kubectl("delete", "pod", "serves", "--now", timeout=90)

    def test_a_changed_config_map_reaches_the_volume(self):
        self.kubectl("create", "configmap", "settings", "--from-literal=a=one")
        script = "while :; do cat ${SLIPWAY_VOLUME_S:-/etc/settings}/a; echo; sleep 0.5; done"
        manifest = host_pod("reads", ["sh", "-c", script], volumes=[{"name": "s", "configMap": {"name": "settings"}}])
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "s", "mountPath": "/etc/settings"}]
        self.stack.apply(manifest)
        self.stack.wait_phase("reads", {"Running"})
        wait_for("the first contents", lambda: self.log_of("reads").endswith("one\n"), 30)
        self.kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"a":"two"}}')
        wait_for("the new contents", lambda: self.log_of("reads").endswith("two\n"), 120, 0.5)
        self.kubectl("delete", "pod", "reads", "--now", timeout=90)


if __name__ == "__main__":
    unittest.main()
