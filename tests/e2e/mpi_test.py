"""Pods of several nodes: one job, the command on every node, started by srun; a real MPI program where there is one.

The nodes of this site lie on one host, as Open MPI does not expect: its ranks shall not look for each other in shared
memory (btl), nor leave loopback."""

import pathlib
import shutil
import unittest

from site_fixture import SiteTest, host_pod, pod, wait_for
from testsite.processes import run

PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  enum { kCount = 1 << 18 };
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  long* mine = malloc(kCount * sizeof(long));
  long* all = malloc(kCount * sizeof(long));
  for (int i = 0; i < kCount; ++i) mine[i] = rank + i;
  MPI_Allreduce(mine, all, kCount, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
  printf("rank %d of %d has %ld\n", rank, size, all[kCount - 1]);
  MPI_Finalize();
  return 0;
}
"""
LAST = (1 << 18) - 1
ENV = {"OMPI_MCA_btl": "tcp,self", "OMPI_MCA_btl_tcp_if_include": "lo", "OMPI_MCA_pml": "ob1"}


def spread(manifest, nodes=2, tasks=2, mpi=None):
    """The same pod on several nodes."""
    annotations = {"slipway.dev/nodes": str(nodes), "slipway.dev/ntasks-per-node": str(tasks)}
    if mpi:
        annotations["slipway.dev/mpi"] = mpi
    manifest["metadata"]["annotations"] = annotations
    container = manifest["spec"]["containers"][0]
    container["env"] = [{"name": name, "value": value} for name, value in ENV.items()]
    container["resources"] = {"requests": {"cpu": str(tasks), "memory": "512Mi"}}
    return manifest


class MultiNode(SiteTest):
    """Ranks without MPI: where they run, how they end."""

    def logs_of(self, name):
        return sorted(self.kubectl("logs", name).splitlines())

    def end(self, manifest, seconds=60):
        name = manifest["metadata"]["name"]
        self.stack.apply(manifest)
        self.stack.wait_phase(name, ("Succeeded", "Failed"), seconds)
        done = self.get_pod(name)
        return done["status"]["phase"], done["status"]["containerStatuses"][0]["state"]["terminated"]

    def test_the_command_runs_on_every_node_with_labelled_logs(self):
        phase, _ = self.end(spread(host_pod("spread", ["sh", "-c", "echo $SLURM_PROCID on $SLURMD_NODENAME"]), 3, 2))
        self.assertEqual(phase, "Succeeded", self.kubectl("logs", "spread"))
        nodes = {line.split()[-1] for line in self.logs_of("spread")}
        self.assertEqual(len(nodes), 3)
        self.assertEqual([line.split(" on ")[0] for line in self.logs_of("spread")], [f"{i}: {i}" for i in range(6)])
        jobs = self.jobs_of(self.get_pod("spread")["metadata"]["uid"])
        self.assertEqual((len(jobs), jobs[0]["NumNodes"]), (1, "3"))

    def test_a_rank_that_fails_fails_the_pod_with_its_code_and_name(self):
        script = "if [ $SLURM_PROCID = 2 ]; then sleep 1; exit 5; fi; trap 'echo told; exit 9' TERM; " \
                 "i=0; while [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done"
        phase, state = self.end(spread(host_pod("broken", ["sh", "-c", script])), 40)
        self.assertEqual(phase, "Failed")
        self.assertEqual((state["exitCode"], state["reason"]), (5, "Error"))
        self.assertRegex(state["message"], r"^rank 2 on node n\d ended with exit code 5")
        self.assertEqual(sum(line.endswith("told") for line in self.logs_of("broken")), 3)

    def test_delete_ends_all_ranks_with_the_grace_period(self):
        folder = self.dir / "marks"
        folder.mkdir()
        self.slurm.where.own(folder)
        mark = f"{folder}/deleted"
        script = f"trap 'echo $SLURM_PROCID >>{mark}; exit 0' TERM; echo up; while :; do sleep 0.1; done"
        manifest = spread(host_pod("deleted", ["sh", "-c", script], terminationGracePeriodSeconds=10))
        # For a container; the host has it anyway.
        manifest["spec"]["volumes"] = [{"name": "marks", "hostPath": {"path": str(folder)}}]
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "marks", "mountPath": str(folder)}]
        self.stack.apply(manifest)
        wait_for("all ranks", lambda: self.kubectl("logs", "deleted").count("up") == 4, 40)
        uid = self.get_pod("deleted")["metadata"]["uid"]
        self.kubectl("delete", "pod", "deleted", "--timeout=40s")
        self.assertEqual(sorted(pathlib.Path(mark).read_text().split()), ["0", "1", "2", "3"])
        wait_for("end of the job", lambda: self.jobs_of(uid)[0]["JobState"] not in ("RUNNING", "COMPLETING"), 20)

    def test_ranks_that_do_not_listen_are_killed(self):
        script = "trap '' TERM; echo up; while :; do sleep 0.1; done"
        self.stack.apply(spread(host_pod("deaf", ["sh", "-c", script])))
        wait_for("all ranks", lambda: self.kubectl("logs", "deaf").count("up") == 4, 40)
        uid = self.get_pod("deaf")["metadata"]["uid"]
        self.kubectl("delete", "pod", "deaf", "--timeout=40s")
        wait_for("end of the job", lambda: self.jobs_of(uid)[0]["JobState"] not in ("RUNNING", "COMPLETING"), 20)
        self.assertNotIn(uid, "".join(environments()))

    def test_exec_goes_to_the_first_node(self):
        self.stack.apply(spread(host_pod("shell", ["sleep", "60"])))
        self.stack.wait_phase("shell", ("Running",))
        first = self.jobs_of(self.get_pod("shell")["metadata"]["uid"])[0]["BatchHost"]
        wait_for("rank 0", lambda: self.kubectl("exec", "shell", "--", "true", check=False).returncode == 0, 20)
        self.assertEqual(self.kubectl("exec", "shell", "--", "sh", "-c", "echo $SLURMD_NODENAME"), f"{first}\n")
        self.kubectl("delete", "pod", "shell", "--timeout=40s")

    def test_what_an_init_container_left_is_there_on_the_first_node_and_files_on_all(self):
        self.kubectl("create", "configmap", "words", "--from-literal=word=hello")
        manifest = spread(pod("volumes", ["sh", "-c", "cat /words/word; echo \" $SLURM_PROCID $(hostname) $(ls /data)\""],
                              image=str(self.image)))
        manifest["spec"]["volumes"] = [{"name": "words", "configMap": {"name": "words"}}, {"name": "data", "emptyDir": {}}]
        mounts = [{"name": "words", "mountPath": "/words"}, {"name": "data", "mountPath": "/data"}]
        manifest["spec"]["containers"][0]["volumeMounts"] = mounts
        manifest["spec"]["initContainers"] = [{"name": "init", "image": str(self.image), "volumeMounts": mounts,
                                               "command": ["sh", "-c", "echo x >/data/made"]}]
        phase, _ = self.end(manifest)
        self.assertEqual(phase, "Succeeded", self.kubectl("logs", "volumes"))
        self.assertEqual(self.logs_of("volumes"), ["0: hello 0 volumes made", "1: hello 1 volumes made",
                                                   "2: hello 2 volumes-1 ", "3: hello 3 volumes-1 "])
        self.assertEqual([p for p in pathlib.Path("/tmp").glob("slipway-*-node*")
                          if self.get_pod("volumes")["metadata"]["uid"] in p.name], [])

    def test_the_connection_to_slurms_pmi_reaches_the_rank(self):
        script = 'printf "cmd=init pmi_version=1 pmi_subversion=1\\n" >&$PMI_FD; read answer <&$PMI_FD; echo "$PMI_RANK $answer"'
        # Debian's sh knows descriptors of one digit only.
        shell = "sh" if self.stack_type.__name__ == "SiteStack" else "bash"
        phase, _ = self.end(spread(host_pod("pmi", [shell, "-c", script]), mpi="pmi2"))
        self.assertEqual(phase, "Succeeded", self.kubectl("logs", "pmi"))
        for rank, line in enumerate(self.logs_of("pmi")):
            self.assertRegex(line, rf"^{rank}: {rank} cmd=.*rc=0")

    def test_exec_into_a_container_of_several_nodes(self):
        self.stack.apply(spread(pod("box", ["sh", "-c", "echo inside >/tmp/mark; sleep 60"], image=str(self.image))))
        self.stack.wait_phase("box", ("Running",))
        wait_for("rank 0", lambda: self.kubectl("exec", "box", "--", "cat", "/tmp/mark", check=False).stdout == "inside\n", 20)
        self.kubectl("delete", "pod", "box", "--timeout=40s")


def environments():
    """The environment of every process of this host that may be read."""
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            yield path.read_bytes().decode(errors="replace")
        except OSError:
            continue


@unittest.skipUnless(shutil.which("mpicc"), "mpicc is not installed: run tools/deps.sh")
class Mpi(SiteTest):
    """Open MPI over the PMIx of Slurm."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls.dir / "allreduce"
        source = cls.dir / "allreduce.c"
        source.write_text(PROGRAM)
        compiler = shutil.which("clang-19") or "cc"
        run(["mpicc", "-o", cls.program, source], env={"OMPI_CC": compiler, "MPICH_CC": compiler})

    def check_sum(self, name):
        self.assertEqual(self.stack.wait_phase(name, ("Succeeded", "Failed"), 90), "Succeeded",
                         self.kubectl("logs", name) + str(self.get_pod(name)["status"]))
        lines = sorted(self.kubectl("logs", name).splitlines())
        self.assertEqual(lines, [f"{i}: rank {i} of 4 has {6 + 4 * LAST}" for i in range(4)])

    def test_four_ranks_on_two_nodes_add_up(self):
        self.stack.apply(spread(host_pod("sum", [str(self.program)]), mpi="pmix"))
        self.check_sum("sum")

    def test_the_same_in_containers(self):
        """The image has no MPI: program and libraries are the node's, mounted."""
        mounts = {"/usr": "/usr", "/etc/alternatives": "/etc/alternatives", "/etc/openmpi": "/etc/openmpi",
                  "/program": str(self.program)}
        manifest = spread(pod("boxed", ["/program"], image=str(self.root_image())), mpi="pmix")
        manifest["spec"]["volumes"] = [{"name": f"v{i}", "hostPath": {"path": source}}
                                       for i, source in enumerate(mounts.values())]
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": f"v{i}", "mountPath": target, "readOnly": True}
                                                             for i, target in enumerate(mounts)]
        self.stack.apply(manifest)
        self.check_sum("boxed")

    def root_image(self):
        """An image in which the node's /usr makes a system: links for what lies in it."""
        image = self.dir / "images" / "node"
        if not image.exists():
            shutil.copytree(self.image, image, symlinks=True)
            for name in ("lib", "lib64"):
                (image / name).symlink_to(f"usr/{name}")
        return image


if __name__ == "__main__":
    unittest.main(verbosity=2)
