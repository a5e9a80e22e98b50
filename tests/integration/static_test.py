"""The static binary in roots of Debian 11 and 13, with an nsswitch.conf that names modules of the host's libc."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLIPWAY_STATIC", ROOT / "build" / "static" / "slipway"))
ROOTS = pathlib.Path(os.environ.get("SLIPWAY_ROOTS", ROOT / "build" / "static-roots"))
NSSWITCH = "passwd: files sss\ngroup: files sss\nhosts: files myhostname dns\n"


def make_root(suite):
    """A minimal root of the suite, made once."""
    root = ROOTS / suite
    if (root / "complete").exists():
        return root
    ROOTS.mkdir(parents=True, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix=f"{suite}.", dir=ROOTS))
    try:
        made = subprocess.run(["debootstrap", "--variant=minbase", "--include=libnss-myhostname,libnss-sss", suite, work],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        if made.returncode != 0:
            raise AssertionError(f"debootstrap {suite}: {made.stdout[-500:]}")
        (work / "etc" / "nsswitch.conf").write_text(NSSWITCH)
        (work / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
        (work / "complete").touch()
        work.rename(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return root


@unittest.skipUnless(os.geteuid() == 0, "needs root for chroot")
@unittest.skipUnless(shutil.which("debootstrap"), "debootstrap is not installed")
class Static(unittest.TestCase):
    def in_root(self, suite, *arguments):
        root = make_root(suite)
        shutil.copy(BINARY, root / "slipway")
        done = subprocess.run(["chroot", root, "/slipway", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def works_in(self, suite):
        code, out, err = self.in_root(suite, "version")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("slipway", out)
        code, _, err = self.in_root(suite, "config", "generate", "--force", "-a", "/tmp/a.yaml", "-c", "/tmp/c.yaml",
                                    "--controller-secret=false", "--slurm-account", "a", "--slurm-partition", "p")
        self.assertEqual((code, err), (0, ""))
        # Looks names up (localhost, the host's own) without loading the root's NSS modules.
        code, out, err = self.in_root(suite, "doctor", "--config", "/tmp/a.yaml")
        self.assertIn("connecting to 127.0.0.1:40404: Connection refused", out + err)
        self.assertGreaterEqual(code, 0, f"killed by a signal: {err}")

    def test_debian_11(self):
        self.works_in("bullseye")

    def test_debian_13(self):
        self.works_in("trixie")

    def test_needs_no_library(self):
        out = subprocess.run(["ldd", BINARY], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        self.assertIn("not a dynamic executable", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
