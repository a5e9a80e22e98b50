"""What is said, and where, when something around Slipway is broken; and that it heals by itself when the cause goes."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from site_fixture import SiteTest, host_pod, pod, wait_for

# Bad news is shown after a grace time of 20 s, and Slurm's commands take their time to give up. Clients back off for at most
# two minutes.
SAID = 120
HEALED = 180


class FaultTest(SiteTest):
    def condition(self, kind, node="n1"):
        conditions = {c["type"]: c for c in self.stack.get("node", node)["status"]["conditions"]}
        return conditions.get(kind, {"status": "missing", "message": ""})

    def wait_condition(self, kind, status, word="", seconds=SAID):
        def holds():
            now = self.condition(kind)
            return now if now["status"] == status and word in now.get("message", "") else None

        return wait_for(f"{kind}={status} ({word})", holds, seconds, 0.5)

    def log_of(self, name):
        return pathlib.Path(self.stack.processes[name].log).read_text(errors="replace")

    def restart(self, name):
        self.stack.processes[name].stop()
        {"agent": self.stack.start_agent, "controller": self.stack.start_controller}[name]()


class SlurmctldAway(FaultTest):
    def test_the_nodes_say_so_nothing_ends_and_it_heals(self):
        self.wait_condition("SlurmReachable", "True")
        self.stack.apply(host_pod("lives", ["/bin/sh", "-c", "echo begin; sleep 60; echo end"]))
        self.stack.wait_phase("lives", ("Running",))
        self.slurm.daemons["slurmctld"].kill()
        self.slurm.daemons["slurmctld"].wait(10)
        self.wait_condition("SlurmReachable", "False", "scontrol")
        self.assertEqual(self.condition("Ready")["status"], "True")
        self.assertIn("SlurmNotAnswering", [reason for reason, _ in self.events_of("n1")])
        self.slurm.start_controller()
        self.wait_condition("SlurmReachable", "True", seconds=HEALED)
        self.assertEqual(self.stack.wait_phase("lives", ("Succeeded", "Failed"), HEALED), "Succeeded")
        self.assertEqual(self.kubectl("logs", "lives"), "begin\nend\n")


class SlurmCommandsMissing(FaultTest):
    def test_node_and_pod_name_the_missing_command_and_it_heals(self):
        commands = self.dir / "bin"
        commands.mkdir()
        names = ("scontrol", "sbatch", "scancel", "squeue", "sacct")

        def install():
            for name in names:
                (commands / name).symlink_to(shutil.which(name))

        install()
        self.stack.processes["agent"].stop()
        self.slurm.env["PATH"] = str(commands)
        try:
            self.stack.start_agent()
        finally:
            del self.slurm.env["PATH"]
        self.wait_condition("SlurmReachable", "True")
        self.wait_condition("Ready", "True")
        for name in names:
            (commands / name).unlink()
        self.stack.apply(host_pod("waits", ["/bin/sh", "-c", "echo here"]))
        wait_for("event of the pod", lambda: any("sbatch is not in PATH" in (m or "") for _, m in self.events_of("waits")), SAID)
        self.wait_condition("SlurmReachable", "False", "scontrol is not in PATH")
        install()
        self.wait_condition("SlurmReachable", "True", seconds=HEALED)
        self.assertEqual(self.stack.wait_phase("waits", ("Succeeded", "Failed"), 400), "Succeeded")


class Certificates(FaultTest):
    def swap(self, name, cert, key, ca):
        """Puts other certificates into agent.yaml or controller.yaml."""
        path = self.dir / f"{name}.yaml"
        lines = path.read_text().splitlines(keepends=True)
        begin = next(i for i, line in enumerate(lines) if line.startswith("mTLSConfig:"))
        end = next((i for i in range(begin + 1, len(lines)) if lines[i].strip() and not lines[i].startswith(" ")), len(lines))
        block = ["mTLSConfig:\n"]
        for field, text in (("ca", ca), ("cert", cert), ("key", key)):
            block.append(f"  {field}: |\n")
            block += [f"    {line}\n" for line in text.strip().splitlines()]
        path.write_text("".join(lines[:begin] + block + lines[end:]))

    def make(self, folder, days):
        """A CA and an agent's certificate by openssl; zero days end at once."""
        folder.mkdir()

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

        openssl("genpkey", "-algorithm", "ed25519", "-out", "ca.key")
        openssl("req", "-new", "-x509", "-key", "ca.key", "-subj", "/CN=ca", "-days", "30", "-out", "ca.crt")
        for name in ("agent", "controller"):
            openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.key")
            openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
            (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
            life = str(days) if name == "agent" else "30"
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", life,
                    "-extfile", "ext", "-out", f"{name}.crt")
        return lambda name: (folder / name).read_text()

    def test_expired_and_wrong_certificates_are_named_on_both_sides_and_heal_when_replaced(self):
        good = (self.dir / "agent.yaml").read_text(), (self.dir / "controller.yaml").read_text()
        self.stack.apply(host_pod("through", ["/bin/sh", "-c", "echo begin; sleep 30; echo end"]))
        self.stack.wait_phase("through", ("Running",))

        expired = self.make(self.dir / "expired", 0)
        self.swap("agent", expired("agent.crt"), expired("agent.key"), expired("ca.crt"))
        self.swap("controller", expired("controller.crt"), expired("controller.key"), expired("ca.crt"))
        time.sleep(1)
        self.restart("controller")
        self.restart("agent")
        wait_for("the controller's word", lambda: "expired" in self.log_of("controller"), 40)
        wait_for("the agent's word", lambda: "expired" in self.log_of("agent"), 40)
        self.wait_condition("Ready", "Unknown", "agent")
        self.wait_condition("SlurmReachable", "Unknown", "agent")

        (self.dir / "controller.yaml").write_text(good[1])
        wrong = self.make(self.dir / "wrong", 30)
        self.swap("agent", wrong("agent.crt"), wrong("agent.key"), wrong("ca.crt"))
        begin = len(self.log_of("agent"))
        self.restart("controller")
        self.restart("agent")
        wait_for("the agent's word", lambda: "certificate" in self.log_of("agent")[begin:], 40)

        (self.dir / "agent.yaml").write_text(good[0])
        self.restart("agent")
        self.wait_condition("Ready", "True", seconds=60)
        self.assertEqual(self.stack.wait_phase("through", ("Succeeded", "Failed"), 60), "Succeeded")
        self.assertEqual(self.kubectl("logs", "through"), "begin\nend\n")


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class StateDirectoryFull(FaultTest):
    @classmethod
    def setUpClass(cls):
        # A mount of our own that nobody else sees, and that ends with this process.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x00020000) != 0:
            raise unittest.SkipTest("no mount namespace of our own: " + os.strerror(ctypes.get_errno()))
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        super().setUpClass()

    def start_small(self):
        self.stack.processes["agent"].stop()
        state = self.dir / "agent"
        kept = self.dir / "kept"
        shutil.copytree(state, kept, symlinks=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(state)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(state)], check=False)
        shutil.copytree(kept, state, symlinks=True, dirs_exist_ok=True)
        self.stack.start_agent()
        return state

    def test_the_pod_says_so_and_runs_when_there_is_room_again(self):
        state = self.start_small()
        # Its Node stays Ready over so short an absence.
        wait_for("the agent's second connection", lambda: self.log_of("agent").count(": connected") >= 2, 60)
        filler = state / "filler"
        try:
            with open(filler, "wb", buffering=0) as out:
                while True:
                    out.write(b"x" * 4096)
        except OSError:
            pass
        self.stack.apply(host_pod("room", ["/bin/sh", "-c", "echo ran"]))
        wait_for("event of the pod", lambda: any("No space left" in (m or "") for _, m in self.events_of("room")), SAID)
        message = self.get_pod("room")["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
        self.assertIn("nothing was submitted", message)
        self.assertEqual(self.jobs_of(self.get_pod("room")["metadata"]["uid"]), [])
        filler.unlink()
        self.assertEqual(self.stack.wait_phase("room", ("Succeeded", "Failed"), HEALED), "Succeeded")
        self.assertEqual(len(self.jobs_of(self.get_pod("room")["metadata"]["uid"])), 1)
        self.assertEqual(self.kubectl("logs", "room"), "ran\n")


class FollowedLogs(FaultTest):
    stack_options = {"through_gate": True}

    def test_a_follower_outlives_the_agent_and_cut_connections_and_loses_and_doubles_nothing(self):
        script = "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; sleep 0.1; done"
        self.stack.apply(host_pod("followed", ["/bin/sh", "-c", script]))
        self.stack.wait_phase("followed", ("Running",))
        follower = subprocess.Popen(["kubectl", "--kubeconfig", self.stack.kubeconfig, "logs", "-f", "followed"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            time.sleep(3)
            self.stack.gate.cut()
            time.sleep(3)
            # Both tunnels break: to the controller and to the supervisor.
            self.stack.processes["agent"].kill()
            self.stack.processes["agent"].wait(10)
            time.sleep(1)
            self.stack.start_agent()
            out, errors = follower.communicate(timeout=120)
        finally:
            follower.kill()
        self.assertEqual(out, "".join(f"line {i}\n" for i in range(1, 301)), errors)
        self.assertEqual(follower.returncode, 0, errors)


class Volumes(FaultTest):
    def test_a_changed_configmap_reaches_the_container_within_a_minute(self):
        self.kubectl("create", "configmap", "settings", "--from-literal=a=one", "--from-literal=b=one")
        script = "while :; do echo $(cat /etc/settings/a)-$(cat /etc/settings/b); sleep 0.2; done"
        manifest = pod("mounted", ["/bin/sh", "-c", script], image=str(self.image),
                       volumes=[{"name": "s", "configMap": {"name": "settings"}}])
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "s", "mountPath": "/etc/settings"}]
        self.stack.apply(manifest)
        self.stack.wait_phase("mounted", ("Running",))
        wait_for("first contents", lambda: self.kubectl("logs", "mounted", "--tail=1") == "one-one\n", 20)
        self.kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"a":"two","b":"two"}}')
        begin = time.monotonic()
        wait_for("new contents", lambda: self.kubectl("logs", "mounted", "--tail=1") == "two-two\n", 60, 0.5)
        print(f"new contents after {time.monotonic() - begin:.0f} s")
        self.kubectl("delete", "pod", "mounted", "--wait=false")


if __name__ == "__main__":
    unittest.main()
