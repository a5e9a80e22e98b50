"""A random soak: pods of many kinds, while parts are killed with -9 and connections break at random moments.

SLIPWAY_CHAOS_SEED repeats a run, SLIPWAY_CHAOS_SECONDS says how long the trouble lasts, SLIPWAY_CHAOS_KEEP names a
directory to which logs and records go. Afterwards all is up again, and
Slurm's records, a file to which each pod's script appends, and the machine's processes are the judges.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from judge import Judge, MARK, pids_of  # noqa: E402
from site_fixture import Failed, SiteTest, host_pod, wait_for  # noqa: E402

# Slurm may see late that a job has to be requeued, and then holds it for two minutes before it runs again.
PATIENCE = 420
FINAL = ("Succeeded", "Failed")
# Each run says when it begins, that it lives, and when it ends; a line is one write to a file opened for appending.
SCRIPT = """
say() { echo "$UID_OF_POD $SLURM_JOB_ID $1 $$ $(date +%s.%N)" >> "$CHAOS_LOG"; }
say begin
( while kill -0 $$ 2>/dev/null; do sleep 0.5; say tick; done ) &
sleep SECONDS
say end
exit CODE
"""
# Fails until the pod has begun CODE times.
STUBBORN = SCRIPT.replace("exit CODE", '[ $(grep -c "^$UID_OF_POD .* begin " "$CHAOS_LOG") -gt CODE ]')


class Wanted:
    """One pod of the stream and what must become of it."""

    def __init__(self, name, kind, seconds, code=0):
        self.name, self.kind, self.seconds, self.code = name, kind, seconds, code
        self.uid = None
        self.asked = None       # when it was created
        self.delete_at = None
        self.deleted = False    # its end was asked for
        self.replaced = []      # uids of pods of the same name before
        self.supervisor_killed = False
        self.owner = None


class Trouble:
    """Breaks parts and brings them back. Each is down at most once at a time."""

    def __init__(self, test, chance):
        self.test, self.chance = test, chance
        self.down = {}      # part → when it comes back
        self.history = []   # (time, what)
        self.lost = []      # when slurmctld was killed: it forgets its last five seconds

    def say(self, what):
        self.history.append((time.time(), what))
        print(f"[{time.time() - self.test.began:6.1f}] {what}", file=sys.stderr, flush=True)

    def begin(self):
        parts = ["controller", "agent", "apiserver", "slurmctld", "slurmd", "cut", "freeze", "supervisor"]
        part = self.chance.choice([each for each in parts if each not in self.down])
        until = time.monotonic() + self.chance.uniform(0.2, 6)
        test = self.test
        if part in ("controller", "agent", "apiserver"):
            process = test.stack.processes[part]
            process.kill()
            process.wait(10)
        elif part == "slurmctld":
            self.lost.append(time.time())
            test.slurm.daemons[part].kill()
            test.slurm.daemons[part].wait(10)
        elif part == "slurmd":
            node = self.chance.choice(test.slurm.nodes)
            test.slurm.daemons[node].kill()
            test.slurm.daemons[node].wait(10)
            self.down_node = node
        elif part == "cut":
            test.stack.gate.cut()
            self.say("cut")
            return
        elif part == "freeze":
            test.stack.gate.freeze()
        elif part == "supervisor":
            self.kill_supervisor()
            return
        self.down[part] = until
        self.say(f"{part} down" + (f" ({self.down_node})" if part == "slurmd" else ""))

    def kill_supervisor(self):
        victims = [pod for pod in self.test.pods if pod.kind == "victim" and pod.uid and not pod.supervisor_killed]
        self.chance.shuffle(victims)
        for pod in victims:
            pids = pids_of(lambda argv, _: "supervise" in argv and f"/{pod.uid}/" in argv[-1] + "/")
            if not pids:
                continue
            os.kill(pids[0], 9)
            pod.supervisor_killed = time.time()
            self.say(f"supervisor of {pod.name} killed")
            return

    def back(self, part):
        test = self.test
        self.down.pop(part, None)
        if part == "slurmctld":
            test.slurm.start_controller()
        elif part == "slurmd":
            test.slurm.start_node(self.down_node)
        elif part == "freeze":
            test.stack.gate.thaw()
        else:
            {"controller": test.stack.start_controller, "agent": test.stack.start_agent,
             "apiserver": test.stack.start_apiserver}[part]()
        self.say(f"{part} back")

    def due(self):
        for part in [part for part, until in self.down.items() if until <= time.monotonic()]:
            self.back(part)

    def all_back(self):
        for part in list(self.down):
            self.back(part)


class RandomChaos(SiteTest):
    stack_options = {"through_gate": True}
    agent_options = "keepDeleted: 1s\n"

    @classmethod
    def place(cls):
        done = cls.dir / "jobcomp"
        return {"extra": f"JobCompType=jobcomp/filetxt\nJobCompLoc={done}"}

    @classmethod
    def tearDownClass(cls):
        keep = os.environ.get("SLIPWAY_CHAOS_KEEP")
        if keep:
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(cls.dir, keep, symlinks=True, ignore=lambda _, names: [
                name for name in names if name in ("images", "socket", "devices", "munge", "spool", "state")])
        super().tearDownClass()

    def test_soak(self):
        seed = int(os.environ.get("SLIPWAY_CHAOS_SEED") or random.SystemRandom().randrange(1 << 30))
        seconds = float(os.environ.get("SLIPWAY_CHAOS_SECONDS") or 90)
        print(f"SLIPWAY_CHAOS_SEED={seed} SLIPWAY_CHAOS_SECONDS={seconds:.0f}", file=sys.stderr, flush=True)
        self.chance = random.Random(seed)
        self.log = self.dir / "runs"
        self.log.touch()
        self.pods = []
        self.foreign = []
        self.began = time.time()
        self.trouble = Trouble(self, self.chance)
        self.stream(seconds)
        self.trouble.all_back()
        self.settle()
        judge = Judge(self)
        judge.ends()
        judge.runs()
        judge.mirror()
        self.clear()
        judge.nothing_left()
        self.assertEqual(judge.complaints, [], f"seed {seed}:\n" + "\n".join(judge.complaints))
        print(f"{len(self.pods)} pods, {len(self.foreign)} foreign jobs, "
              f"{len(self.trouble.history)} troubles: {judge.summary()}", file=sys.stderr)

    # The stream.

    def stream(self, seconds):
        end = time.monotonic() + seconds
        next_trouble = time.monotonic() + 5
        while time.monotonic() < end:
            self.trouble.due()
            if time.monotonic() > next_trouble:
                for _ in range(self.chance.choice([1, 1, 2])):
                    self.trouble.begin()
                next_trouble = time.monotonic() + self.chance.uniform(2, 9)
            if len(self.open_pods()) < 22:
                self.something_new()
            self.deletions()
            time.sleep(self.chance.uniform(0, 0.8))

    def open_pods(self):
        return [pod for pod in self.pods if not pod.deleted and time.time() - (pod.asked or time.time()) < pod.seconds + 15]

    def something_new(self):
        kind = self.chance.choices(["short", "long", "code", "stubborn", "deleted", "recreated", "victim", "owned", "foreign"],
                                   [6, 4, 3, 2, 4, 3, 2, 1, 3])[0]
        number = len(self.pods) + len(self.foreign)
        if kind == "foreign":
            self.foreign_job(number)
            return
        pod = Wanted(f"{kind}-{number}", kind, 1)
        if kind == "short":
            pod.seconds = self.chance.uniform(0, 1)
        elif kind == "long":
            pod.seconds = self.chance.uniform(4, 15)
        elif kind == "code":
            pod.seconds, pod.code = self.chance.uniform(0, 3), self.chance.randrange(1, 100)
        elif kind == "stubborn":
            pod.seconds, pod.code = self.chance.uniform(0, 1), self.chance.randrange(1, 3)
        else:
            pod.seconds = 600
        if kind in ("deleted", "recreated", "owned"):
            pod.delete_at = time.monotonic() + self.chance.choice([0, 0.3, 1, 3, 6]) * self.chance.random()
        self.pods.append(pod)
        self.create(pod)

    def create(self, pod):
        script = (STUBBORN if pod.kind == "stubborn" else SCRIPT)
        # In a command of Kubernetes "$$" stands for "$".
        script = script.replace("SECONDS", f"{pod.seconds:.2f}").replace("CODE", str(pod.code)).replace("$$", "$$$$")
        manifest = host_pod(pod.name, ["/bin/sh", "-c", script])
        manifest["spec"]["containers"][0]["env"] = [
            {"name": "UID_OF_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            {"name": "CHAOS_LOG", "value": str(self.log)}, {"name": MARK, "value": str(self.dir)}]
        if pod.kind == "stubborn":
            manifest["spec"]["restartPolicy"] = "OnFailure"
        if pod.kind == "owned":
            pod.owner = f"owner-{pod.name}"
            made = self.insist("create", "configmap", pod.owner, "-o", "jsonpath={.metadata.uid}", again=(
                "get", "configmap", pod.owner, "-o", "jsonpath={.metadata.uid}"))
            manifest["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "ConfigMap", "name": pod.owner, "uid": made}]
        pod.asked = time.time()
        self.pending_apply(manifest)
        pod.uid = self.insist("get", "pod", pod.name, "-o", "jsonpath={.metadata.uid}")

    def pending_apply(self, manifest):
        self.tried(lambda: self.stack.apply(manifest))

    def insist(self, *arguments, again=None):
        return self.tried(lambda: self.kubectl(*arguments), again and (lambda: self.kubectl(*again)))

    def tried(self, call, otherwise=None):
        """Until the API server has taken it, whatever happens meanwhile."""
        while True:
            self.trouble.due()
            try:
                return call()
            except (Failed, subprocess.TimeoutExpired) as error:
                if otherwise is not None and "AlreadyExists" in str(error):
                    call = otherwise
                time.sleep(0.2)

    def deletions(self):
        for pod in self.pods:
            if pod.delete_at is None or pod.deleted or pod.delete_at > time.monotonic():
                continue
            pod.deleted = True
            if pod.kind == "owned":
                self.insist("delete", "configmap", pod.owner, "--ignore-not-found")
                continue
            self.insist("delete", "pod", pod.name, "--wait=false", "--ignore-not-found")
            if pod.kind == "recreated":
                self.recreate(pod)

    def recreate(self, old):
        """At once, as soon as the name is free: a controller of pods with fixed names does that."""
        def gone():
            self.trouble.due()
            return not self.kubectl("get", "pod", old.name, "--ignore-not-found")
        try:
            wait_for("free name", gone, 20, 0.3)
        except Failed:
            return
        new = Wanted(old.name, "short", self.chance.uniform(0, 4))
        new.replaced = [old.uid]
        self.pods.append(new)
        self.create(new)

    def foreign_job(self, number):
        """A job of somebody who knows nothing of Kubernetes."""
        script = f"#!/bin/sh\nexport {MARK}={self.dir}\nsleep {self.chance.uniform(0, 12):.1f}\n"
        done = self.slurm.command("sbatch", "--parsable", "--job-name", f"foreign-{number}", "--output=/dev/null", "--mem=50",
                                  stdin=script, check=False)
        if done.returncode == 0:
            self.foreign.append(done.stdout.strip())

    # The end.

    def operate(self):
        """What an operator does about nodes that Slurm took out of service because of its own lost state."""
        for line in self.slurm.command("sinfo", "-h", "-N", "-o", "%N|%T|%E", check=False).stdout.splitlines():
            node, state, reason = line.split("|", 2)
            if state.startswith(("drain", "down")):
                self.trouble.say(f"operator: {node} is {state}: {reason}")
                self.slurm.command("scontrol", "update", f"NodeName={node}", "State=RESUME", check=False)

    def settle(self):
        """Until each pod that is to end by itself has ended, and what was deleted is gone."""
        for pod in self.pods:
            if pod.delete_at:
                pod.delete_at = min(pod.delete_at, time.monotonic())
        self.deletions()
        deadline = time.monotonic() + PATIENCE
        while True:
            self.operate()
            try:
                items = {pod["metadata"]["uid"]: pod for pod in self.stack.get("pods")["items"]}
            except (Failed, subprocess.TimeoutExpired):
                items = None
            if items is not None:
                open_ones = [pod for pod in self.pods if self.is_open(pod, items.get(pod.uid))]
                if not open_ones or time.monotonic() > deadline:
                    return
            time.sleep(1)

    def is_open(self, pod, item):
        if pod.deleted:
            return item is not None
        phase = item and item.get("status", {}).get("phase")
        if pod.kind == "victim" and not pod.supervisor_killed:
            if item is not None and phase == "Running":
                self.trouble.kill_supervisor()
        return item is not None and phase not in FINAL

    def clear(self):
        self.kubectl("delete", "pod", "--all", "--wait=false")
        self.slurm.command("scancel", *self.foreign, check=False) if self.foreign else None
        try:
            wait_for("end of all pods", lambda: not self.stack.get("pods")["items"], 90, 1)
        except Failed:
            pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
