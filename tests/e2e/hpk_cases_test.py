"""The cases of HPK's own test file, and the failures in which it is known to break, each as a test here or named below.

Its ten cases: 1 ipc, 3 scripting-quotes, 4 volume-hostpath, 5 volume-init, 7 custom-users and 8 networking-localhost are
tests of this file under their numbers. 2 openmpi, a real MPI program over several nodes, is mpi_test.Mpi (there started by
srun; a launcher that finds its workers by name needs the names of a cluster of its own). 6 webhooks (cert-manager) and the
Services of 9 networking-unprivileged and 10 networking-privileged need the private cloud's headless Services: here the pod's
address does, see 9 and 10.

Its failures, where they are not below: a bad image name, two registries, a digest alone: images_test.Pulls · sbatch refuses:
bridge_test.Pods (a wrong partition) · a failing init container, a name that is used again, probes, hooks, restart policies,
grace period, typed hostPath, hostPath PersistentVolumes, downwardAPI, subPath of a directory, quotes in variables:
pods_test · scancel by the user: bridge_test.Pods · agent and master restarted with running pods: chaos_test,
faults_test.FollowedLogs, sites_test.SidChaos, kill_apiserver_test · exec, attach, port-forward, logs -f, --tail, --since:
pods_test.Exec, bridge_test.Logs, shapes_test · top: real_clients_test · limits: limits_test ·
two users on one host: guarded_files_test.cc (what another user has made is refused) · no internet: every test here.
"""

import time
import unittest

from site_fixture import SiteTest, host_pod, pod, wait_for
from testsite.busybox import make_image


class CasesTest(SiteTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = make_image(cls.dir / "images" / "users")
        with open(cls.users / "etc" / "passwd", "a") as out:
            out.write("newuser:x:1000:1000::/home/newuser:/bin/sh\n")

    def boxed(self, name, script, image=None, **spec):
        return pod(name, ["/bin/sh", "-c", script], image=str(image or self.image), **spec)

    def ends(self, name, phase="Succeeded", seconds=60):
        self.assertEqual(self.stack.wait_phase(name, ("Succeeded", "Failed"), seconds), phase, self.get_pod(name)["status"])
        return self.get_pod(name)

    def logs(self, name, *more):
        return self.kubectl("logs", name, *more)


class Cases(CasesTest):
    def test_1_ipc(self):
        """Two containers meet in /dev/shm and see each other's processes."""
        manifest = self.boxed("shared-memory", "sleep 2; cut -d' ' -f4 /proc/self/stat >/dev/shm/new; "
                              "mv /dev/shm/new /dev/shm/app; sleep 2")
        [main] = manifest["spec"]["containers"]
        manifest["spec"].update(shareProcessNamespace=True, containers=[main, {**main, "name": "sidecar", "command": [
            "/bin/sh", "-c", "until [ -e /dev/shm/app ]; do sleep 0.1; done; [ -d /proc/$(cat /dev/shm/app) ] && echo seen"]}])
        self.stack.apply(manifest)
        self.ends("shared-memory")
        self.assertEqual(self.logs("shared-memory", "-c", "sidecar"), "seen\n")

    def test_3_scripting_quotes(self):
        script = ("cat <<EOF >/tmp/double\n\"$PWD\" 'single' `echo back` $(echo who)\nEOF\n"
                  "cat <<'EOF' >/tmp/single\n\"$PWD\" 'single' `echo back` $(echo who) \\ \"\nEOF\ncat /tmp/double /tmp/single")
        self.stack.apply(self.boxed("quotes", script))
        self.ends("quotes")
        self.assertEqual(self.logs("quotes"), "\"/\" 'single' back who\n\"$PWD\" 'single' `echo back` $(echo who) \\ \"\n")

    def test_4_volume_hostpath(self):
        sea = self.dir / "sea"
        sea.mkdir()
        for name in ("pirate", "privateer"):
            (sea / name).write_text(name + "\n")

        def mounting(name, path, script, **mount):
            manifest = self.boxed(name, script, volumes=[{"name": "sea", "hostPath": {"path": str(path), **(
                {"type": "Directory"} if name == "wrongpath" else {})}}])
            manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "sea", "mountPath": "/sea", **mount}]
            return manifest

        self.stack.apply(mounting("entire-volume", sea, "ls /sea"))
        self.stack.apply(mounting("subpath", sea, "cat /sea", subPath="pirate"))
        self.stack.apply(mounting("wrongpath", "/I_am_a_random_path", "ls /sea"))
        self.ends("entire-volume")
        self.assertEqual(self.logs("entire-volume").split(), ["pirate", "privateer"])
        self.ends("subpath")
        self.assertEqual(self.logs("subpath"), "pirate\n")
        self.assertIn("/I_am_a_random_path", self.ends("wrongpath", "Failed")["status"]["message"])

    def test_5_volume_init(self):
        """What an init container wrote as root another user reads."""
        manifest = self.boxed("volume-init", "cat /etc/mpi/hostfile; id -u", volumes=[{"name": "v", "emptyDir": {}}])
        [main] = manifest["spec"]["containers"]
        main["volumeMounts"] = [{"name": "v", "mountPath": "/etc/mpi"}]
        main["securityContext"] = {"runAsUser": 1000}
        manifest["spec"]["initContainers"] = [{**main, "name": "init", "securityContext": {}, "command": [
            "/bin/sh", "-c", "for i in 1 2 3 4 5; do echo line $i >>/etc/mpi/hostfile; done"]}]
        self.stack.apply(manifest)
        self.ends("volume-init")
        self.assertEqual(self.logs("volume-init"), "".join(f"line {i}\n" for i in range(1, 6)) + "1000\n")

    def test_7_custom_users(self):
        cases = {"default": ({"runAsUser": 1000}, "newuser"), "nobody": ({"runAsUser": 65534, "runAsNonRoot": True}, "nobody"),
                 "asroot": ({"runAsUser": 0}, "root")}
        for name, (security, _) in cases.items():
            manifest = self.boxed(name, "whoami", image=self.users)
            manifest["spec"]["containers"][0]["securityContext"] = security
            self.stack.apply(manifest)
        for name, (_, user) in cases.items():
            self.ends(name)
            self.assertEqual(self.logs(name), user + "\n")

    def test_8_networking_localhost(self):
        """A pod with a dot in its name, whose program talks to itself."""
        script = "echo there >/tmp/index.html; httpd -f -p 127.0.0.1:38211 -h /tmp & sleep 1; " \
                 "wget -qO- http://localhost:38211/index.html"
        self.stack.apply(self.boxed("iperf.localhost", script))
        self.ends("iperf.localhost")
        self.assertEqual(self.logs("iperf.localhost"), "there\n")

    def test_9_and_10_from_pod_to_pod(self):
        """By the address of the pod: names of Services are the private cloud's."""
        self.stack.apply(self.boxed("server", "echo served >/tmp/index.html; exec httpd -f -p 38212 -h /tmp"))
        self.stack.wait_phase("server", ("Running",))
        address = wait_for("address", lambda: self.get_pod("server")["status"].get("podIP"), 20)
        self.stack.apply(self.boxed("client", f"for i in 1 2 3 4 5; do wget -qO- http://{address}:38212/index.html && exit; "
                                    "sleep 1; done; exit 1"))
        self.ends("client")
        self.assertEqual(self.logs("client"), "served\n")
        self.assertEqual(self.get_pod("server")["status"]["phase"], "Running")
        self.kubectl("delete", "pod", "server", "--timeout=40s")


class Failures(CasesTest):
    """Those of its failures that no other file has."""

    def test_a_job_at_its_time_limit(self):
        manifest = host_pod("limited", ["sleep", "600"])
        manifest["metadata"]["annotations"] = {"slipway.dev/time-limit": "1"}
        self.stack.apply(manifest)
        self.assertEqual(self.ends("limited", "Failed", 150)["status"]["reason"], "TimeLimit")

    def test_a_node_that_goes_down_and_comes_back(self):
        """Slurm requeues its job; the pod is bound to the node and waits for it."""
        self.stack.apply(host_pod("stranded", ["sleep", "600"]))
        self.stack.wait_phase("stranded", ("Running",))
        uid = self.get_pod("stranded")["metadata"]["uid"]
        [job] = self.jobs_of(uid)
        self.slurm.command("scontrol", "update", f"NodeName={job['NodeList']}", "State=DOWN", "Reason=test")
        wait_for("the end of its run", lambda: self.jobs_of(uid)[0]["JobState"] != "RUNNING", 60)
        self.assertNotEqual(self.get_pod("stranded")["status"]["phase"], "Failed")
        self.slurm.command("scontrol", "update", f"NodeName={job['NodeList']}", "State=RESUME", check=False)  # slurmd may have been quicker
        wait_for("pending again", lambda: self.jobs_of(uid)[0]["JobState"] != "COMPLETING", 30)
        self.slurm.command("scontrol", "update", f"JobId={job['JobId']}", "StartTime=now+3", check=False)
        wait_for("its next run", lambda: [c["restartCount"] for c in self.get_pod("stranded")["status"]["containerStatuses"]
                                          if c["ready"]] == [1], 150, 0.5)
        self.assertEqual(len(self.jobs_of(uid)), 1)
        self.kubectl("delete", "pod", "stranded", "--timeout=40s")

    def test_an_annotation_with_a_newline_adds_no_line(self):
        manifest = host_pod("newline", ["true"])
        manifest["metadata"]["annotations"] = {"slipway.dev/flags": f"--hint=x\ntouch {self.dir}/owned"}
        self.stack.apply(manifest)
        wait_for("its refusal", lambda: any(reason in ("InvalidPod", "SubmitRefused") for reason, _ in
                                            self.events_of("newline")), 30)
        self.assertFalse((self.dir / "owned").exists())

    def test_start_and_end_are_seen_within_five_seconds(self):
        self.stack.apply(host_pod("quick", ["/bin/sh", "-c", "date +%s.%N; sleep 3; date +%s.%N"]))
        self.stack.wait_phase("quick", ("Running",))
        seen_start = time.time()
        self.ends("quick")
        seen_end = time.time()
        began, ended = (float(line) for line in self.logs("quick").split())
        print(f"start seen after {seen_start - began:.1f} s, end after {seen_end - ended:.1f} s")
        self.assertLess(seen_start - began, 5)
        self.assertLess(seen_end - ended, 5)

    def test_a_hundred_pods(self):
        names = [f"many-{i}" for i in range(100)]
        for name in names:
            self.stack.apply(host_pod(name, ["true"]))
        wait_for("their ends", lambda: sum(p["status"].get("phase") == "Succeeded" for p in self.stack.get("pods")["items"]
                                           if p["metadata"]["name"].startswith("many-")) == 100, 400, 1)
        jobs = [job for job in self.slurm.jobs() if "many-" in job.get("JobName", "")]
        self.assertLessEqual(len(jobs), 100, "none doubled")


if __name__ == "__main__":
    unittest.main()
