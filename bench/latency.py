"""How long a pod takes on its way, measured with one pod at a time on a small fake site that runs the job scripts."""

import base64
import http.client
import json
import os
import pathlib
import shutil
import ssl
import statistics
import subprocess
import tempfile
import time

from testsite.stack import Stack, host_pod

SAMPLES = 15


class Api:
    """One kept connection to the API server with the administrator's certificate of a kubeconfig."""

    def __init__(self, stack):
        config = json.loads(stack.kubectl("config", "view", "--raw", "-o", "json"))
        user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
        self._address = cluster["server"].removeprefix("https://")
        self._context = ssl.create_default_context(cadata=_bytes(cluster, "certificate-authority").decode())
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(_bytes(user, "client-certificate") + b"\n" + _bytes(user, "client-key"))
            pair.flush()
            self._context.load_cert_chain(pair.name)
        self._connection = self.connect()

    def connect(self):
        return http.client.HTTPSConnection(self._address, context=self._context, timeout=30)

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _bytes(entry, key):
    if f"{key}-data" in entry:
        return base64.b64decode(entry[f"{key}-data"])
    return pathlib.Path(entry[key]).read_bytes()


def figures(slurm, binary):
    """In ms: from the pod's creation to sbatch and from the job's start to the first line of `logs -f` (medians), from the
    writing of a line to its arrival (the longest of 20), from a change of a node in Slurm to the Node (the longest of 5), to the first byte of
    `kubectl exec`, kubectl's own start included (median)."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="slipway-bench."))
    slurm.env["FAKE_SLURM_EXEC"] = "1"
    stack = Stack(work, binary, slurm)
    path = os.environ["PATH"]
    submits, lines = [], []
    try:
        os.environ["PATH"] = f"{slurm.bin}:{path}"
        stack.start()
        stack.wait_nodes()
        api = Api(stack)
        for sample in range(SAMPLES):
            name = f"latency-{sample}"
            known = _scripts(slurm)
            created = time.time()
            status, answer = api.call("POST", "/api/v1/namespaces/default/pods", host_pod(name, ["sh", "-c", "echo x; sleep 30"]))
            assert status == 201, answer
            next(_follow(api, name, 1))
            seen = time.time()
            # Written by sbatch when it takes the job, which starts there and then.
            [script] = _scripts(slurm) - known
            submitted = script.stat().st_ctime
            submits.append(1000 * (submitted - created))
            lines.append(1000 * (seen - submitted))
            api.call("DELETE", f"/api/v1/namespaces/default/pods/{name}", {"gracePeriodSeconds": 0})
        delays = _line_delays(api)
        execs = [_exec(stack, "lines") for _ in range(SAMPLES)]
        changes = [_node_change(api, slurm, state) for state in ("DRAIN", "IDLE", "DRAIN", "IDLE", "DRAIN")]
    except Exception:
        print(stack.logs(), stack.kubectl("get", "pods,events", check=False).stdout, sep="\n")
        raise
    finally:
        os.environ["PATH"] = path
        stack.stop()
        subprocess.run([slurm.bin.parent / "fake_slurm", "stop"], env={**os.environ, **slurm.env}, check=False)
        shutil.rmtree(work, ignore_errors=True)
    return (statistics.median(submits), statistics.median(lines), max(delays), max(changes), statistics.median(execs))


def _scripts(slurm):
    return set(slurm.dir.glob("script.*"))


def _line_delays(api):
    """Each line is the time at which it was written, in ns."""
    script = "i=0; while [ $i -lt 20 ]; do sleep 0.2; date +%s%N; i=$((i+1)); done; sleep 60"
    status, answer = api.call("POST", "/api/v1/namespaces/default/pods", host_pod("lines", ["sh", "-c", script]))
    assert status == 201, answer
    return [1000 * (time.time() - int(line) / 1e9) for line in _follow(api, "lines", 20)]


def _exec(stack, pod):
    """From the start of `kubectl exec` to the first byte of the command's output."""
    begin = time.monotonic()
    with subprocess.Popen(["kubectl", "--kubeconfig", str(stack.kubeconfig), "exec", pod, "--", "echo", "x"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as session:
        assert session.stdout.read(1) == b"x"
        return 1000 * (time.monotonic() - begin)


def _node_change(api, slurm, state):
    begin = time.monotonic()
    subprocess.run([slurm.bin.parent / "fake_slurm", "set-node", "n1", state, "bench"], env={**os.environ, **slurm.env},
                   check=True)
    while time.monotonic() - begin < 30:
        _, answer = api.call("GET", "/api/v1/nodes/n1")
        if json.loads(answer)["spec"].get("unschedulable", False) == (state == "DRAIN"):
            return 1000 * (time.monotonic() - begin)
        time.sleep(0.01)
    raise TimeoutError(f"Node n1 did not follow Slurm to {state} within 30 s")


def _follow(api, pod, count):
    """Yields lines as they arrive; asks again until the container is there, as a person with `kubectl logs -f` would."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        connection = api.connect()
        connection.request("GET", f"/api/v1/namespaces/default/pods/{pod}/log?follow=true")
        answer = connection.getresponse()
        first = answer.readline() if answer.status == 200 else b""
        if first:
            yield first
            for _ in range(count - 1):
                yield answer.readline()
            connection.close()
            return
        connection.close()
        time.sleep(0.005)
    raise TimeoutError(f"no log of pod {pod} within 30 s")
