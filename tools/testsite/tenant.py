"""A site whose nodes have networks of their own, on one host, used by an ordinary user: closer to a cluster than processes that
share one address. Only root can make it; nothing of it outlives the process that made it."""

import ctypes
import os
import pathlib
import subprocess

from .processes import Failed, Process, run, wait_for
from .root import UID, USER, Here
from .slurm import Slurm

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
GATEWAY = "10.199.0.1"


def missing():
    """Why there can be no such site here, in words; empty when there can."""
    if os.geteuid() != 0:
        return "only root can make networks of its own"
    probe = subprocess.run(["unshare", "--mount", "--net", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False)
    return f"no namespaces here: {probe.stdout.strip()}" if probe.returncode else ""


def enter(directory):
    """Takes this process, and all that it starts from now on, into a network and a table of mounts of their own, in which
    the user `slip` exists and GATEWAY is this host's address. There is no way back and no way out."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise Failed(f"unshare: {os.strerror(ctypes.get_errno())}")
    run(["mount", "--make-rprivate", "/"])
    folder = pathlib.Path(directory)
    for name, line in (("passwd", f"{USER}:x:{UID}:{UID}::{folder / 'home'}:/bin/sh"), ("group", f"{USER}:x:{UID}:")):
        lines = pathlib.Path("/etc", name).read_text().splitlines()
        lines = [each for each in lines if not each.startswith(f"{USER}:")]
        (folder / name).write_text("\n".join([*lines, line]) + "\n")
        run(["mount", "--bind", folder / name, f"/etc/{name}"])
    for name in ("home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
        os.chown(folder / name, UID, UID)
    folder.chmod(0o755)
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "link", "add", "site", "type", "bridge"])
    run(["ip", "address", "add", f"{GATEWAY}/16", "dev", "site"])
    run(["ip", "link", "set", "site", "up"])


def add_address(address):
    """One more address of this host that the nodes reach."""
    run(["ip", "address", "add", f"{address}/32", "dev", "site"])


class User(Here):
    """This host, with its programs, as the user `slip`."""

    user = USER

    def __init__(self, binary, home):
        self.slipway = pathlib.Path(binary).resolve()
        self._home = str(home)

    def argv(self, argv, env=None):
        variables = {"HOME": self._home, "USER": USER, "LOGNAME": USER, **(env or {})}
        return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--", "env",
                *(f"{name}={value}" for name, value in variables.items()), *(str(word) for word in argv)]

    def process(self, name, argv, log, env=None, survives=False, through=()):
        return Process(name, [*through, *self.argv(argv, env)], log, None, survives)

    def own(self, path):
        os.chown(path, UID, UID)


class TenantSlurm(Slurm):
    """Call enter() first. Each node has an address of its own, on which its pods may listen on any port."""

    control = GATEWAY

    def _write(self):
        # The host's /tmp may be closed to ordinary users.
        prolog = self.dir / "prolog"
        self.dir.mkdir(parents=True, exist_ok=True)
        prolog.write_text(f"#!/bin/sh\necho export TMPDIR={self.dir.parent / 'tmp'}\n")
        prolog.chmod(0o755)
        self._extra += f"\nTaskProlog={prolog}\n"
        super()._write()

    def address(self, node):
        return f"10.199.1.{self.nodes.index(node) + 1}"

    def start_node(self, node):
        holder = Process(f"network of {node}", ["unshare", "--net", "sleep", "infinity"], self.dir / "log" / f"{node}.net.log")
        self.daemons[f"network of {node}"] = holder
        own = os.readlink("/proc/self/ns/net")
        wait_for("network", lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own, 10, 0.01, alive=[holder])
        outer, inside = f"to-{node}", ["nsenter", f"--target={holder.pid}", "--net", "--"]
        run(["ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", holder.pid])
        run(["ip", "link", "set", outer, "master", "site", "up"])
        run([*inside, "sh", "-c", f"ip link set lo up; ip address add {self.address(node)}/16 dev eth0; ip link set eth0 up; "
             f"ip route add default via {GATEWAY}; echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start"])
        self.daemons[node] = self.where.process(node, ["slurmd", "-D", "-N", node, "-f", self.conf],
                                                self.dir / "log" / f"{node}.log", self.env, self._survives, inside)
