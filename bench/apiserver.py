"""What the API server costs and how quick it is: rows of `make bench`, or by itself: bench/apiserver.py BUILD.

With KUBE_APISERVER and ETCD the same load goes to Kubernetes' own, for comparison."""

import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))

from testsite import real_api  # noqa: E402
from testsite.processes import Process, free_port, wait_for  # noqa: E402

MANY = 100_000
PODS = 10_000


def rss_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def measure(bench, kubeconfig, *words):
    """What one run of the load generator prints, by name."""
    out = subprocess.run([bench, kubeconfig, *map(str, words)], stdout=subprocess.PIPE, check=True, text=True,
                         timeout=600).stdout
    return {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}


class Server:
    """One `slipway apiserver` in a directory, with its controllers as users run it."""

    def __init__(self, slipway, directory):
        self.slipway = slipway
        self.data = pathlib.Path(directory)
        self.kubeconfig = self.data / "admin.kubeconfig"
        self.process = None

    def start(self):
        """Seconds from the start of the process until /readyz says ok."""
        self.data.mkdir(parents=True, exist_ok=True)
        port = free_port()
        begin = time.monotonic()
        self.process = Process("apiserver", [self.slipway, "apiserver", "--data-dir", self.data, "--listen",
                                             f"127.0.0.1:{port}"], self.data / "log")
        wait_for("API server", lambda: self._ready(port), 60, 0.005, alive=[self.process])
        return time.monotonic() - begin

    @staticmethod
    def _ready(port):
        import ssl
        import urllib.request
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/readyz", context=context, timeout=10) as answer:
            return answer.read() == b"ok"

    def stop(self):
        if self.process:
            self.process.stop()


def checksum(revision, key, value):
    return zlib.crc32(value, zlib.crc32(f"{revision} {key} 0 ".encode()))


def fill(database, count):
    """Puts `count` ConfigMaps of 1 KiB into the database of a server that has stopped, by the format of its log."""
    with contextlib.closing(sqlite3.connect(database)) as file:
        first = file.execute("SELECT max(revision) FROM log").fetchone()[0] + 1
        rows = []
        for revision in range(first, first + count):
            name = f"many-{revision}"
            key = f"registry/core/configmaps/default/{name}"
            value = json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "data": {"k": "x" * 800}, "metadata": {
                "name": name, "namespace": "default", "uid": f"00000000-0000-4000-8000-{revision:012}",
                "resourceVersion": str(revision), "creationTimestamp": "2026-01-01T00:00:00Z"}}).encode()
            rows.append((revision, key, 0, value, checksum(revision, key, value)))
        file.executemany("INSERT INTO log VALUES(?,?,?,?,?)", rows)
        file.commit()


def starts(table, slipway, work):
    server = Server(slipway, work / "starts")
    try:
        empty = server.start()
        table.row("API server: ready with an empty database", "1 s", empty, "s", empty <= 1)
        time.sleep(5)
        idle = rss_mib(server.process.pid)
        table.row("API server: resident memory at rest", "64 MiB", idle, "MiB", idle < 64)
        server.stop()
        fill(server.data / "state.db", MANY)
        full = server.start()
        table.row(f"API server: ready with {MANY} objects", "3 s", full, "s", full <= 3)
    finally:
        server.stop()


def load(row, bench, kubeconfig, memory):
    """The same for both servers. `row` gets a name, what was measured, its unit, the limit, and whether more is better."""
    measure(bench, kubeconfig, "create", 8, 200)
    creates = measure(bench, kubeconfig, "create", 32, PODS - 200)
    row("creates of pods, 32 clients, durable", creates["creates"], "/s", 3000, True)
    gets = measure(bench, kubeconfig, "get", 32, 60000)
    row("gets of pods, 32 clients", gets["gets"], "/s", 20000, True)
    patches = measure(bench, kubeconfig, "patch", 32, 10000)
    row("status patches of pods, 32 clients, durable", patches["patches"], "/s", 1000, True)
    pods = measure(bench, kubeconfig, "list", 9)
    row(f"list of {PODS} pods ({pods['list_size']:.0f} MB)", pods["list"], "ms", 150, False)
    row(f"resident memory with {PODS} pods", memory(), "MiB", 200, False)
    events = measure(bench, kubeconfig, "watch", 500, 30)
    row("an event reaches 500 watchers", events["event_to_all"], "ms", 50, False)
    tables = measure(bench, kubeconfig, "watched", 200, 100)
    row("events to 200 watches of tables, as k9s opens them", tables["watched_events"], "/s", 5000, True)


def slipway_load(table, slipway, bench, work):
    server = Server(slipway, work / "load")

    def row(what, value, unit, limit, more):
        ok = value >= limit if more else value <= limit
        table.row(f"API server: {what}", f"{limit} {unit}", value, unit, ok)
    try:
        server.start()
        load(row, bench, server.kubeconfig, lambda: rss_mib(server.process.pid))
    finally:
        server.stop()


def reference_load(table, bench, work):
    api = real_api.RealApi(work / "kubernetes")

    def row(what, value, unit, _limit, _more):
        table.row(f"kube-apiserver and etcd: {what}", "-", value, unit, True)
    try:
        begin = time.monotonic()
        api.start()
        row("ready (etcd without fsync)", time.monotonic() - begin, "s", 0, True)
        load(row, bench, api.admin, lambda: sum(rss_mib(process.pid) for process in api.processes.values()))
    finally:
        api.stop()


def apiserver(table, build):
    """The rows. `table` as in run.py; `build` has slipway and release/apiserver_bench."""
    slipway, bench = build / "slipway", build / "release" / "apiserver_bench"
    work = pathlib.Path(tempfile.mkdtemp(prefix="slipway-bench."))
    try:
        starts(table, slipway, work)
        slipway_load(table, slipway, bench, work)
        if not real_api.missing():
            for component in ("KUBE_SCHEDULER", "KUBE_CONTROLLER_MANAGER"):
                os.environ.pop(component, None)
            reference_load(table, bench, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    from run import Table
    rows = Table()
    apiserver(rows, pathlib.Path(sys.argv[1]).resolve())
    sys.exit(1 if rows.missed else 0)
