"""`make demo` and `make demo-down` as a user runs them, once built."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from site_fixture import ROOT, slipway_binary


class Demo(unittest.TestCase):
    def setUp(self):
        self.build = pathlib.Path(tempfile.mkdtemp(prefix="slipway-demo."))
        (self.build / "slipway").symlink_to(slipway_binary().resolve())

    def tearDown(self):
        self.demo("down")
        shutil.rmtree(self.build, ignore_errors=True)

    def demo(self, what):
        return subprocess.run([ROOT / "tools" / "demo.py", what, "--build", self.build], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)

    def processes(self):
        """Command lines that name the demo's directory."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if entry.name.isdigit() and int(entry.name) != os.getpid() and f"{self.build}/demo" in line:
                found.append(line)
        return found

    def test_up_shows_both_sides_and_down_leaves_nothing(self):
        up = self.demo("up")
        self.assertEqual(up.returncode, 0, up.stdout)
        for shown in ("every Slurm node is a Node", "hello from", "Slurm job", "make demo-down"):
            self.assertIn(shown, up.stdout)
        self.assertTrue((self.build / "demo" / "kubeconfig").exists())
        self.assertTrue((self.build / "demo" / "slurm.conf").exists())
        self.assertNotEqual(self.processes(), [])
        again = self.demo("up")
        self.assertIn("the demo is up already", again.stdout)
        down = self.demo("down")
        self.assertEqual(down.returncode, 0, down.stdout)
        self.assertEqual(self.processes(), [])
        self.assertFalse((self.build / "demo").exists())


if __name__ == "__main__":
    unittest.main()
