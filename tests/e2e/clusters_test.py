"""Several Slurm clusters at one controller, each with an agent of its own."""

import unittest

from site_fixture import SiteTest, host_pod, wait_for
from testsite.slurm import Slurm


class Clusters(SiteTest):
    slurm_options = {"nodes": 2}

    @classmethod
    def setUpClass(cls):
        cls.second = None
        super().setUpClass()
        try:
            cls.second = Slurm(cls.dir / "slurm2", nodes=2, cluster="second", prefix="m").start()
            cls.stack.start_another_agent("agent-second", cls.second)
            wait_for("nodes of both clusters", lambda: len(cls.ready_nodes()) == 4, 30)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.second:
            cls.stack.processes["agent-second"].stop()
            cls.second.stop()
        super().tearDownClass()

    @classmethod
    def ready_nodes(cls):
        """Each Ready Node and its cluster."""
        return {node["metadata"]["name"]: node["metadata"]["labels"]["slipway.dev/cluster"]
                for node in cls.stack.get("nodes")["items"]
                if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))}

    def test_each_node_and_job_is_of_its_cluster(self):
        self.assertEqual(self.ready_nodes(), {"n1": "e2e", "n2": "e2e", "m1": "second", "m2": "second"})
        ids = [slurm.command("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 60").strip()
               for slurm in (self.slurm, self.second)]

        def clusters():
            items = self.stack.get("pods", "-n", "slipway-jobs")["items"]
            return sorted((p["metadata"]["labels"]["slipway.dev/cluster"], p["metadata"]["labels"]["slipway.dev/job-id"])
                          for p in items)

        wait_for("both jobs", lambda: clusters() == sorted(zip(("e2e", "second"), ids)), 20)
        for slurm, job in zip((self.slurm, self.second), ids):
            slurm.command("scancel", job)

    def test_a_pod_is_a_job_of_the_cluster_of_its_node(self):
        self.stack.apply(host_pod("there", ["/bin/sh", "-c", "echo $SLURM_CLUSTER_NAME"],
                                  nodeSelector={"slipway.dev/cluster": "second"}))
        self.assertEqual(self.stack.wait_phase("there", ("Succeeded", "Failed"), 60), "Succeeded")
        uid = self.get_pod("there")["metadata"]["uid"]
        self.assertEqual(self.kubectl("logs", "there"), "second\n")
        self.assertEqual(self.jobs_of(uid), [])
        self.assertEqual(sum(1 for job in self.second.jobs() if f":{uid}:" in job.get("Comment", "")), 1)

    def test_one_agent_away_leaves_the_other_cluster_alone(self):
        self.stack.processes["agent-second"].kill()
        self.stack.processes["agent-second"].wait(10)
        wait_for("the first cluster's nodes alone", lambda: set(self.ready_nodes()) == {"n1", "n2"}, 60)
        self.assertEqual(self.run_pod("here", "true", nodeSelector={"slipway.dev/cluster": "e2e"})["status"]["phase"],
                         "Succeeded")
        self.stack.start_another_agent("agent-second", self.second)
        wait_for("all nodes", lambda: len(self.ready_nodes()) == 4, 60)

    def test_a_second_agent_that_claims_the_same_cluster_is_refused(self):
        self.stack.start_another_agent("agent-impostor", self.slurm)
        wait_for("refusal", lambda: "of cluster e2e, which an agent with another state directory serves: refused"
                 in self.stack.processes["controller"].log_tail(20), 30)
        self.stack.processes["agent-impostor"].stop()
        self.assertIn("n1", self.ready_nodes())


if __name__ == "__main__":
    unittest.main()
