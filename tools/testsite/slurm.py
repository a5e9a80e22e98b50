"""A real Slurm cluster on this host, as whoever starts it: munged, slurmctld and one slurmd for each node."""

import os
import pathlib
import shutil
import socket

from .processes import Failed, free_port, run, wait_for
from .root import Here

CONF = """\
ClusterName={cluster}
SlurmctldHost={host}({control})
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={dir}/munge/socket
CredType=cred/munge
SlurmctldPort={ctld_port}
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd.%n.pid
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool/%n
TmpFS={dir}/tmp/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=30
KillWait=5
MinJobAge=300
SchedulerParameters=batch_sched_delay=0,sched_interval=5
DefMemPerCPU=500
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
GresTypes=gpu
{extra}
{nodes}
PartitionName=debug Nodes={all} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={last} MaxTime=60 State=UP
"""


class Slurm:
    """Life cycle: start(), then anything, then stop(). All files lie in `directory`. `where` is what it runs on: this
    host, or a Root (root.py) with another version of Slurm."""

    control = "127.0.0.1"

    def __init__(self, directory, nodes=4, cpus=8, memory=8000, cluster="demo", survives=False, extra="",
                 prefix="n", where=None, cgroup="CgroupAutomount=no\n"):
        self.dir = pathlib.Path(directory).resolve()
        self.conf = self.dir / "slurm.conf"
        self.env = {"SLURM_CONF": str(self.conf)}
        self.cluster = cluster
        self.nodes = [f"{prefix}{i}" for i in range(1, nodes + 1)]
        self.daemons = {}
        self._cpus = cpus
        self._memory = memory
        self._survives = survives
        self._extra = extra
        self._cgroup = cgroup
        self.where = where or Here()

    def address(self, node):
        return "127.0.0.1"

    def _write(self):
        for name in ("state", "spool", "munge", "log"):
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        for node in self.nodes:
            (self.dir / "spool" / node).mkdir(exist_ok=True)
            # The PMIx plugin has a folder here for each step, which nodes on one host must not share.
            (self.dir / "tmp" / node).mkdir(parents=True, exist_ok=True)
            (self.dir / "tmp" / node).chmod(0o1777)
        (self.dir / "munge").chmod(0o755)
        key = self.dir / "munge" / "key"
        if not key.exists():
            key.write_bytes(os.urandom(128))
            key.chmod(0o600)
            self.where.own(key)
        for name in (".", "state", "spool", "munge", "log", *(f"spool/{node}" for node in self.nodes),
                     *(f"tmp/{node}" for node in self.nodes)):
            self.where.own(self.dir / name)
        host = socket.gethostname()
        lines = []
        for index, node in enumerate(self.nodes):
            gres = " Gres=gpu:a100:4" if node == self.nodes[-1] else ""
            feature = "fast,ib" if index % 2 else "slow"
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr={self.address(node)} Port={free_port()} CPUs={self._cpus} "
                f"RealMemory={self._memory} Feature={feature}{gres} State=UNKNOWN"
            )
        # slurmd counts the device files of a GPU.
        devices = self.dir / "devices"
        devices.mkdir(exist_ok=True)
        for number in range(4):
            self.where.make_device(devices / f"gpu{number}")
        (self.dir / "gres.conf").write_text(f"NodeName={self.nodes[-1]} Name=gpu Type=a100 File={devices}/gpu[0-3]\n")
        (self.dir / "cgroup.conf").write_text(self._cgroup)
        self.conf.write_text(
            CONF.format(
                cluster=self.cluster,
                host=host,
                control=self.control,
                user=self.where.user,
                dir=self.dir,
                ctld_port=free_port(),
                nodes="\n".join(lines),
                all=",".join(self.nodes),
                last=self.nodes[-1],
                extra=self._extra,
            )
        )

    def _spawn(self, name, argv):
        self.daemons[name] = self.where.process(name, argv, self.dir / "log" / f"{name}.log", self.env, self._survives)

    def _find_tools(self):
        if not isinstance(self.where, Here):
            return
        for tool in ("munged", "slurmctld", "slurmd", "sbatch"):
            if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
                raise Failed(f"{tool} is not installed: run tools/deps.sh")
        os.environ["PATH"] += ":/usr/sbin:/sbin"

    def start(self, seconds=60):
        self._find_tools()
        if not self.conf.exists():
            self._write()
        munge = self.dir / "munge"
        self._spawn(
            "munged",
            ["munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={munge}/key",
             f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed"],
        )
        wait_for("munge socket", lambda: (munge / "socket").exists(), 20, alive=[self.daemons["munged"]])
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        wait_for("idle nodes", self._all_up, seconds, 0.2, alive=list(self.daemons.values()))
        return self

    def start_controller(self):
        self._spawn("slurmctld", ["slurmctld", "-D", "-f", self.conf])

    def start_node(self, node):
        self._spawn(node, ["slurmd", "-D", "-N", node, "-f", self.conf])

    def _all_up(self):
        states = self.command("sinfo", "-h", "-N", "-o", "%N %T").split("\n")
        up = {line.split()[0] for line in states if line.endswith(("idle", "mixed", "allocated", "completing"))}
        return up == set(self.nodes)

    def command(self, *argv, check=True, stdin=None):
        """Runs a Slurm command against this cluster."""
        return run(self.where.argv(argv, self.env), env=self.env, check=check, stdin=stdin)

    def jobs(self):
        """All jobs that slurmctld remembers: a list of dictionaries of scontrol's fields (simple values only)."""
        out = []
        for line in self.command("scontrol", "show", "job", "-o").splitlines():
            fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if "JobId" in fields:
                out.append(fields)
        return out

    def stop(self):
        # Jobs first: a step daemon outlives its slurmd.
        if self.daemons.get("slurmctld") and self.daemons["slurmctld"].running():
            self.command("scancel", "--signal=KILL", "--full", f"--user={self.where.user}", check=False)
            self.command("scancel", f"--user={self.where.user}", check=False)
            try:
                wait_for("end of all jobs", lambda: not self.command("squeue", "-h").strip(), 15, 0.2)
            except Failed:
                pass
        for process in reversed(list(self.daemons.values())):
            process.stop()
        self.daemons.clear()
