#!/usr/bin/env python3
"""make demo: a Slurm of four nodes on this host, seen and used through kubectl. make demo-down ends it."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from testsite.busybox import make_image  # noqa: E402
from testsite.processes import Failed, wait_for  # noqa: E402
from testsite.slurm import Slurm  # noqa: E402
from testsite.stack import Stack, host_pod, pod  # noqa: E402

BEGIN = time.monotonic()


def say(line):
    print(f"[{time.monotonic() - BEGIN:5.1f} s] {line}", flush=True)


def started_at(pid):
    """The start time of a process in clock ticks, which tells it from a later one with the same id; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        return None


class Demo:
    def __init__(self, build):
        self.dir = pathlib.Path(build).resolve() / "demo"
        self.binary = pathlib.Path(build).resolve() / "slipway"
        self.record = self.dir / "processes.json"
        self.slurm = Slurm(self.dir, survives=True)
        self.image = self.dir / "images" / "busybox"
        self.stack = Stack(self.dir, self.binary, self.slurm, survives=True, images=[self.dir / "images"])

    def recorded(self):
        """The processes of an earlier `up` that still run: name → process id."""
        try:
            entries = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return {}
        return {name: pid for name, (pid, ticks) in entries.items() if started_at(pid) == ticks}

    def remember(self):
        processes = {**self.slurm.daemons, **self.stack.processes}
        entries = {name: (process.pid, started_at(process.pid)) for name, process in processes.items()}
        self.record.write_text(json.dumps(entries))

    def up(self):
        if len(self.recorded()) > 2:
            say("the demo is up already")
            return self.how_to_go_on()
        if self.dir.exists():
            self.down(quiet=True)
        self.dir.mkdir(parents=True)
        try:
            say("starting munged, slurmctld and four slurmd")
            self.slurm.start()
            self.remember()
            say("Slurm is up; making a busybox image")
            make_image(self.image)
            self.stack.start(say)
            self.remember()
            self.stack.wait_nodes()
            say("every Slurm node is a Node:")
            self.show("get", "nodes")
            self.show_job()
            self.show_pod()
        except KeyboardInterrupt:
            self.remember()
            print("\nstopped; make demo-down cleans up.", file=sys.stderr)
            return 130
        except (Failed, OSError) as error:
            self.remember()
            print(f"\nmake demo failed: {error}\n\n{self.stack.logs()}\n\nmake demo-down cleans up.", file=sys.stderr)
            return 1
        return self.how_to_go_on()

    def show_job(self):
        say("submitting a job with sbatch; it becomes a pod in the namespace slipway-jobs:")
        self.slurm.command("sbatch", "--parsable", "--job-name=hello from Slurm", "--nodes=2", "--ntasks-per-node=1",
                           f"--output={self.dir}/job-%j.out", f"--chdir={self.dir}",
                           "--wrap=echo this is a Slurm job; sleep 600")
        wait_for("pod of the job", lambda: any(p["status"].get("phase") == "Running"
                                               for p in self.stack.get("pods", "-n", "slipway-jobs")["items"]), 30)
        self.show("get", "pods", "-n", "slipway-jobs", "-o", "wide")

    def show_pod(self):
        say("running a pod; it becomes a Slurm job with a container in it:")
        script = 'echo "hello from $(hostname), Slurm job $SLURM_JOB_ID"; cat /etc/passwd | head -n 1; sleep 600'
        self.stack.apply(pod("hello", ["/bin/sh", "-c", script], image=str(self.image)))
        if self.hello() == "Failed":
            why = self.stack.kubectl("logs", "hello", check=False).stdout.strip()
            if "namespace" not in why:
                raise Failed(f"the pod failed: {why or self.stack.kubectl('describe', 'pod', 'hello')}")
            say(f"this machine gives its users no namespaces, so there is no container ({why}); without one, by the\n"
                "         RuntimeClass slipway-host:")
            self.stack.kubectl("delete", "pod", "hello", "--timeout=30s")
            self.stack.apply(host_pod("hello", ["/bin/sh", "-c", script]))
            self.hello()
        self.show("get", "pods", "-o", "wide")
        say("its log, by kubectl logs hello:")
        self.show("logs", "hello")
        say("and what Slurm says, by squeue:")
        print(self.slurm.command("squeue", "-o", "%.8i %.9P %.20j %.8T %.6D %R"), flush=True)

    def hello(self):
        """Failed, or Running with a log."""
        def state():
            phase = self.stack.phase("hello")
            said = "Slurm job" in self.stack.kubectl("logs", "hello", check=False).stdout
            return phase if phase == "Failed" or said else None

        return wait_for("end or first line of the pod", state, 60)

    def show(self, *arguments):
        print(self.stack.kubectl(*arguments), flush=True)

    def how_to_go_on(self):
        print(f"""The demo stays up. Go on with:

  export KUBECONFIG={self.dir}/kubeconfig SLURM_CONF={self.dir}/slurm.conf
  kubectl get nodes
  kubectl get pods -A -o wide
  kubectl logs hello
  sbatch --wrap 'sleep 60'          # and watch it: kubectl get pods -n slipway-jobs -w
  kubectl delete pod hello          # and watch it: squeue

Stop it, leaving nothing behind: make demo-down""")
        return 0

    def down(self, quiet=False):
        running = self.recorded()
        tell = (lambda line: None) if quiet else say
        if not self.dir.exists():
            tell("the demo is not up")
            return 0
        for name in ("controller", "agent", "apiserver"):
            self.end(name, running)
        if "slurmctld" in running:
            tell("cancelling the demo's jobs")
            os.environ["PATH"] += ":/usr/sbin:/sbin"
            mine = self.slurm.command("squeue", "-h", "-o", "%A").split()
            if mine:
                self.slurm.command("scancel", "--signal=KILL", "--full", *mine, check=False)
                self.slurm.command("scancel", *mine, check=False)
            try:
                wait_for("end of the jobs", lambda: not self.slurm.command("squeue", "-h").strip(), 20, 0.2)
            except Failed as error:
                tell(str(error))
        for name in [*self.slurm.nodes, "slurmctld", "munged"]:
            self.end(name, running)
        shutil.rmtree(self.dir)
        tell("the demo is gone")
        return 0

    def end(self, name, running):
        pid = running.get(name)
        if not pid:
            return
        ticks = started_at(pid)
        os.kill(pid, signal.SIGTERM)
        try:
            wait_for(f"end of {name}", lambda: started_at(pid) != ticks, 10, 0.05)
        except Failed:
            os.kill(pid, signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("--build", default="build")
    arguments = parser.parse_args()
    demo = Demo(arguments.build)
    return demo.up() if arguments.what == "up" else demo.down()


if __name__ == "__main__":
    sys.exit(main())
