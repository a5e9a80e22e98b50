"""Limits of memory and cores as Slurm's control groups enforce them, and what is told of usage there.

Needs control groups of version 1 in which root may make groups; skipped elsewhere."""

import json
import os
import pathlib
import sys
import unittest

from site_fixture import SiteTest, pod, wait_for

MEMORY = pathlib.Path("/sys/fs/cgroup/memory")
PREFIX = f"m{os.getpid()}x"
CGROUP = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainRAMSpace=yes\nConstrainCores=yes\nConstrainSwapSpace=yes\n" \
         "AllowedSwapSpace=0\n"
EXTRA = "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\nJobAcctGatherType=jobacct_gather/linux\n"


def why_not():
    if not os.access(MEMORY, os.W_OK) or not (MEMORY / "memory.limit_in_bytes").exists():
        return "no memory control group of version 1 that can be written"
    try:
        own = MEMORY / f"{PREFIX}probe"
        own.mkdir()
        own.rmdir()
    except OSError as error:
        return f"no control groups can be made here: {error}"
    return None


class Limits(SiteTest):
    slurm_options = {"nodes": 1, "cpus": 2, "memory": 3000, "prefix": PREFIX, "extra": EXTRA, "cgroup": CGROUP}
    cgroups = f"slurm_{PREFIX}*"

    def manifest(self, name, scripts, memory="100Mi", **spec):
        made = pod(name, [], image=str(self.image), **spec)
        [container] = made["spec"]["containers"]
        made["spec"]["containers"] = [
            {**container, "name": f"c{i}", "command": ["/bin/sh", "-c", script],
             "resources": {"limits": {"cpu": "1", "memory": memory}}} for i, script in enumerate(scripts)]
        return made

    def end_of(self, manifest, seconds=60):
        self.stack.apply(manifest)
        name = manifest["metadata"]["name"]
        phase = self.stack.wait_phase(name, ("Succeeded", "Failed"), seconds)
        done = self.get_pod(name)
        return phase, done["status"], [c["state"]["terminated"] for c in done["status"]["containerStatuses"]]

    def test_more_memory_than_the_limit_is_oom_killed(self):
        phase, status, [end] = self.end_of(self.manifest("hog", ["dd if=/dev/zero of=/dev/null bs=300M count=1"]))
        self.assertEqual((phase, end["reason"], end["exitCode"]), ("Failed", "OOMKilled", 137))
        self.assertEqual(status["reason"], "OOMKilled")
        uid = self.get_pod("hog")["metadata"]["uid"]
        wait_for("Slurm's word", lambda: self.jobs_of(uid)[0]["JobState"] == "OUT_OF_MEMORY", 20)

    def test_less_than_the_limit_is_fine(self):
        phase, _, [end] = self.end_of(self.manifest("modest", ["dd if=/dev/zero of=/dev/null bs=40M count=2"]))
        self.assertEqual((phase, end["exitCode"]), ("Succeeded", 0))

    def test_a_restart_after_it_tells_of_the_kill_and_may_end_well(self):
        once = self.dir / "once"
        script = f"[ -e /o/once ] || {{ touch /o/once; exec dd if=/dev/zero of=/dev/null bs=300M count=1; }}"
        once.mkdir()
        manifest = self.manifest("again", [script], restartPolicy="OnFailure",
                                 volumes=[{"name": "o", "hostPath": {"path": str(once)}}])
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "o", "mountPath": "/o"}]
        phase, status, [end] = self.end_of(manifest)
        self.assertEqual((phase, end["exitCode"]), ("Succeeded", 0))
        self.assertEqual(status["containerStatuses"][0]["restartCount"], 1)
        last = status["containerStatuses"][0]["lastState"]["terminated"]
        self.assertEqual((last["reason"], last["exitCode"]), ("OOMKilled", 137))

    def test_the_other_containers_of_the_pod_live_on(self):
        phase, _, ends = self.end_of(self.manifest("pair", ["dd if=/dev/zero of=/dev/null bs=600M count=1",
                                                            "sleep 5; echo still here"]))
        self.assertEqual(phase, "Failed")
        self.assertEqual([(e["reason"], e["exitCode"]) for e in ends], [("OOMKilled", 137), ("Completed", 0)])
        self.assertEqual(self.kubectl("logs", "pair", "-c", "c1"), "still here\n")

    def test_a_killed_container_that_used_little_is_no_oom(self):
        phase, _, [end] = self.end_of(self.manifest("plain", ["kill -9 $$$$"]))
        # "$$" is "$" in a Pod.
        self.assertEqual((phase, end["reason"], end["exitCode"]), ("Failed", "Error", 137))

    def test_a_container_has_the_cores_that_it_asked_for(self):
        phase, _, _ = self.end_of(self.manifest("cores", ["grep Cpus_allowed_list /proc/self/status"]))
        self.assertEqual(phase, "Succeeded")
        allowed = self.kubectl("logs", "cores").split()[-1]
        self.assertRegex(allowed, r"^\d+$", "one core of two")

    def test_usage_is_what_the_containers_use(self):
        script = ["dd if=/dev/zero of=/dev/null bs=150M count=100000", "sleep 100"]
        self.stack.apply(self.manifest("user", script, memory="300Mi"))
        self.stack.wait_phase("user", ("Running",))
        node = self.get_pod("user")["spec"]["nodeName"]

        def usage():
            summary = json.loads(self.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
            for each in summary["pods"]:
                if each["podRef"]["name"] == "user":
                    return {c["name"]: c for c in each["containers"]}
            return {}

        def settled():
            now = usage()
            if not {"c0", "c1"} <= set(now):
                return None
            busy = now["c0"].get("memory", {}).get("workingSetBytes", 0)
            return now if busy > 140 << 20 and now["c0"]["cpu"].get("usageNanoCores", 0) > 0 else None

        found = wait_for("usage", settled, 60, 1)
        self.assertLess(found["c0"]["memory"]["workingSetBytes"], 200 << 20)
        self.assertLess(found["c1"]["memory"]["workingSetBytes"], 20 << 20)
        self.assertLess(found["c1"]["cpu"].get("usageNanoCores", 0), 50_000_000)
        self.assertGreater(found["c0"]["cpu"]["usageNanoCores"], 50_000_000)
        self.assertLess(found["c0"]["cpu"]["usageNanoCores"], 1_300_000_000, "it has one core")
        self.kubectl("delete", "pod", "user", "--wait=false")


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main()
