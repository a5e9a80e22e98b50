"""Nothing grows: many exec sessions and large logs leave no descriptors, processes or memory behind.

SLIPWAY_EXECS and SLIPWAY_LOG_MIB say how many and how large; the figures are printed."""

import concurrent.futures
import hashlib
import os
import pathlib
import subprocess
import time
import unittest

from site_fixture import SiteTest, host_pod, pod, wait_for


def status_of(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


class FlatTest(SiteTest):
    def pids(self, name):
        """Of Slipway's own processes, and the pod's supervisor."""
        uid = self.get_pod(name)["metadata"]["uid"]
        found = {each: self.stack.processes[each].pid for each in ("apiserver", "controller", "agent")}
        found["supervisor"] = min(self.supervisors_of(uid))  # the newer ones are on their way to become programs
        return found

    def figures(self, pids):
        return {name: {"fds": len(os.listdir(f"/proc/{pid}/fd")), "rss": status_of(pid, "VmRSS") // 1024,
                       "peak": status_of(pid, "VmHWM") // 1024, "children": self.children(pid)}
                for name, pid in pids.items()}

    def children(self, pid):
        return len(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def tell(self, what, before, after):
        for name, now in after.items():
            then = before[name]
            print(f"{what}: {name}: descriptors {then['fds']} -> {now['fds']}, MiB {then['rss']} -> {now['rss']} "
                  f"(peak {now['peak']}), children {then['children']} -> {now['children']}")


class Execs(FlatTest):
    def test_many_sessions_leave_nothing_behind(self):
        many = int(os.environ.get("SLIPWAY_EXECS", "40"))
        self.stack.apply(pod("inbox", ["sleep", "3600"], image=str(self.image)))
        self.stack.wait_phase("inbox", ("Running",))

        def one(number):
            for _ in range(10):
                done = self.kubectl("exec", "inbox", "--", "echo", str(number), check=False, timeout=120)
                # kubectl 1.32 throws away what comes before it has made its streams, and says so.
                if "discarding message" not in done.stderr:
                    break
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.strip()

        def fifty():
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                self.assertEqual(list(pool.map(one, range(50))), [str(n) for n in range(50)])

        fifty()  # what is made once is there now
        pids = self.pids("inbox")
        before = self.figures(pids)
        begin = time.monotonic()
        fifty()
        at_once = time.monotonic() - begin
        begin = time.monotonic()
        for number in range(many):
            self.assertEqual(one(number), str(number))
        in_a_row = time.monotonic() - begin

        def settled():
            now = self.figures(pids)
            return now if all(now[name]["fds"] <= before[name]["fds"] + 4 and
                              now[name]["children"] <= before[name]["children"] for name in now) else None

        try:
            after = wait_for("descriptors and children as before", settled, 30, 1)
        except Exception:
            self.tell("execs", before, self.figures(pids))
            raise
        print(f"50 at once in {at_once:.1f} s, {many} in a row in {in_a_row:.1f} s")
        self.tell("execs", before, after)
        for name in after:
            self.assertLess(after[name]["rss"], before[name]["rss"] + 24, f"{name}: {before[name]} -> {after[name]}")


class Logs(FlatTest):
    def read(self, *arguments):
        digest = hashlib.sha256()
        size = 0
        command = ["kubectl", "--kubeconfig", str(self.stack.kubeconfig), "logs", *arguments]
        begin = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as logs:
            while piece := logs.stdout.read(1 << 20):
                digest.update(piece)
                size += len(piece)
        return size, digest.hexdigest(), time.monotonic() - begin

    def test_a_large_log_is_read_and_followed_in_little_memory(self):
        mib = int(os.environ.get("SLIPWAY_LOG_MIB", "16"))
        go = self.dir / "go"
        line = "x" * 1023
        # It ends when both have read, so that the supervisor is there to be measured.
        self.stack.apply(host_pod("large", ["/bin/sh", "-c", f"yes {line} | head -n {mib * 1024}; while [ ! -e {go} ]; do sleep 0.2; done"]))
        self.stack.wait_phase("large", ("Running",), 60)
        wanted = hashlib.sha256()
        for _ in range(mib):
            wanted.update((line.encode() + b"\n") * 1024)
        pids = self.pids("large")
        before = self.figures(pids)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            followed = pool.submit(self.read, "-f", "large")
            uid = self.get_pod("large")["metadata"]["uid"]
            folder = self.dir / "agent" / "pods" / uid / "0" / "logs" / "main"
            wait_for("the log", lambda: folder.exists() and sum(f.stat().st_size for f in folder.iterdir()) >=
                     mib * 1024 * 1024, 600, 0.5)
            size, digest, seconds = self.read("large")
            middle = self.figures(pids)
            go.touch()
            followed_size, followed_digest, _ = followed.result(timeout=900)
        self.assertEqual((size, digest), (mib << 20, wanted.hexdigest()))
        self.assertEqual((followed_size, followed_digest), (mib << 20, wanted.hexdigest()))
        print(f"{mib} MiB read in {seconds:.1f} s: {mib / seconds:.0f} MiB/s")
        self.tell("logs", before, middle)
        for name in middle:
            self.assertLess(middle[name]["peak"], before[name]["peak"] + 64, name)


if __name__ == "__main__":
    unittest.main()
