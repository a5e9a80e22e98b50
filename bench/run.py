#!/usr/bin/env python3
"""make bench: the limits that Slipway holds, each with what was measured on this machine, against the fake Slurm."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))

import latency  # noqa: E402
from testsite.processes import run, wait_for  # noqa: E402
from testsite.stack import Stack  # noqa: E402
from apiserver import apiserver  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


class FakeSlurm:
    """What Stack needs of a Slurm: the environment of its commands and the names of its nodes."""

    def __init__(self, binaries, directory, nodes, jobs):
        self.partition = "main"
        self.bin = pathlib.Path(binaries)
        self.dir = pathlib.Path(directory)
        self.env = {"FAKE_SLURM_DIR": str(self.dir)}
        self.nodes = [f"n{i}" for i in range(1, nodes + 1)]
        run([self.bin.parent / "fake_slurm", "init", self.dir, f"nodes={nodes}", f"jobs={jobs}", "churn=0"])

    def calls(self):
        try:
            return len((self.dir / "calls").read_text().splitlines())
        except FileNotFoundError:
            return 0


def rss_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def count_ready(stack):
    out = stack.kubectl("get", "nodes", "--no-headers", timeout=120)
    return sum(1 for line in out.splitlines() if line.split()[1] == "Ready")


def count_pods(stack):
    """Counted by the server: fetching them all again and again would be most of the load."""
    page = json.loads(stack.kubectl("get", "--raw", "/api/v1/namespaces/slipway-jobs/pods?limit=1", timeout=120))
    return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)


def api_figures(stack):
    """Requests answered so far and watches open now, as the API server counts them."""
    requests, watches = 0, 0
    for line in stack.kubectl("get", "--raw", "/metrics").splitlines():
        if line.startswith("apiserver_request_total"):
            requests += int(line.split()[-1])
        elif line.startswith("apiserver_watches"):
            watches = int(line.split()[-1])
    return requests, watches


def until_still(count, begin, quiet=10, seconds=600):
    """When `count` reached the value that it then kept for `quiet` seconds, counted from `begin`, and that value."""
    last, changed = 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        now = count()
        if now != last:
            last, changed = now, time.monotonic()
        elif last > 0 and time.monotonic() - changed > quiet:
            break
        time.sleep(0.5)
    return changed - begin, last


class Table:
    def __init__(self):
        self.missed = 0

    def row(self, what, limit, measured, unit, ok):
        self.missed += 0 if ok else 1
        print(f"{what:<60} {limit:>12} {measured:>12.1f} {unit:<6} {'ok' if ok else 'MISSED'}", flush=True)


def scale(table, build, nodes, jobs):
    work = pathlib.Path(tempfile.mkdtemp(prefix="slipway-bench."))
    release = build / "release"
    slurm = FakeSlurm(release / "fake_slurm_bin", work / "slurm", nodes, jobs)
    stack = Stack(work, build / "slipway", slurm)
    try:
        os.environ["PATH"] = f"{slurm.bin}:{os.environ['PATH']}"
        (work / "log").mkdir(parents=True, exist_ok=True)
        stack.start_apiserver()
        stack._write_configs()
        _, own_watches = api_figures(stack)
        config = (work / "agent.yaml").read_text().replace("pollInterval: 1s", "pollInterval: 15s")
        (work / "agent.yaml").write_text(config)
        stack.start_controller()
        begin = time.monotonic()
        stack.start_agent()
        wait_for("all nodes", lambda: count_ready(stack) >= nodes, 600, 0.5)
        ready = time.monotonic() - begin
        table.row(f"{nodes} Nodes Ready after connecting", "30 s", ready, "s", ready <= 30)
        mirrored, pods = until_still(lambda: count_pods(stack), begin)
        print(f"({pods} pods: ended jobs that were never seen alive are not shown)", flush=True)
        table.row(f"{jobs} jobs mirrored after connecting", "60 s", mirrored, "s", mirrored <= 60)
        controller = stack.processes["controller"].pid
        agent = stack.processes["agent"].pid
        rss = rss_mib(controller)
        table.row("controller, resident memory", "300 MiB", rss, "MiB", rss < 300)
        rss = rss_mib(agent)
        table.row("agent, resident memory", "32 MiB", rss, "MiB", rss < 32)
        before, calls, at = cpu_seconds(agent), slurm.calls(), time.monotonic()
        requests, watches = api_figures(stack)
        time.sleep(60)
        seconds = time.monotonic() - at
        per_second = (api_figures(stack)[0] - requests) / seconds
        share = 100 * (cpu_seconds(agent) - before) / seconds
        table.row("agent, share of a core at rest (poll each 15 s)", "1 %", share, "%", share <= 1)
        table.row("watches of the controller", "8", watches - own_watches, "", watches - own_watches <= 8)
        # One lease a node each 10 s, and 1 % for what is not a lease.
        table.row("API requests at rest", f"{nodes / 10:.0f} /s", per_second, "/s", per_second <= 1.01 * nodes / 10)
        polls = seconds / 15
        each = (slurm.calls() - calls) / polls
        table.row("Slurm requests a poll", "2", each, "", each <= 2.6)
    finally:
        stack.stop()
        shutil.rmtree(work, ignore_errors=True)


def latencies(table, build):
    work = pathlib.Path(tempfile.mkdtemp(prefix="slipway-bench."))
    try:
        slurm = FakeSlurm(build / "release" / "fake_slurm_bin", work / "slurm", 4, 0)
        submit, line, delay, change, first_byte = latency.figures(slurm, build / "slipway")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    table.row("pod created to sbatch called, median", "200 ms", submit, "ms", submit <= 200)
    table.row("job started to first line of logs -f, median", "300 ms", line, "ms", line <= 300)
    table.row("a line written to its arrival, longest of 20", "500 ms", delay, "ms", delay <= 500)
    table.row("kubectl exec to its first byte, median", "200 ms", first_byte, "ms", first_byte <= 200)
    # The poll interval of this site is 1 s.
    table.row("a node drained in Slurm to its Node, longest of 5", "2000 ms", change, "ms", change <= 2000)


def parse(table, build):
    out = subprocess.run([build / "release" / "parse_bench"], stdout=subprocess.PIPE, check=True, text=True).stdout
    milliseconds = float(out.split()[1])
    table.row("30 MB of scontrol show job -o on one core", "100 ms", milliseconds, "ms", milliseconds <= 100)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("--nodes", type=int, default=4000)
    parser.add_argument("--jobs", type=int, default=20000)
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    table = Table()
    print(f"{'what':<60} {'limit':>12} {'measured':>12}")
    parse(table, build)
    latencies(table, build)
    scale(table, build, arguments.nodes, arguments.jobs)
    apiserver(table, build)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
