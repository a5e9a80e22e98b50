"""A pod on Slurm is a whole pod: what docs/pods.md says, end to end by the real kubectl, on the host runtime and in
containers of Charliecloud. Larger figures than the defaults: SLIPWAY_EXECS (1000), SLIPWAY_LOG_MIB (1024)."""

import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import statistics
import struct
import subprocess
import termios
import time
import unittest
import urllib.request

from site_fixture import ROOT, SiteTest, host_pod, pod, wait_for
from testsite.processes import free_port

ENDED = ("Succeeded", "Failed")
SLEEP = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"]
HOSTILE = "it's $(touch /tmp/slipway-pwned) `id` \"q\" \\n \\ %s $HOME ${X} ;&|<>*?[]{}~#!\n second line\n\ttab é 日本 "


class PodTest(SiteTest):
    """Small words for the tests below."""

    def boxed(self, name, script, **spec):
        """A pod in a container of its own, which runs a script; not started yet."""
        return pod(name, ["/bin/sh", "-c", script], image=str(self.image), **spec)

    def start(self, *manifests):
        self.kubectl("apply", "-f", "-", stdin="\n".join(json.dumps(manifest) for manifest in manifests))

    def end_of(self, name, seconds=60):
        self.stack.wait_phase(name, ENDED, seconds)
        return self.get_pod(name)

    def succeed(self, name, seconds=60):
        done = self.end_of(name, seconds)
        self.assertEqual(done["status"]["phase"], "Succeeded", f"{done['status']}\n{self.kubectl('logs', name, check=False).stdout}")
        return self.kubectl("logs", name)

    def statuses(self, name, kind="containerStatuses"):
        return {c["name"]: c for c in self.get_pod(name)["status"].get(kind, [])}

    def state_of(self, name, container="main"):
        return self.statuses(name).get(container, {}).get("state", {})

    def call(self, *arguments, stdin=None, timeout=60, text=True):
        """kubectl with its exit code and both streams."""
        return subprocess.run(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), *map(str, arguments)], input=stdin,
                              stdin=None if stdin is not None else subprocess.DEVNULL, capture_output=True, text=text,
                              timeout=timeout, env={**os.environ, "HOME": str(self.dir)})

    def wait_event(self, name, reason, text="", seconds=30):
        return wait_for(f"event {reason} on {name}",
                        lambda: [m for r, m in self.events_of(name) if r == reason and text in (m or "")], seconds)


class Exec(PodTest):
    """exec, attach, cp, port-forward."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack.apply(host_pod("onhost", SLEEP))
        cls.stack.apply(pod("inbox", SLEEP, image=str(cls.image)))
        for name in ("onhost", "inbox"):
            cls.stack.wait_phase(name, ("Running",))

    def test_exit_codes_and_streams(self):
        for name in ("onhost", "inbox"):
            with self.subTest(name):
                done = self.call("exec", name, "--", "sh", "-c", "echo out; echo err >&2; exit 42")
                self.assertEqual((done.returncode, done.stdout), (42, "out\n"))
                self.assertIn("err\n", done.stderr)
                self.assertEqual(self.call("exec", name, "--", "true").returncode, 0)
                self.assertNotEqual(self.call("exec", name, "--", "no-such-program").returncode, 0)

    def test_standard_input_passes_unchanged_and_ends(self):
        bytes_in = os.urandom(1 << 20)
        for name in ("onhost", "inbox"):
            with self.subTest(name):
                done = self.call("exec", "-i", name, "--", "sha256sum", stdin=bytes_in, text=False)
                self.assertEqual(done.stdout.split()[0].decode(), hashlib.sha256(bytes_in).hexdigest())

    def test_a_terminal_with_its_size(self):
        for name in ("onhost", "inbox"):
            with self.subTest(name):
                ours, theirs = pty.openpty()
                fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
                shell = subprocess.Popen(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "exec", "-it", name, "--",
                                          "sh", "-c", "sleep 0.5; stty size; test -t 0 && echo is a tty; read x; echo got $x; exit 5"],
                                         stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
                os.close(theirs)
                seen = b""
                end = time.monotonic() + 30
                sent = False
                while time.monotonic() < end:
                    if select.select([ours], [], [], 0.2)[0]:
                        try:
                            piece = os.read(ours, 4096)
                        except OSError:
                            break
                        if not piece:
                            break
                        seen += piece
                    if not sent and b"is a tty" in seen:
                        os.write(ours, b"word\r")
                        sent = True
                os.close(ours)
                self.assertEqual(shell.wait(10), 5, seen)
                self.assertIn(b"33 77", seen)
                self.assertIn(b"got word", seen)

    def test_attach_reaches_the_containers_own_streams(self):
        manifest = self.boxed("attached", "while read line; do echo \"heard $line\"; done; echo bye")
        manifest["spec"]["containers"][0].update(stdin=True, stdinOnce=True)
        self.start(manifest)
        self.stack.wait_phase("attached", ("Running",))
        done = self.call("attach", "-i", "attached", stdin="one\ntwo\n")
        self.assertIn("heard one\nheard two\n", done.stdout)
        self.assertEqual(self.succeed("attached"), "heard one\nheard two\nbye\n")

    def test_cp_both_ways(self):
        source = self.dir / "tree"
        (source / "sub").mkdir(parents=True)
        (source / "a b").write_bytes(os.urandom(300000))
        (source / "sub" / "c").write_text("x")
        self.kubectl("cp", source, "inbox:/tmp/tree")
        self.kubectl("cp", "inbox:/tmp/tree", self.dir / "back")
        self.assertEqual((self.dir / "back" / "a b").read_bytes(), (source / "a b").read_bytes())
        self.assertEqual((self.dir / "back" / "sub" / "c").read_text(), "x")

    def test_port_forward(self):
        port = free_port()
        self.start(self.boxed("web", f"mkdir /www; head -c 2000000 /dev/zero > /www/big; exec busybox httpd -f -p {port} -h /www"))
        self.stack.wait_phase("web", ("Running",))
        forward = subprocess.Popen(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "port-forward", "pod/web", f":{port}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            line = forward.stdout.readline()
            local = re.search(r"127.0.0.1:(\d+)", line)
            self.assertTrue(local, line)
            url = f"http://127.0.0.1:{local[1]}/big"

            def fetch(_=None):
                with urllib.request.urlopen(url, timeout=20) as answer:
                    return len(answer.read())

            wait_for("web server", lambda: self.call("exec", "web", "--", "ls", "/www/big").returncode == 0, 20)
            with concurrent.futures.ThreadPoolExecutor(5) as pool:
                self.assertEqual(list(pool.map(fetch, range(5))), [2000000] * 5)
        finally:
            forward.terminate()
            forward.communicate(timeout=10)

    def test_fifty_at_once_and_many_in_a_row(self):
        def one(number):
            return self.call("exec", "inbox", "--", "echo", number, timeout=120).stdout.strip()

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            self.assertEqual(list(pool.map(one, range(50))), [str(n) for n in range(50)])
        for number in range(int(os.environ.get("SLIPWAY_EXECS", "20"))):
            self.assertEqual(one(number), str(number))

    def test_latency_is_told(self):
        def milliseconds(*arguments):
            begin = time.monotonic()
            process = subprocess.Popen(["kubectl", "--kubeconfig", str(self.stack.kubeconfig), *arguments],
                                       stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            process.stdout.read(1)
            taken = (time.monotonic() - begin) * 1000
            process.communicate()
            return taken

        whole = statistics.median(milliseconds("exec", "inbox", "--", "echo", "x") for _ in range(7))
        # What kubectl itself needs to start and to ask once.
        alone = statistics.median(milliseconds("get", "--raw", "/readyz") for _ in range(7))
        print(f"\nexec: first byte after {whole:.0f} ms, of which kubectl itself {alone:.0f} ms")
        self.assertLess(whole - alone, 5000)


class Life(PodTest):
    """Order, restarts, probes, hooks, deadlines, messages."""

    def test_init_containers_then_sidecar_then_container(self):
        share = [{"name": "share", "mountPath": "/share"}]
        manifest = self.boxed("ordered", "cat /share/order; until [ -e /share/side ]; do sleep 0.1; done; echo main",
                              volumes=[{"name": "share", "emptyDir": {}}])
        main = manifest["spec"]["containers"][0]
        main["volumeMounts"] = share

        def container(name, script, **more):
            return {"name": name, "image": str(self.image), "command": ["/bin/sh", "-c", script], "volumeMounts": share, **more}

        manifest["spec"]["initContainers"] = [
            container("one", "echo one >> /share/order"),
            container("side", "touch /share/side; trap 'echo side ends; exit 0' TERM; while :; do sleep 0.1; done",
                      restartPolicy="Always"),
            container("two", "echo two >> /share/order")]
        self.start(manifest)
        self.assertEqual(self.succeed("ordered"), "one\ntwo\nmain\n")
        self.assertEqual(self.kubectl("logs", "ordered", "-c", "side"), "side ends\n")
        inits = self.statuses("ordered", "initContainerStatuses")
        self.assertEqual(inits["one"]["state"]["terminated"]["reason"], "Completed")
        conditions = {c["type"]: c for c in self.get_pod("ordered")["status"]["conditions"]}
        self.assertEqual(conditions["Initialized"]["status"], "True")

    def test_a_failing_init_container_ends_the_pod(self):
        manifest = self.boxed("badinit", "echo never")
        manifest["spec"]["initContainers"] = [{"name": "first", "image": str(self.image), "command": ["/bin/sh", "-c", "exit 9"]}]
        self.start(manifest)
        self.assertEqual(self.end_of("badinit")["status"]["phase"], "Failed")
        self.assertEqual(self.statuses("badinit", "initContainerStatuses")["first"]["state"]["terminated"]["exitCode"], 9)
        self.assertNotIn("running", self.state_of("badinit"))

    def test_a_name_that_is_used_again_is_another_pod(self):
        for word in ("old", "new"):
            self.start(host_pod("phoenix", ["/bin/sh", "-c", f"echo {word}; exit {int(word == 'old')}"]))
            self.assertEqual(self.end_of("phoenix")["status"]["phase"], "Failed" if word == "old" else "Succeeded")
            self.assertEqual(self.kubectl("logs", "phoenix"), f"{word}\n")
            self.kubectl("delete", "pod", "phoenix", "--timeout=30s")

    def test_crash_loop_has_its_reasons_and_the_last_state(self):
        self.start(host_pod("crash", ["/bin/sh", "-c", "exit 3"], restartPolicy="Always"))
        wait_for("back-off", lambda: self.state_of("crash").get("waiting", {}).get("reason") == "CrashLoopBackOff", 30)
        status = self.statuses("crash")["main"]
        self.assertEqual(status["lastState"]["terminated"]["exitCode"], 3)
        self.assertRegex(status["state"]["waiting"]["message"], r"back-off 10s restarting failed container=main pod=crash_default")
        self.assertGreaterEqual(status["restartCount"], 1)
        self.wait_event("crash", "BackOff", "Back-off restarting failed container main in pod crash_default")
        self.assertTrue(status["containerID"])
        self.assertEqual(status["lastState"]["terminated"]["containerID"], status["containerID"])
        self.assertEqual(self.get_pod("crash")["status"]["phase"], "Running")
        self.kubectl("delete", "pod", "crash", "--timeout=30s")

    def test_on_failure_goes_on_until_it_succeeds(self):
        count = self.dir / "count"
        self.start(host_pod("again", ["/bin/sh", "-c", f"echo x >> {count}; [ $(wc -l < {count}) -ge 2 ]"],
                            restartPolicy="OnFailure"))
        self.succeed("again")
        self.assertEqual(self.statuses("again")["main"]["restartCount"], 1)
        self.assertEqual(self.statuses("again")["main"]["state"]["terminated"]["reason"], "Completed")

    def test_a_restart_rule_goes_before_the_policy(self):
        """restartPolicyRules."""
        done = self.dir / "ruled"
        manifest = host_pod("ruled", ["/bin/sh", "-c", f"if mkdir {done} 2>/dev/null; then exit 42; fi; exit 3"])
        manifest["spec"]["containers"][0].update(restartPolicy="Never", restartPolicyRules=[
            {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}])
        self.start(manifest)
        end = self.end_of("ruled")
        status = end["status"]["containerStatuses"][0]
        self.assertEqual((end["status"]["phase"], status["restartCount"]), ("Failed", 1))
        self.assertEqual(status["state"]["terminated"]["exitCode"], 3)
        self.assertEqual(status["lastState"]["terminated"]["exitCode"], 42)

    def test_variables_from_a_file_of_a_volume(self):
        """env.valueFrom.fileKeyRef."""
        manifest = self.boxed("filekeys", 'printf "%s|" "$ONE" "$TWO" "${NONE-unset}"', volumes=[{"name": "v", "emptyDir": {}}])
        [main] = manifest["spec"]["containers"]

        def key(name, **more):
            return {"valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "sub/env", "key": name, **more}}}

        main["env"] = [{"name": "ONE", **key("A")}, {"name": "TWO", **key("B")}, {"name": "NONE", **key("C", optional=True)}]
        first = {**main, "name": "first", "env": [], "volumeMounts": [{"name": "v", "mountPath": "/v"}], "command": [
            "/bin/sh", "-c", "mkdir /v/sub; printf \"A='one \\$(A)'\\nB='two\\nlines' # why\\n\" > /v/sub/env"]}
        manifest["spec"]["initContainers"] = [first]
        self.start(manifest)
        self.assertEqual(self.succeed("filekeys"), "one $(A)|two\nlines|unset|")

    def test_a_variable_whose_file_is_missing_keeps_the_container_waiting(self):
        manifest = self.boxed("nofile", "true", volumes=[{"name": "v", "emptyDir": {}}])
        manifest["spec"]["containers"][0]["env"] = [
            {"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "env", "key": "A"}}}]
        self.start(manifest)

        def waiting():
            statuses = self.get_pod("nofile")["status"].get("containerStatuses", [{}])
            return statuses[0].get("state", {}).get("waiting", {}).get("reason") == "CreateContainerConfigError"

        wait_for("its reason", waiting, 40)
        self.kubectl("delete", "pod", "nofile", "--timeout=40s")

    def test_probes_of_all_kinds(self):
        port = free_port()
        manifest = host_pod("probed", ["/bin/sh", "-c", f"cd {self.dir}; exec python3 -m http.server {port}"])
        ready = self.dir / "ready"
        manifest["spec"]["containers"][0].update(
            startupProbe={"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 60},
            livenessProbe={"httpGet": {"path": "/", "port": port}, "periodSeconds": 1},
            readinessProbe={"exec": {"command": ["test", "-e", str(ready)]}, "periodSeconds": 1, "failureThreshold": 1})
        closed = host_pod("grpc", SLEEP)
        closed["spec"]["containers"][0]["readinessProbe"] = {"grpc": {"port": free_port()}, "periodSeconds": 1}
        dies = host_pod("dies", SLEEP)
        dies["spec"]["restartPolicy"] = "Always"
        dies["spec"]["containers"][0]["livenessProbe"] = {"exec": {"command": ["false"]}, "periodSeconds": 1,
                                                          "failureThreshold": 2}
        self.start(manifest, closed, dies)
        wait_for("start", lambda: self.statuses("probed").get("main", {}).get("started"), 60)
        self.assertFalse(self.statuses("probed")["main"]["ready"])
        self.wait_event("probed", "Unhealthy", "Readiness probe failed")
        ready.touch()
        wait_for("ready", lambda: self.statuses("probed")["main"]["ready"], 20)
        self.assertEqual(self.statuses("probed")["main"]["restartCount"], 0)
        self.wait_event("grpc", "Unhealthy", "Readiness probe failed")
        wait_for("restart", lambda: self.statuses("dies")["main"]["restartCount"] >= 1, 30)
        self.wait_event("dies", "Killing", "failed liveness probe, will be restarted")
        self.kubectl("delete", "pod", "probed", "grpc", "dies", "--timeout=40s")

    def test_hooks_run_at_start_and_before_the_end(self):
        for name, manifest in {"hookhost": host_pod("hookhost", SLEEP), "hookbox": pod("hookbox", SLEEP, image=str(self.image))}.items():
            folder = self.dir / name
            folder.mkdir()
            manifest["spec"]["volumes"] = [{"name": "out", "hostPath": {"path": str(folder)}}]
            out = str(folder) if name == "hookhost" else "/out"
            manifest["spec"]["containers"][0].update(
                volumeMounts=[{"name": "out", "mountPath": "/out"}],
                lifecycle={"postStart": {"exec": {"command": ["sh", "-c", f"echo started > {out}/start"]}},
                           "preStop": {"exec": {"command": ["sh", "-c", f"echo stopping > {out}/stop"]}}})
            self.start(manifest)
        for name in ("hookhost", "hookbox"):
            self.stack.wait_phase(name, ("Running",))
            wait_for("postStart", (self.dir / name / "start").exists, 20)
        self.kubectl("delete", "pod", "hookhost", "hookbox", "--timeout=40s")
        for name in ("hookhost", "hookbox"):
            self.assertEqual((self.dir / name / "stop").read_text(), "stopping\n")

    def test_a_failed_post_start_hook_kills_the_container(self):
        manifest = host_pod("badhook", SLEEP)
        manifest["spec"]["containers"][0]["lifecycle"] = {"postStart": {"exec": {"command": ["false"]}}}
        self.start(manifest)
        self.end_of("badhook")
        self.wait_event("badhook", "FailedPostStartHook")

    def test_deadline_ends_the_pod(self):
        self.start(host_pod("late", SLEEP, activeDeadlineSeconds=2))
        done = self.end_of("late")
        self.assertEqual((done["status"]["phase"], done["status"]["reason"]), ("Failed", "DeadlineExceeded"))

    def test_termination_messages(self):
        written = self.boxed("said", "echo the end > /dev/termination-log; exit 1")
        elsewhere = self.boxed("elsewhere", "echo there > /my/message")
        elsewhere["spec"]["containers"][0]["terminationMessagePath"] = "/my/message"
        fallback = self.boxed("fallback", "echo last words; exit 1")
        fallback["spec"]["containers"][0]["terminationMessagePolicy"] = "FallbackToLogsOnError"
        quiet = self.boxed("quiet", "echo not a message")
        quiet["spec"]["containers"][0]["terminationMessagePolicy"] = "FallbackToLogsOnError"
        self.start(written, elsewhere, fallback, quiet)
        wanted = {"said": "the end\n", "elsewhere": "there\n", "fallback": "last words\n", "quiet": None}
        for name, message in wanted.items():
            self.end_of(name)
            self.assertEqual(self.state_of(name)["terminated"].get("message"), message, name)
        self.assertEqual(self.state_of("said")["terminated"]["reason"], "Error")
        self.assertEqual(self.state_of("quiet")["terminated"]["reason"], "Completed")

    def test_a_program_that_is_not_there(self):
        self.start(pod("noprogram", ["/no/such/program"], image=str(self.image)))
        self.end_of("noprogram")
        ended = self.state_of("noprogram")["terminated"]
        self.assertEqual((ended["exitCode"], ended["reason"]), (127, "ContainerCannotRun"))
        self.assertEqual(ended["message"], 'exec: "/no/such/program": No such file or directory')
        self.wait_event("noprogram", "Failed", "/no/such/program")
        self.assertNotIn("Started", {reason for reason, _ in self.events_of("noprogram")})

    def test_a_working_directory_is_made(self):
        manifest = self.boxed("elsewhere-dir", "pwd")
        manifest["spec"]["containers"][0]["workingDir"] = "/does/not/exist"
        self.start(manifest)
        self.assertEqual(self.succeed("elsewhere-dir"), "/does/not/exist\n")
        for reason in ("Pulled", "Created", "Started"):
            self.wait_event("elsewhere-dir", reason)

    def test_the_stop_signal_is_the_containers(self):
        out = self.dir / "signal"
        manifest = host_pod("signalled", ["/bin/sh", "-c", f"trap 'echo usr1 > {out}; exit 0' USR1; while :; do sleep 0.1; done"])
        manifest["spec"]["os"] = {"name": "linux"}
        manifest["spec"]["containers"][0]["lifecycle"] = {"stopSignal": "SIGUSR1"}
        self.start(manifest)
        self.stack.wait_phase("signalled", ("Running",))
        time.sleep(0.5)
        self.kubectl("delete", "pod", "signalled", "--timeout=40s")
        self.assertEqual(out.read_text(), "usr1\n")


class Volumes(PodTest):
    """What is mounted."""

    def test_config_maps_and_secrets_with_their_modes(self):
        self.kubectl("create", "configmap", "conf", "--from-literal=a=1", "--from-literal=b=two")
        self.kubectl("create", "secret", "generic", "hid", "--from-literal=word=s3cret")
        manifest = self.boxed(
            "mounted", "cd /v; for f in conf/a conf/sub/b hid/word all/a all/word all/labels all/name; do "
            "echo $f $(stat -L -c %a $f) $(cat $f); done; touch conf/new 2>/dev/null || echo read-only",
            volumes=[{"name": "conf", "configMap": {"name": "conf", "defaultMode": 0o440,
                                                    "items": [{"key": "a", "path": "a"},
                                                              {"key": "b", "path": "sub/b", "mode": 0o755}]}},
                     {"name": "hid", "secret": {"secretName": "hid", "defaultMode": 0o400}},
                     {"name": "none", "configMap": {"name": "nowhere", "optional": True}},
                     {"name": "all", "projected": {"defaultMode": 0o444, "sources": [
                         {"configMap": {"name": "conf"}}, {"secret": {"name": "hid"}},
                         {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                                                    {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}}])
        manifest["metadata"]["labels"] = {"app": "x"}
        manifest["spec"]["containers"][0]["volumeMounts"] = [
            {"name": n, "mountPath": f"/v/{n}", "readOnly": n == "conf"} for n in ("conf", "hid", "none", "all")]
        self.start(manifest)
        self.assertEqual(self.succeed("mounted").splitlines(),
                         ["conf/a 440 1", "conf/sub/b 755 two", "hid/word 400 s3cret", "all/a 444 1", "all/word 444 s3cret",
                          'all/labels 444 app="x"', "all/name 444 mounted", "read-only"])

    def test_an_empty_dir_is_shared_by_containers_of_different_users(self):
        mount = [{"name": "v", "mountPath": "/v"}]
        manifest = self.boxed("crossing", "cat /v/hostfile; echo more >> /v/hostfile && id -u",
                              volumes=[{"name": "v", "emptyDir": {}}])
        manifest["spec"]["containers"][0].update(volumeMounts=mount, securityContext={"runAsUser": 1000})
        manifest["spec"]["initContainers"] = [{"name": "writer", "image": str(self.image), "volumeMounts": mount,
                                               "securityContext": {"runAsUser": 0},
                                               "command": ["/bin/sh", "-c", "id -u > /v/hostfile"]}]
        self.start(manifest)
        self.assertEqual(self.succeed("crossing"), "0\n1000\n")

    def test_sub_paths(self):
        root = self.dir / "subs"
        (root / "mine").mkdir(parents=True)
        (root / "mine" / "f").write_text("of mine\n")
        manifest = self.boxed("subs", "cat /a/f; cat /one; echo made > /new/x",
                              volumes=[{"name": "v", "hostPath": {"path": str(root), "type": "Directory"}}])
        manifest["spec"]["containers"][0].update(
            env=[{"name": "WHO", "value": "mine"}],
            volumeMounts=[{"name": "v", "mountPath": "/a", "subPathExpr": "$(WHO)"},
                          {"name": "v", "mountPath": "/one", "subPath": "mine/f"},
                          {"name": "v", "mountPath": "/new", "subPath": "made/here"}])
        self.start(manifest)
        self.assertEqual(self.succeed("subs"), "of mine\nof mine\n")
        self.assertEqual((root / "made" / "here" / "x").read_text(), "made\n")

    def test_host_paths_are_checked_by_their_type(self):
        folder = self.dir / "hp"
        folder.mkdir()
        (folder / "file").write_text("content\n")
        cases = {"hp-dir": (folder, "Directory", True), "hp-file": (folder / "file", "File", True),
                 "hp-made": (folder / "made", "DirectoryOrCreate", True), "hp-madefile": (folder / "mf", "FileOrCreate", True),
                 "hp-char": ("/dev/null", "CharDevice", True), "hp-any": (folder, "", True),
                 "hp-none": (folder / "nothing", "Directory", False), "hp-wrong": (folder / "file", "Directory", False),
                 "hp-socket": (folder / "file", "Socket", False)}
        manifests = []
        for name, (path, kind, _) in cases.items():
            manifest = self.boxed(name, "ls -d /hp", volumes=[{"name": "v", "hostPath": {"path": str(path), "type": kind}}])
            manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/hp"}]
            manifests.append(manifest)
        self.start(*manifests)
        for name, (_, kind, fine) in cases.items():
            done = self.end_of(name)
            self.assertEqual(done["status"]["phase"], "Succeeded" if fine else "Failed", f"{name}: {done['status']}")
            if not fine:
                self.assertIn("hostPath type check failed", done["status"]["message"])
        self.wait_event("hp-none", "FailedMount")
        self.assertTrue((folder / "made").is_dir() and (folder / "mf").is_file())

    def test_persistent_volumes_with_a_path(self):
        manifests = []
        for kind in ("hostPath", "local"):
            name = f"pv-{kind.lower()}"
            folder = self.dir / name
            folder.mkdir()
            volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
                      "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                               "claimRef": {"name": name, "namespace": "default"}, kind: {"path": str(folder)}}}
            if kind == "local":
                volume["spec"]["nodeAffinity"] = {"required": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]}}
            claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
                     "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": name,
                              "resources": {"requests": {"storage": "1Gi"}}}}
            self.start(volume, claim)
            # Nobody binds here: as the controller of volumes would write it.
            self.kubectl("patch", "pvc", name, "--subresource=status", "--type=merge", "-p",
                         json.dumps({"status": {"phase": "Bound"}}))
            manifest = self.boxed(name, "echo kept > /data/file",
                                  volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": name}}])
            manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/data"}]
            manifests.append((name, manifest))
        self.start(*[manifest for _, manifest in manifests])
        for name, _ in manifests:
            self.succeed(name)
            self.assertEqual((self.dir / name / "file").read_text(), "kept\n")

    def test_a_config_map_of_one_megabyte(self):
        path = self.dir / "large"
        path.write_text("0123456789abcdef" * (1000 * 1000 // 16))
        self.kubectl("create", "configmap", "large", f"--from-file=large={path}")
        manifest = self.boxed("large", "sha256sum /conf/large", volumes=[{"name": "v", "configMap": {"name": "large"}}])
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/conf"}]
        self.start(manifest)
        self.assertEqual(self.succeed("large").split()[0], hashlib.sha256(path.read_bytes()).hexdigest())

    def test_empty_dir_over_its_limit_is_evicted(self):
        manifest = self.boxed("greedy", "head -c 3000000 /dev/zero > /v/f; sleep 100",
                              volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}])
        memory = self.boxed("modest", "head -c 100000 /dev/zero > /v/f",
                            volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}])
        for each in (manifest, memory):
            each["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
        self.start(manifest, memory)
        self.succeed("modest")
        done = self.end_of("greedy")
        self.assertEqual((done["status"]["phase"], done["status"]["reason"]), ("Failed", "Evicted"))
        self.assertIn('Usage of EmptyDir volume "v" exceeds the limit "1Mi"', done["status"]["message"])


class Surroundings(PodTest):
    """Environment, names, neighbours, refusals."""

    def test_environment_passes_unchanged_and_nothing_is_executed(self):
        pwned = pathlib.Path("/tmp/slipway-pwned")
        for name, manifest in {"envhost": host_pod("envhost", ["/bin/sh", "-c", 'printf "%s" "$A"']),
                               "envbox": self.boxed("envbox", 'printf "%s" "$A"')}.items():
            manifest["spec"]["containers"][0]["env"] = [{"name": "A", "value": HOSTILE.replace("$(", "$$(")}]
            self.start(manifest)
        for name in ("envhost", "envbox"):
            self.assertEqual(self.succeed(name), HOSTILE, name)
        self.assertFalse(pwned.exists())

    def test_arguments_pass_unchanged(self):
        words = ["a b", "", "'", '"', "\\", "$HOME", "`id`", "*", "new\nline", "$(nothing)", "$$(kept)"]
        self.start(pod("words", ["/bin/sh", "-c", 'for w in "$@"; do printf "<%s>" "$w"; done', "sh", *words], image=str(self.image)))
        self.assertEqual(self.succeed("words"), "".join(f"<{w}>" for w in words).replace("$$(kept)", "$(kept)"))

    def test_names_and_resolver(self):
        manifest = self.boxed("named", "hostname; grep -c '10.9.8.7.*alias.example' /etc/hosts; grep here.sub.default /etc/hosts | "
                              "grep -c cluster.local; cat /etc/resolv.conf",
                              hostname="here", subdomain="sub", hostAliases=[{"ip": "10.9.8.7", "hostnames": ["alias.example"]}],
                              dnsPolicy="None", dnsConfig={"nameservers": ["10.1.1.1"], "searches": ["a.example"],
                                                           "options": [{"name": "ndots", "value": "3"}]})
        full = self.boxed("fqdn", "hostname", hostname="here", subdomain="sub", setHostnameAsFQDN=True)
        self.start(manifest, full)
        lines = self.succeed("named").splitlines()
        self.assertEqual(lines[:2], ["here", "1"])
        self.assertGreaterEqual(int(lines[2]), 1)
        self.assertEqual(lines[3:], ["nameserver 10.1.1.1", "search a.example", "options ndots:3"])
        self.assertEqual(self.succeed("fqdn"), "here.sub.default.svc.cluster.local\n")

    def test_containers_share_network_memory_and_processes(self):
        port = free_port()
        manifest = self.boxed("shared", f"until [ -e /dev/shm/word ]; do sleep 0.1; done; cat /dev/shm/word; "
                              f"until busybox wget -q -O - http://127.0.0.1:{port}/word; do sleep 0.2; done; "
                              f"ps -o args | grep -c '[h]ttpd -f -p {port}'", shareProcessNamespace=True)
        manifest["spec"]["containers"].append(
            {"name": "other", "image": str(self.image), "command":
             ["/bin/sh", "-c", f"mkdir /www; echo by http > /www/word; echo by memory > /dev/shm/word; "
              f"busybox httpd -f -p {port} -h /www & trap 'exit 0' TERM; sleep 8"]})
        self.start(manifest)
        self.end_of("shared")
        self.assertEqual(self.kubectl("logs", "shared", "-c", "main").splitlines()[:2], ["by memory", "by http"])
        self.assertGreaterEqual(int(self.kubectl("logs", "shared", "-c", "main").splitlines()[2]), 1)

    def test_fifty_containers(self):
        manifest = self.boxed("fifty", "echo 0")
        manifest["spec"]["containers"] = [
            {"name": f"c{i}", "image": str(self.image), "command": ["/bin/sh", "-c", f"echo {i}; sleep 2"],
             "resources": {"requests": {"cpu": "10m"}}} for i in range(50)]
        self.start(manifest)
        done = self.end_of("fifty", 120)
        self.assertEqual(done["status"]["phase"], "Succeeded", done["status"])
        self.assertEqual(len(done["status"]["containerStatuses"]), 50)
        self.assertEqual(self.kubectl("logs", "fifty", "-c", "c49"), "49\n")

    def test_what_cannot_be_is_refused_with_the_field(self):
        privileged = self.boxed("privileged", "true")
        privileged["spec"]["containers"][0]["securityContext"] = {"privileged": True}
        other = host_pod("otheruser", ["true"])
        other["spec"]["containers"][0]["securityContext"] = {"runAsUser": 4711}
        cases = {"privileged": (privileged, "securityContext.privileged"),
                 "hostpid": (self.boxed("hostpid", "true", hostPID=True), "spec.hostPID"),
                 "csi": (self.boxed("csi", "true", volumes=[{"name": "v", "csi": {"driver": "x.example"}}]), "spec.volumes[v].csi"),
                 "otheruser": (other, "securityContext.runAsUser")}
        self.start(*[manifest for manifest, _ in cases.values()])
        for name, (_, field) in cases.items():
            done = self.end_of(name)
            self.assertEqual((done["status"]["phase"], done["status"]["reason"]), ("Failed", "InvalidPod"), name)
            self.assertIn(field, done["status"]["message"])
            self.wait_event(name, "InvalidPod", field)

    def test_a_token_is_mounted_unless_automountServiceAccountToken_says_no(self):
        place = "/var/run/secrets/kubernetes.io/serviceaccount"
        self.start(self.boxed("token", f"wc -w < {place}/token; ls {place}"),
                   self.boxed("notoken", f"ls {place} 2>/dev/null || echo none", automountServiceAccountToken=False))
        self.assertEqual(self.succeed("token").split(), ["1", "ca.crt", "namespace", "token"])
        self.assertEqual(self.succeed("notoken"), "none\n")

    def test_another_user_where_user_namespaces_allow_it(self):
        manifest = self.boxed("mapped", "id -u; id -g; echo x > /v/f",
                              volumes=[{"name": "v", "emptyDir": {}}])
        manifest["spec"]["containers"][0].update(securityContext={"runAsUser": 1234, "runAsGroup": 5678, "runAsNonRoot": True},
                                                 volumeMounts=[{"name": "v", "mountPath": "/v"}])
        self.start(manifest)
        self.assertEqual(self.succeed("mapped"), "1234\n5678\n")

    def test_the_documentation_has_a_row_for_each_field(self):
        documented = set(re.findall(r"`([A-Za-z]+)`", (ROOT / "docs" / "pods.md").read_text()))
        documented |= {part for word in re.findall(r"`([A-Za-z.]+)`", (ROOT / "docs" / "pods.md").read_text()) for part in word.split(".")}
        schemas = json.loads(self.kubectl("get", "--raw", "/openapi/v3/api/v1"))["components"]["schemas"]
        for kind in ("PodSpec", "Container", "EphemeralContainer", "Volume", "Probe", "Lifecycle", "LifecycleHandler",
                     "SecurityContext", "PodSecurityContext", "VolumeMount", "VolumeProjection", "ContainerPort",
                     "EnvVarSource", "ResourceRequirements", "HTTPGetAction", "EmptyDirVolumeSource"):
            fields = set(schemas[f"io.k8s.api.core.v1.{kind}"]["properties"])
            self.assertFalse(fields - documented, kind)

    def test_what_differs_is_an_event(self):
        manifest = self.boxed("noted", "echo ran")
        manifest["spec"]["securityContext"] = {"supplementalGroups": [4711]}
        self.start(manifest)
        self.assertEqual(self.succeed("noted"), "ran\n")
        self.wait_event("noted", "WorksDifferently", "spec.securityContext.supplementalGroups")


class Ends(PodTest):
    """Ends that nobody wants, and large logs."""

    def processes_with(self, text):
        """Processes of this host that carry the text in their environment or command line."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    command = (entry / "cmdline").read_bytes()
                    if text.encode() in command + (entry / "environ").read_bytes():
                        found.append((int(entry.name), command))
                except OSError:
                    pass
        return found

    def test_a_killed_supervisor_leaves_a_reason_and_no_process(self):
        self.start(self.boxed("orphaned", "setsid sleep 1000 & sleep 1000"))
        self.stack.wait_phase("orphaned", ("Running",))
        uid = self.get_pod("orphaned")["metadata"]["uid"]
        wait_for("processes", lambda: len(self.processes_with(f"SLIPWAY_INSTANCE={uid}")) + len(self.processes_with(uid)) > 1, 20)
        supervisors = [pid for pid, command in self.processes_with(uid) if b"supervise\0" in command + b"\0" and b"keeper" not in command]
        self.assertTrue(supervisors, self.processes_with(uid))
        for pid in supervisors:
            os.kill(pid, 9)
        done = self.end_of("orphaned")
        self.assertEqual((done["status"]["phase"], done["status"]["reason"]), ("Failed", "SupervisorKilled"))
        wait_for("end of all processes", lambda: not self.processes_with(uid), 20)

    def test_a_large_log_arrives_whole(self):
        lines = int(os.environ.get("SLIPWAY_LOG_MIB", "16")) * 1024
        self.start(host_pod("large", ["/bin/sh", "-c", f"yes {'x' * 1023} | head -n {lines}"]))
        self.end_of("large", 600)
        digest = hashlib.sha256()
        size = 0
        command = ["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "logs", "large"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as logs:
            while piece := logs.stdout.read(1 << 20):
                digest.update(piece)
                size += len(piece)
        wanted = hashlib.sha256()
        for _ in range(lines // 1024):
            wanted.update((b"x" * 1023 + b"\n") * 1024)
        self.assertEqual((size, digest.hexdigest()), (lines * 1024, wanted.hexdigest()))

    def test_an_image_that_must_not_be_pulled(self):
        manifest = self.boxed("nevers", "true")
        manifest["spec"]["containers"][0].update(image="registry.invalid/none:1", imagePullPolicy="Never")
        self.start(manifest)
        wait_for("reason", lambda: self.state_of("nevers").get("waiting", {}).get("reason") == "ErrImageNeverPull", 30)
        self.wait_event("nevers", "ErrImageNeverPull", "registry.invalid/none:1")
        self.wait_event("nevers", "Failed", "Error: ErrImageNeverPull")
        time.sleep(2)
        self.assertEqual(self.state_of("nevers")["waiting"]["reason"], "ErrImageNeverPull", "it stands")
        self.kubectl("delete", "pod", "nevers", "--timeout=30s")


class Debug(PodTest):
    """kubectl debug: ephemeral containers."""

    def test_an_ephemeral_container_joins_a_running_pod(self):
        # On the host runtime an image is only a name, and kubectl takes no path for one.
        self.start(host_pod("patient", SLEEP))
        self.stack.wait_phase("patient", ("Running",))
        done = self.call("debug", "patient", "--image=none", "-c", "doctor", "-i", "--", "sh", "-c",
                         "read x; echo saw $x; exit 4", stdin="word\n", timeout=90)
        self.assertIn("saw word", done.stdout, done.stderr)
        wait_for("end", lambda: self.statuses("patient", "ephemeralContainerStatuses").get("doctor", {}).get("state", {}).get("terminated"), 20)
        state = self.statuses("patient", "ephemeralContainerStatuses")["doctor"]["state"]["terminated"]
        self.assertEqual(state["exitCode"], 4)
        self.assertEqual(self.kubectl("logs", "patient", "-c", "doctor"), "saw word\n")
        self.assertEqual(self.get_pod("patient")["status"]["phase"], "Running")
        self.kubectl("debug", "patient", "--image=none", "-c", "second", "--", "sleep", "1000")
        wait_for("second", lambda: self.statuses("patient", "ephemeralContainerStatuses").get("second", {}).get("state", {}).get("running"), 20)
        self.assertEqual(self.call("exec", "patient", "-c", "second", "--", "echo", "in").stdout, "in\n")
        self.kubectl("delete", "pod", "patient", "--timeout=40s")

    def test_a_privileged_debugger_is_refused_and_the_pod_goes_on(self):
        self.start(host_pod("healthy", SLEEP))
        self.stack.wait_phase("healthy", ("Running",))
        self.kubectl("debug", "healthy", "--image=none", "-c", "surgeon", "--profile=sysadmin", "--", "true")
        self.wait_event("healthy", "InvalidEphemeralContainer", "securityContext.privileged")
        self.assertEqual(self.get_pod("healthy")["status"]["phase"], "Running")
        self.kubectl("delete", "pod", "healthy", "--timeout=40s")


if __name__ == "__main__":
    unittest.main(verbosity=2)
