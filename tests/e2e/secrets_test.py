"""Secrets come by the hub and lie in memory; as files only where no compute node reaches the agent, and not for long."""

import base64
import hashlib
import json
import os
import pathlib
import signal
import time
import unittest

from mpi_test import spread
from site_fixture import SiteTest, host_pod, pod, wait_for
from testsite.stack import Stack

WORD = "hunter2-of-the-tests"


class SecretsTest(SiteTest):
    """With a Secret "s" in the cluster."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack.kubectl("create", "secret", "generic", "s", f"--from-literal=word={WORD}")
        auth = {"auths": {"registry.invalid": {"username": "u", "password": WORD}}}
        cls.stack.kubectl("create", "secret", "generic", "registry", "--type=kubernetes.io/dockerconfigjson",
                          f"--from-literal=.dockerconfigjson={json.dumps(auth)}")

    def on_disk(self):
        """Files of the agent's side that hold the word in any form."""
        forms = (WORD.encode(), base64.b64encode(WORD.encode()))
        found = []
        for path in (self.dir / "agent").rglob("*"):
            try:
                if path.is_file() and any(form in path.read_bytes() for form in forms):
                    found.append(str(path.relative_to(self.dir)))
            except FileNotFoundError:
                pass
        return found

    def wanting(self, name, script, **spec):
        """A pod with the word in each place where a secret can be. The script tells whether it came; it may not print it."""
        manifest = pod(name, ["/bin/sh", "-c", script, "$(KEY)"], image=str(self.image),
                       volumes=[{"name": "s", "secret": {"secretName": "s"}}], imagePullSecrets=[{"name": "registry"}], **spec)
        manifest["spec"]["containers"][0].update(
            env=[{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "word"}}},
                 {"name": "INNER", "value": "<$(KEY)>"}],
            envFrom=[{"secretRef": {"name": "s"}, "prefix": "ALL_"}], volumeMounts=[{"name": "s", "mountPath": "/s"}])
        return manifest

    CHECK = ('echo "$0" "$KEY" "$INNER" "$ALL_word" $(cat /s/word) | md5sum | cut -d" " -f1')

    def expected(self):
        return hashlib.md5(f"{WORD} {WORD} <{WORD}> {WORD} {WORD}\n".encode()).hexdigest() + "\n"


class ByTheHub(SecretsTest):
    def test_no_secret_lies_on_a_disk(self):
        self.stack.apply(self.wanting("quiet", self.CHECK + "; sleep 4"))
        self.stack.wait_phase("quiet", ("Running",))
        uid = self.get_pod("quiet")["metadata"]["uid"]
        self.assertTrue((self.dir / "agent" / "pods" / uid / "0" / "plan.pb").exists())
        self.assertEqual(self.on_disk(), [])
        self.assertEqual(self.stack.wait_phase("quiet", ("Succeeded", "Failed")), "Succeeded")
        self.assertEqual(self.kubectl("logs", "quiet"), self.expected())
        self.assertEqual(self.on_disk(), [])

    def test_a_killed_supervisor_leaves_no_secret_behind(self):
        self.stack.apply(self.wanting("killed", "sleep 600"))
        self.stack.wait_phase("killed", ("Running",))
        uid = self.get_pod("killed")["metadata"]["uid"]
        folders = [pathlib.Path(place) / f"slipway-{uid}-0" for place in (os.environ.get("TMPDIR", "/tmp"), "/dev/shm")]
        self.assertTrue(any((folder / "volumes").exists() for folder in folders))
        for pid in self.supervisors_of(uid):
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.stack.wait_phase("killed", ("Succeeded", "Failed"), 60), "Failed")
        self.assertEqual(self.get_pod("killed")["status"]["reason"], "SupervisorKilled")
        wait_for("nothing on the node", lambda: not any(folder.exists() for folder in folders), 20)
        self.assertEqual(self.on_disk(), [])

    def test_a_requeued_job_gets_them_again(self):
        self.stack.apply(self.wanting("twice", self.CHECK + '; [ -n "$SLURM_RESTART_COUNT" ] || sleep 600'))
        self.stack.wait_phase("twice", ("Running",))
        uid = self.get_pod("twice")["metadata"]["uid"]
        [job] = self.jobs_of(uid)
        self.slurm.command("scontrol", "requeue", job["JobId"])
        wait_for("pending again", lambda: self.jobs_of(uid)[0]["JobState"] != "COMPLETING", 30)
        self.slurm.command("scontrol", "update", f"JobId={job['JobId']}", "StartTime=now+5", check=False)
        self.assertEqual(self.stack.wait_phase("twice", ("Succeeded", "Failed"), 180), "Succeeded")
        self.assertEqual(self.kubectl("logs", "twice"), self.expected())

    def test_an_agent_that_lost_them_asks_the_controller_and_the_pod_waits_until_it_is_back(self):
        manifest = self.wanting("patient", self.CHECK)
        manifest["metadata"]["annotations"] = {"slipway.dev/flags": "--begin=now+8"}
        self.stack.apply(manifest)
        uid = self.get_pod("patient")["metadata"]["uid"]
        wait_for("the job", lambda: self.jobs_of(uid), 20)
        self.stack.processes["agent"].kill(signal.SIGKILL)
        self.stack.processes["controller"].stop()
        self.stack.start_agent()
        wait_for("the job to run", lambda: self.jobs_of(uid)[0]["JobState"] == "RUNNING", 40)
        time.sleep(24)  # the supervisor tells why after 20 s
        self.assertEqual(self.jobs_of(uid)[0]["JobState"], "RUNNING")
        self.stack.start_controller()
        self.assertEqual(self.stack.wait_phase("patient", ("Succeeded", "Failed"), 90), "Succeeded")
        self.assertEqual(self.kubectl("logs", "patient"), self.expected())
        self.assertIn("SecretsPending", [reason for reason, _ in self.events_of("patient")])
        self.assertEqual(len(self.jobs_of(uid)), 1)
        self.assertEqual(self.on_disk(), [])

    def test_a_deleted_pod_waits_for_no_secrets(self):
        manifest = self.wanting("gone", self.CHECK)
        manifest["metadata"]["annotations"] = {"slipway.dev/flags": "--begin=now+5"}
        self.stack.apply(manifest)
        uid = self.get_pod("gone")["metadata"]["uid"]
        wait_for("the job", lambda: self.jobs_of(uid), 20)
        self.kubectl("delete", "secret", "s")
        try:
            self.stack.processes["agent"].kill(signal.SIGKILL)
            self.stack.start_agent()
            wait_for("what is missing", lambda: "CreateContainerConfigError" in
                     [reason for reason, _ in self.events_of("gone")], 60, 0.5)
            self.kubectl("delete", "pod", "gone", "--timeout=40s")
            wait_for("end of the job", lambda: all(job["JobState"] not in ("RUNNING", "PENDING")
                                                   for job in self.jobs_of(uid)), 30)
        finally:
            self.kubectl("create", "secret", "generic", "s", f"--from-literal=word={WORD}")


class Unreachable(Stack):
    """An agent whom no compute node reaches."""

    def _write_configs(self):
        super()._write_configs()
        agent = self.dir / "agent.yaml"
        agent.write_text(agent.read_text().replace('addresses: ["127.0.0.1"]', 'addresses: ["127.0.0.1:1"]'))


class WithoutHub(SecretsTest):
    stack_type = Unreachable

    def test_a_file_is_left_when_the_supervisor_asks_and_goes_when_it_is_read(self):
        self.assertIn("127.0.0.1:1", (self.dir / "agent.yaml").read_text())
        for name in ("first", "second"):  # the second does not have to find it out again
            begin = time.monotonic()
            self.stack.apply(self.wanting(name, self.CHECK + "; sleep 3"))
            self.stack.wait_phase(name, ("Running", "Succeeded"), 120)
            print(f"{name}: running after {time.monotonic() - begin:.0f} s")
            done = wait_for("log", lambda: self.kubectl("logs", name, check=False).stdout == self.expected(), 120, 0.5)
            self.assertTrue(done)
            self.assertEqual(self.on_disk(), [])
            self.assertEqual(self.stack.wait_phase(name, ("Succeeded", "Failed"), 60), "Succeeded")
            self.assertEqual(self.on_disk(), [])


class OfRanks(SecretsTest):
    """On every node of a pod of several."""

    def test_secrets_and_what_changes_in_volumes_reach_every_rank(self):
        self.kubectl("create", "configmap", "c", "--from-literal=v=one")
        script = ('echo "$KEY" $(cat /s/word) | md5sum | cut -d" " -f1; '
                  'until [ "$(cat /c/v /s/word)" = two-changed ]; do sleep 0.2; done; echo changed')
        manifest = spread(self.wanting("ranks", script), 2, 2)
        manifest["spec"]["volumes"].append({"name": "c", "configMap": {"name": "c"}})
        container = manifest["spec"]["containers"][0]
        container["env"].append({"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "word"}}})
        container["volumeMounts"].append({"name": "c", "mountPath": "/c"})
        self.stack.apply(manifest)
        first = hashlib.md5(f"{WORD} {WORD}\n".encode()).hexdigest()
        wait_for("first lines", lambda: sorted(self.kubectl("logs", "ranks", check=False).stdout.splitlines()) ==
                 [f"{i}: {first}" for i in range(4)], 60, 0.5)
        self.assertEqual(self.on_disk(), [])
        changed = {"data": {"word": base64.b64encode(b"-changed").decode()}}
        self.kubectl("patch", "secret", "s", "--type=merge", "-p", json.dumps(changed))
        self.kubectl("patch", "configmap", "c", "--type=merge", "-p", '{"data":{"v":"two"}}')
        begin = time.monotonic()
        self.assertEqual(self.stack.wait_phase("ranks", ("Succeeded", "Failed"), 75), "Succeeded")
        print(f"on all nodes after {time.monotonic() - begin:.0f} s")
        self.assertEqual(sum(line.endswith("changed") for line in self.kubectl("logs", "ranks").splitlines()), 4)

    def test_a_large_config_map_reaches_the_other_node(self):
        large = "x" * (900 * 1024)
        self.kubectl("create", "configmap", "large", "--from-literal=v=small")
        script = 'until [ $(wc -c < /c/v) = 921600 ]; do sleep 0.2; done; echo $(md5sum < /c/v | cut -d" " -f1)'
        manifest = spread(pod("large", ["/bin/sh", "-c", script], image=str(self.image),
                              volumes=[{"name": "c", "configMap": {"name": "large"}}]), 2, 1)
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "c", "mountPath": "/c"}]
        self.stack.apply(manifest)
        self.stack.wait_phase("large", ("Running",))
        self.kubectl("patch", "configmap", "large", "--type=merge", "--patch-file=/dev/stdin",
                     stdin=json.dumps({"data": {"v": large}}))
        self.assertEqual(self.stack.wait_phase("large", ("Succeeded", "Failed"), 75), "Succeeded")
        lines = {line.split()[-1] for line in self.kubectl("logs", "large").splitlines()}
        self.assertEqual(len(lines), 1)


if __name__ == "__main__":
    unittest.main()
