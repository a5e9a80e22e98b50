"""Child processes that end with whoever started them, and waiting with a deadline."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Something that the caller should be told in one sentence."""


def free_port():
    """A TCP port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_ports(count):
    """The first of `count` consecutive ports of 127.0.0.1 that nobody has at this moment, below the ephemeral range."""
    while True:
        first = random.randrange(12000, 30000)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


def _end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program with its output in a log file. Without `survives` the kernel kills it when the parent dies, however."""

    def __init__(self, name, argv, log, env=None, survives=False):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log = str(log)
        with open(self.log, "ab") as out:
            self._popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=None if survives else _end_with_parent,
            )
        self.pid = self._popen.pid

    def running(self):
        return self._popen.poll() is None

    def kill(self, number=signal.SIGKILL):
        if self.running():
            os.kill(self.pid, number)

    def stop(self, seconds=10):
        """SIGTERM, and SIGKILL when that does not help."""
        self.kill(signal.SIGTERM)
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            self._popen.wait(seconds)

    def wait(self, seconds):
        return self._popen.wait(seconds)

    def log_tail(self, lines=15):
        try:
            with open(self.log, errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except FileNotFoundError:
            return ""


def run(argv, env=None, check=True, timeout=60, stdin=None):
    """Runs a program to its end and gives its standard output."""
    done = subprocess.run(
        [str(word) for word in argv],
        env={**os.environ, **(env or {})},
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=timeout,
        text=True,
        errors="replace",
    )
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, argv))}: exit code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout if check else done


def wait_for(what, condition, seconds=30, every=0.1, alive=()):
    """Calls `condition` until it gives something true, and gives that. Fails early when a process in `alive` has ended."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            last = error
        for process in alive:
            if not process.running():
                raise Failed(f"{process.name} ended while waiting for {what}; its log ends:\n{process.log_tail()}")
        if time.monotonic() > deadline:
            raise Failed(f"no {what} within {seconds} s" + (f": {last}" if last else ""))
        time.sleep(every)
