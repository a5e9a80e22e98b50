"""Another Debian in a directory, for a site with that Debian's Slurm and Apptainer: found or made, and entered."""

import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import time

from .processes import Failed, Process, wait_for

PROJECT = pathlib.Path(__file__).resolve().parents[2]
# What each suite is wanted for, and what a root of it holds beside the essential packages.
SUITES = {
    "sid": ["slurmctld", "slurmd", "slurm-client", "munge", "busybox-static", "apptainer", "squashfs-tools",
            "skopeo", "umoci"],
    "trixie": ["slurmctld", "slurmd", "slurm-client", "munge", "busybox-static"],
}
MIRROR = "http://deb.debian.org/debian"
USER = "slip"
UID = 2000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Runs as process 1 of its own PID namespace: it reaps what the daemons leave, and its end is the end of all of them.
_SET_UP = """
set -e
mount --rbind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/lock run/slipway
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=1777 tmpfs var/tmp
mount -t tmpfs -o mode=755 tmpfs home
mkdir "home/$NAME"
chown "$NUMBER:$NUMBER" "home/$NAME"
for file in passwd group hosts; do mount --bind "$SITE/root/$file" "etc/$file"; done
mkdir -p ".$SITE"
mount --bind "$SITE" ".$SITE"
touch run/slipway/slipway
mount --bind "$BINARY" run/slipway/slipway
pivot_root . mnt
cd /
umount -l /mnt
: >"$SITE/root/ready"
sleep infinity &
wait
"""


def found(suite):
    """The root of a suite: one that the user names by SLIPWAY_ROOT_<SUITE>, or the one that make() made; else None."""
    named = os.environ.get(f"SLIPWAY_ROOT_{suite.upper()}")
    if named:
        return pathlib.Path(named).resolve()
    made = PROJECT / "build" / "roots" / suite
    return made if (made / "slipway-root").exists() else None


def missing(suite):
    """Why no site of this suite can run here, in words for the user; empty when one can."""
    if os.geteuid() != 0:
        return "only root can enter another Debian"
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c",
                            "mount -t proc proc /proc && mount -t tmpfs tmpfs /mnt"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if probe.returncode != 0:
        return f"no namespaces with mounts of our own here: {probe.stdout.strip()}"
    root = found(suite)
    if root is None:
        return f"no Debian {suite} here: `make sites` makes one, or name one by SLIPWAY_ROOT_{suite.upper()}"
    if not (root / "usr/sbin/slurmd").exists() and not (root / "usr/sbin/slurmd").is_symlink():
        return f"{root} has no slurmd"
    return ""


def make(suite, seconds, report=print):
    """Makes build/roots/<suite> by debootstrap, within `seconds`. Failed says what stood in the way."""
    if found(suite):
        return found(suite)
    if os.geteuid() != 0:
        raise Failed(f"Debian {suite}: only root can make it")
    if not shutil.which("debootstrap", path=PATH):
        raise Failed("debootstrap is not installed: run tools/deps.sh")
    folder = PROJECT / "build" / "roots"
    folder.mkdir(parents=True, exist_ok=True)
    target, log = folder / f"{suite}.part", folder / f"{suite}.log"
    shutil.rmtree(target, ignore_errors=True)
    report(f"Debian {suite}: making {folder / suite} (log: {log})")
    begin = time.monotonic()
    argv = ["debootstrap", "--variant=minbase", f"--include={','.join(SUITES[suite])}", suite, target,
            os.environ.get("DEBIAN_MIRROR", MIRROR)]
    # A namespace of its own: mounts that debootstrap leaves behind when it is killed vanish with it.
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", *argv]
    process = Process("debootstrap", argv, log, {"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"})
    said = begin
    while process.running():
        if time.monotonic() - begin > seconds:
            process.kill()
            shutil.rmtree(target, ignore_errors=True)
            raise Failed(f"Debian {suite}: not made within {seconds:.0f} s; the log ends:\n{process.log_tail(3)}")
        if time.monotonic() - said > 15:
            said = time.monotonic()
            report(f"Debian {suite}: {said - begin:.0f} s, {process.log_tail(1).strip()}")
        time.sleep(0.2)
    if process.wait(5) != 0:
        tail = process.log_tail(5)
        shutil.rmtree(target, ignore_errors=True)
        raise Failed(f"Debian {suite}: debootstrap failed:\n{tail}")
    (target / "etc" / "hosts").touch()  # what is mounted over
    (target / "slipway-root").write_text(f"made by tools/sites.py from {suite}\n")
    target.rename(folder / suite)
    report(f"Debian {suite}: made in {time.monotonic() - begin:.0f} s")
    return folder / suite


class Here:
    """This host itself, as whoever runs the test: what a site lives on that is not in a Root."""

    user = pwd.getpwuid(os.getuid()).pw_name

    def argv(self, argv, env=None):
        return [str(word) for word in argv]

    def process(self, name, argv, log, env=None, survives=False):
        return Process(name, argv, log, env, survives)

    def own(self, path):
        """Makes a file or folder the user's."""

    def make_device(self, path):
        """What slurmd takes for a device: up to 22.05 an empty file is enough."""
        path.touch()


class _Inside(Process):
    """A process in a root. What is started is the program that enters; signals go to the program that was entered for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        wait_for(f"start of {self.name}", lambda: self._inner() or not self.running(), 10, 0.01)
        self.pid = self._inner() or self.pid

    def _inner(self):
        children = pathlib.Path(f"/proc/{self._popen.pid}/task/{self._popen.pid}/children").read_text().split()
        return int(children[0]) if children else None


class Root:
    """A Debian in namespaces of its own (mounts, processes); network and host name are the host's. Programs run in it as
    the user `slip` (uid 2000). The site's directory and the slipway binary are seen in it; nothing is written into the
    root itself. Life cycle: enter(), then process() and argv(), then leave(), which ends every process in it."""

    user = USER
    slipway = "/run/slipway/slipway"

    def __init__(self, root, site, binary):
        self.root = pathlib.Path(root)
        self.site = pathlib.Path(site).resolve()
        self._binary = pathlib.Path(binary).resolve()
        self._holder = None
        self._first = None

    def has(self, program):
        return any((self.root / folder.lstrip("/") / program).exists() for folder in PATH.split(":"))

    def _write_accounts(self):
        folder = self.site / "root"
        folder.mkdir(parents=True, exist_ok=True)
        for name, line in (("passwd", f"{USER}:x:{UID}:{UID}::/home/{USER}:/bin/bash"), ("group", f"{USER}:x:{UID}:")):
            lines = (self.root / "etc" / name).read_text().splitlines()
            lines = [each for each in lines if not each.startswith(f"{USER}:")]
            (folder / name).write_text("\n".join([*lines, line]) + "\n")
        shutil.copy("/etc/hosts", folder / "hosts")

    def enter(self):
        self._write_accounts()
        self.own(self.site)
        self.site.chmod(0o755)
        self._holder = Process("root", ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation",
                                        "private", "/bin/bash", "-c", _SET_UP], self.site / "root" / "log",
                               {"ROOT": str(self.root), "SITE": str(self.site), "BINARY": str(self._binary), "NAME": USER,
                                "NUMBER": str(UID), "PATH": PATH})
        wait_for("Debian root", (self.site / "root" / "ready").exists, 20, 0.02, alive=[self._holder])
        children = pathlib.Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        self._first = children[0]
        return self

    def argv(self, argv, env=None):
        """The same program, in the root and as its user, with a clean environment and `env`."""
        variables = {"PATH": PATH, "HOME": f"/home/{USER}", "USER": USER, "LOGNAME": USER, "LANG": "C.UTF-8", **(env or {})}
        return ["nsenter", f"--target={self._first}", "--mount", "--pid", "--", "setpriv", f"--reuid={UID}", f"--regid={UID}",
                "--init-groups", "--", "env", "-i", *(f"{name}={value}" for name, value in variables.items()),
                *(str(word) for word in argv)]

    def process(self, name, argv, log, env=None, survives=False, through=()):
        """`through` is a command that runs another: it comes before what enters the root."""
        return _Inside(name, [*through, *self.argv(argv, env)], log, None, survives)

    def own(self, path):
        os.chown(path, UID, UID)

    def make_device(self, path):
        if not path.exists():
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))

    def leave(self):
        if self._holder:
            self._holder.stop(1)
        self._holder = None
