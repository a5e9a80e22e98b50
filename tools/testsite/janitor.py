"""Ends what a test site has left when the test itself was killed: jobs outlive the daemons that started them."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time


def _parents():
    """Process id to parent, of all processes that can be seen."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
    return parents


def _mentions(pid, directory):
    for name in ("cmdline", "environ"):
        try:
            if directory in pathlib.Path(f"/proc/{pid}/{name}").read_bytes():
                return True
        except OSError:
            continue
    return False


def sweep(directory):
    """Kills every process that names the directory, and what came from it; says how many there were."""
    parents = _parents()
    mine = os.getpid()
    wanted = {pid for pid in parents if pid != mine and _mentions(pid, str(directory).encode() + b"/")}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in wanted} - wanted - {mine}
        wanted |= more
        grown = bool(more)
    for pid in wanted:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return len(wanted)


def remove_cgroups(name):
    """Groups of that name in all hierarchies, with those in them; they have no processes any more."""
    for top in pathlib.Path("/sys/fs/cgroup").glob(f"*/{name}"):
        for folder, _, _ in os.walk(top, topdown=False):
            for _ in range(50):
                try:
                    os.rmdir(folder)
                    break
                except OSError:  # a process that was killed is still leaving
                    time.sleep(0.1)


class Janitor:
    """Waits beside the test; sweeps when close() is called, or when the test's process is gone, however. `cgroups` is a
    pattern of names of control groups that go then as well."""

    def __init__(self, directory, cgroups=""):
        self._child = subprocess.Popen([sys.executable, "-B", __file__, str(directory), cgroups], stdin=subprocess.PIPE,
                                       start_new_session=True)

    def close(self):
        self._child.stdin.close()
        self._child.wait()


def main():
    directory = pathlib.Path(sys.argv[1])
    sys.stdin.buffer.read()
    while sweep(directory):
        time.sleep(0.1)
    if sys.argv[2]:
        remove_cgroups(sys.argv[2])
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
