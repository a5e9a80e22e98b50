"""slipway apiserver backup and restore by the real binary: of a server under load, and of one that does not run."""

import concurrent.futures
import pathlib
import shutil
import subprocess
import os
import tempfile
import unittest

from kill_apiserver_test import MAPS, Client, Ledger, Server, write


def slipway(*words):
    return subprocess.run([os.environ["SLIPWAY"], "apiserver", *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)


class BackupApiServer(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="slipway-backup."))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.server = Server(self.dir)
        self.addCleanup(lambda: self.server.process and self.server.process.stop())
        self.copy = self.dir / "copy.db"

    def _ask(self, method, path, body=None):
        client = Client(self.server)
        try:
            return client.ask(method, path, body)
        finally:
            client.close()

    def _must(self, *words):
        done = slipway(*words, "--data-dir", self.server.data)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_backup_under_load_comes_back_whole(self):
        self.server.start()
        for name in ("before-1", "before-2"):
            self.assertEqual(self._ask("POST", MAPS, {"metadata": {"name": name}})[0], 201)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            ledger = Ledger()
            writers = [pool.submit(write, self.server, ledger, writer) for writer in range(4)]
            self._must("backup", self.copy)
            self.server.process.stop()
            for writer in writers:
                writer.result(60)
        self.assertEqual(self.copy.stat().st_mode & 0o777, 0o600)
        self.server.start()
        self.assertEqual(self._ask("DELETE", f"{MAPS}/before-1")[0], 200)
        revision = int(self._ask("GET", MAPS)[1]["metadata"]["resourceVersion"])
        refused = slipway("restore", self.copy, "--data-dir", self.server.data)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("stop the API server first", refused.stdout)
        self.server.process.stop()
        self._must("restore", self.copy)
        self.server.start()
        self.assertEqual(self._ask("GET", f"{MAPS}/before-1")[0], 200)
        self.assertGreater(int(self._ask("GET", MAPS)[1]["metadata"]["resourceVersion"]), revision)

    def test_a_stopped_server_is_backed_up_from_its_file(self):
        self.server.start()
        self.server.process.stop()
        self._must("backup", self.copy)
        again = slipway("backup", self.copy, "--data-dir", self.server.data)
        self.assertIn("exists", again.stdout)
        self.assertEqual(again.returncode, 1)
        self._must("restore", self.copy)
        self.server.start()
        self.assertEqual(self._ask("GET", "/api/v1/namespaces/default")[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
