"""kill -9 of the API server while clients write: what was acknowledged is there afterwards, and no resourceVersion is ever
given twice. ROUNDS (default 12) rounds of writes, kill, start and comparison; 1,000 are the promise of the project."""

import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import ssl
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from testsite.processes import Process, free_port, wait_for  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "12"))
WRITERS = 6
MAPS = "/api/v1/namespaces/default/configmaps"
BROKEN = (OSError, http.client.HTTPException, ssl.SSLError)


class Ledger:
    """What the server promised: for each name the data acknowledged last (None: gone), and what else it may be now."""

    def __init__(self):
        self.lock = threading.Lock()
        self.promised = {}
        self.possible = {}
        self.revisions = set()
        self.twice = []

    def asked(self, name, value):
        with self.lock:
            self.possible.setdefault(name, set()).add(value)

    def acknowledged(self, name, value, revision):
        with self.lock:
            self.promised[name] = value
            self.possible[name] = set()
            if revision is None:
                return
            if revision in self.revisions:
                self.twice.append(revision)
            self.revisions.add(revision)

    def compare(self, found):
        """Sentences about what is not as promised; what was found is the new truth."""
        with self.lock:
            wrong = [f"revision {revision} was given twice" for revision in self.twice]
            for name in self.promised.keys() | self.possible.keys() | found.keys():
                now, promised = found.get(name), self.promised.get(name)
                if now != promised and now not in self.possible.get(name, ()):
                    wrong.append(f"{name}: {promised} was acknowledged, {now} is there")
            self.promised, self.possible = dict(found), {}
            return wrong


class Client:
    """One keep-alive connection as the admin."""

    def __init__(self, server):
        self._connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=server.tls, timeout=20)

    def ask(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self):
        self._connection.close()


class Server:
    def __init__(self, directory):
        self.data = pathlib.Path(directory) / "data"
        self.data.mkdir()
        self.port = free_port()
        self.tls = None
        self.process = None

    def start(self):
        binary = os.environ["SLIPWAY"]
        self.process = Process("apiserver", [binary, "apiserver", "--data-dir", self.data, "--listen",
                                             f"127.0.0.1:{self.port}", "--no-controllers"], self.data / "log")
        wait_for("API server", self._answers, 30, 0.02, alive=[self.process])

    def _answers(self):
        if not self.tls:
            self._read_kubeconfig()
        client = Client(self)
        try:
            return client.ask("GET", MAPS + "?limit=1")[0] == 200
        except BROKEN as error:
            raise OSError(str(error)) from error
        finally:
            client.close()

    def _read_kubeconfig(self):
        text = (self.data / "admin.kubeconfig").read_text()
        files = {}
        for field in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
            found = re.search(rf"^\s*{field}: (\S+)$", text, re.M)
            files[field] = self.data / f"test-{field}"
            files[field].write_bytes(base64.b64decode(found[1]))
        self.tls = ssl.create_default_context(cafile=files["certificate-authority-data"])
        self.tls.load_cert_chain(files["client-certificate-data"], files["client-key-data"])

    def kill(self):
        self.process.kill()
        self.process.wait(20)


def write(server, ledger, writer):
    """Creates, changes and deletes ConfigMaps of its own until the server is gone."""
    client = Client(server)
    try:
        while True:
            name = f"w{writer}-{random.randrange(8)}"
            with ledger.lock:
                there = ledger.promised.get(name) is not None
            if there and random.random() < 0.25:
                ledger.asked(name, None)
                status, answer = client.ask("DELETE", f"{MAPS}/{name}")
                if status == 200:
                    ledger.acknowledged(name, None, None)
                continue
            value = str(random.getrandbits(64))
            body = {"metadata": {"name": name}, "data": {"value": value, "more": "x" * random.randrange(4000)}}
            ledger.asked(name, value)
            path = f"{MAPS}/{name}" if there else MAPS
            status, answer = client.ask("PUT" if there else "POST", path, body)
            if status in (200, 201):
                ledger.acknowledged(name, value, int(answer["metadata"]["resourceVersion"]))
            else:
                raise AssertionError(f"{status} {answer}")
    except BROKEN:
        return
    finally:
        client.close()


class KillApiServer(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="slipway-kill.")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.server = Server(self.dir)
        self.addCleanup(lambda: self.server.process and self.server.process.stop())

    def _objects(self):
        client = Client(self.server)
        status, answer = client.ask("GET", MAPS)
        client.close()
        self.assertEqual(status, 200)
        items = [item for item in answer["items"] if item["metadata"]["name"].startswith("w")]
        return {item["metadata"]["name"]: item["data"]["value"] for item in items}, \
            int(answer["metadata"]["resourceVersion"])

    def test_nothing_acknowledged_is_lost(self):
        ledger = Ledger()
        begin = time.monotonic()
        for number in range(ROUNDS):
            self.server.start()
            found, revision = self._objects()
            self.assertEqual(ledger.compare(found), [], f"round {number}")
            self.assertGreaterEqual(revision, max(ledger.revisions, default=0), f"round {number}")
            with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
                writers = [pool.submit(write, self.server, ledger, writer) for writer in range(WRITERS)]
                time.sleep(random.uniform(0.0, 0.5))
                self.server.kill()
                for writer in writers:
                    writer.result(60)
        self.server.start()
        self.assertEqual(ledger.compare(self._objects()[0]), [])
        print(f"{ROUNDS} rounds, {len(ledger.revisions)} writes acknowledged, "
              f"{time.monotonic() - begin:.0f} s", file=sys.stderr)
        self.assertGreater(len(ledger.revisions), ROUNDS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
