"""The bridge on Kubernetes' own API server, with the rights that deploy/kustomize gives and no more.

Needs KUBE_APISERVER and ETCD; with KUBE_SCHEDULER Pods are scheduled, else they name their Node; with
KUBE_CONTROLLER_MANAGER the life of Nodes is tested too."""

import json
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import bridge_test  # noqa: E402
from site_fixture import SiteTest, host_pod, pod, wait_for  # noqa: E402
from testsite import real_api  # noqa: E402

needs_kubernetes = unittest.skipIf(real_api.missing(), f"no real Kubernetes: {real_api.missing()}")
needs_controllers = unittest.skipUnless(os.environ.get("KUBE_CONTROLLER_MANAGER"),
                                        "KUBE_CONTROLLER_MANAGER names no binary")


class RealTest(SiteTest):
    stack_options = {"real_api": True}

    def controller_log(self):
        return pathlib.Path(self.stack.processes["controller"].log).read_text(errors="replace")

    def pods_of_job(self, job):
        return self.stack.get("pods", "-n", "slipway-jobs", "-l", f"slipway.dev/job-id={job}")["items"]

    def ready(self, node):
        conditions = {c["type"]: c for c in self.stack.get("node", node)["status"]["conditions"]}
        return conditions["Ready"]


@needs_kubernetes
class Bridge(RealTest, bridge_test.Nodes, bridge_test.Jobs, bridge_test.Pods, bridge_test.Logs, bridge_test.Metrics):
    """All that holds on the embedded API server holds here, on one site."""

    @classmethod
    def tearDownClass(cls):
        log = cls.stack.processes["controller"].log if cls.stack and "controller" in cls.stack.processes else None
        refused = []
        if log:
            lines = pathlib.Path(log).read_text(errors="replace").splitlines()
            refused = [line for line in lines if "forbidden" in line.lower() or "is invalid" in line]
        super().tearDownClass()
        if refused:
            raise AssertionError("the API server refused requests of the controller:\n" + "\n".join(refused[:10]))


@needs_kubernetes
class Streams(RealTest):
    def test_exec_gives_output_and_exit_code_and_takes_input(self):
        self.check_exec()

    def test_exec_into_a_mirrored_job_is_refused_in_plain_words(self):
        job = self.slurm.command("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 60").strip()
        wait_for("running pod", lambda: [p["status"].get("phase") for p in self.pods_of_job(job)] == ["Running"], 20)
        name = self.pods_of_job(job)[0]["metadata"]["name"]
        done = self.kubectl("exec", "-n", "slipway-jobs", name, "--", "true", check=False)
        # An API server of 1.30 that translates WebSockets drops what the kubelet said.
        self.assertRegex(done.stderr, "shows a Slurm job|error stream protocol error: unknown error")
        self.slurm.command("scancel", job)

    @needs_controllers
    def test_the_token_in_a_pod_is_its_own_and_the_api_takes_it(self):
        folder = "/var/run/secrets/kubernetes.io/serviceaccount"
        self.stack.apply(pod("token", ["/bin/sh", "-c", f"cat {folder}/namespace; echo; cat {folder}/token; echo; sleep 60"],
                             image=str(self.image)))
        self.stack.wait_phase("token", ("Running",))
        wait_for("token", lambda: "." in self.kubectl("logs", "token"), 20)
        namespace, token = self.kubectl("logs", "token").split()
        self.assertEqual(namespace, "default")
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        answer = json.loads(self.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))
        user = answer["status"]["user"]
        self.assertEqual(user["username"], "system:serviceaccount:default:default")
        self.assertEqual(user["extra"]["authentication.kubernetes.io/pod-name"], ["token"])


@needs_kubernetes
class KubeletApi(RealTest):
    """Who may ask the kubelet API is what the API server says: TokenReview and SubjectAccessReview."""

    def get(self, path, token=None):
        node = self.stack.get("node", "n1")["status"]
        port = node["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        address = next(a["address"] for a in node["addresses"] if a["type"] == "InternalIP")
        headers = ["-H", f"Authorization: Bearer {token}"] if token else []
        out = real_api.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", *headers,
                            f"https://{address}:{port}{path}"])
        return int(out)

    def allowed(self, account, subresource):
        asked = self.kubectl("auth", "can-i", "get", "nodes", f"--subresource={subresource}",
                             f"--as=system:serviceaccount:default:{account}", check=False)
        return asked.stdout.strip() == "yes"

    def test_a_token_without_rights_is_refused_and_one_with_nodes_metrics_sees_metrics(self):
        self.kubectl("create", "serviceaccount", "reader")
        token = self.kubectl("create", "token", "reader").strip()
        self.assertEqual(self.get("/metrics/resource"), 401)
        self.assertEqual(self.get("/metrics/resource", "wrong"), 401)
        self.assertEqual(self.get("/metrics/resource", token), 403)
        self.kubectl("create", "serviceaccount", "scraper")
        scraper = self.kubectl("create", "token", "scraper").strip()
        self.kubectl("create", "clusterrole", "scraper", "--verb=get", "--resource=nodes/metrics")
        self.kubectl("create", "clusterrolebinding", "scraper", "--clusterrole=scraper",
                     "--serviceaccount=default:scraper")
        wait_for("rights", lambda: self.allowed("scraper", "metrics"), 20)
        self.assertEqual(self.get("/metrics/resource", scraper), 200)
        self.assertEqual(self.get("/pods", scraper), 403)


@needs_kubernetes
class Mirror(RealTest):
    def test_a_waiting_job_that_starts_keeps_its_pod(self):
        """The gate is opened and the Pod bound, not deleted and made again."""
        job = self.slurm.command("sbatch", "--parsable", "--hold", "--output=/dev/null", "--wrap=sleep 5").strip()
        wait_for("gated pod", lambda: self.pods_of_job(job) and self.pods_of_job(job)[0]["spec"].get("schedulingGates"), 20)
        uid = self.pods_of_job(job)[0]["metadata"]["uid"]
        self.slurm.command("scontrol", "release", job)
        wait_for("running pod", lambda: [p["status"].get("phase") for p in self.pods_of_job(job)] == ["Running"], 30)
        now = self.pods_of_job(job)[0]
        self.assertEqual(now["metadata"]["uid"], uid)
        self.assertIn(now["spec"]["nodeName"], self.slurm.nodes)
        wait_for("end", lambda: [p["status"].get("phase") for p in self.pods_of_job(job)] == ["Succeeded"], 30)

    def test_a_requeued_job_is_shown_again(self):
        job = self.slurm.command("sbatch", "--parsable", "--requeue", "--output=/dev/null", "--wrap=sleep 60").strip()
        wait_for("running pod", lambda: [p["status"].get("phase") for p in self.pods_of_job(job)] == ["Running"], 30)
        self.slurm.command("scontrol", "requeue", job)
        wait_for("restart", lambda: self.slurm.jobs() and any(
            j["JobId"] == job and j["Restarts"] == "1" for j in self.slurm.jobs()), 30)
        wait_for("pending pod", lambda: [p["status"].get("phase") for p in self.pods_of_job(job)] == ["Pending"], 30)
        self.slurm.command("scancel", job)
        wait_for("end", lambda: all(p["status"].get("phase") == "Failed" for p in self.pods_of_job(job)), 30)

    def test_a_job_with_gpus_takes_them_from_the_node(self):
        job = self.slurm.command("sbatch", "--parsable", "--gres=gpu:a100:2", "--partition=gpu", "--output=/dev/null",
                                 "--wrap=sleep 60").strip()
        wait_for("running pod", lambda: [p["status"].get("phase") for p in self.pods_of_job(job)] == ["Running"], 30)
        resources = self.pods_of_job(job)[0]["spec"]["containers"][0]["resources"]
        self.assertEqual(resources["limits"]["nvidia.com/gpu"], "2")
        self.slurm.command("scancel", job)


@needs_kubernetes
class Drain(RealTest):
    def test_drain_of_a_node_ends_its_pods_and_keeps_new_ones_away(self):
        self.stack.apply(host_pod("drained", ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
                                  nodeName="n2"))
        self.stack.wait_phase("drained", ("Running",))
        uid = self.get_pod("drained")["metadata"]["uid"]
        self.kubectl("drain", "n2", "--force", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s",
                     timeout=90)
        self.assertTrue(self.stack.get("node", "n2")["spec"]["unschedulable"])
        wait_for("end of the job", lambda: all(j["JobState"] not in ("RUNNING", "COMPLETING") for j in self.jobs_of(uid)), 20)
        # Kubernetes' cordon is Kubernetes' own: Slurm goes on using the node, and the mirror does not take it back.
        self.assertNotIn("DRAIN", self.slurm.command("scontrol", "show", "node", "n2", "-o"))
        time.sleep(3)
        self.assertTrue(self.stack.get("node", "n2")["spec"]["unschedulable"])
        self.kubectl("uncordon", "n2")


@needs_kubernetes
class Leases(RealTest):
    def test_every_node_renews_a_lease_that_it_owns(self):
        nodes = {n["metadata"]["name"]: n["metadata"]["uid"] for n in self.stack.get("nodes")["items"]}

        def leases():
            items = self.stack.get("leases", "-n", "kube-node-lease")["items"]
            return {lease["metadata"]["name"]: lease for lease in items}

        first = wait_for("leases", lambda: (lambda all: all if set(all) >= set(nodes) else None)(leases()), 30)
        for name, uid in nodes.items():
            self.assertEqual(first[name]["metadata"]["ownerReferences"][0]["uid"], uid)
            self.assertEqual(first[name]["spec"]["holderIdentity"], name)
        wait_for("renewal", lambda: all(leases()[name]["spec"]["renewTime"] > first[name]["spec"]["renewTime"]
                                        for name in nodes), 40, 1)


@needs_kubernetes
@needs_controllers
class Absence(RealTest):
    """Kubernetes' controllers watch the Nodes while the agent is away for longer than they leave Pods on such Nodes."""

    def test_a_minute_without_the_agent_evicts_nothing_and_submits_nothing_again(self):
        self.stack.apply(host_pod("stays", ["/bin/sh", "-c", "sleep 90; echo end"]))
        self.stack.wait_phase("stays", ("Running",))
        before = self.get_pod("stays")
        job = self.slurm.command("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 300").strip()
        wait_for("mirrored", lambda: [p["status"].get("phase") for p in self.pods_of_job(job)] == ["Running"], 20)
        mirrored = self.pods_of_job(job)[0]["metadata"]["uid"]
        gone_at = time.monotonic()
        self.stack.processes["agent"].kill()
        self.stack.processes["agent"].wait(10)
        wait_for("Ready=Unknown", lambda: self.ready("n1")["status"] == "Unknown", 45)
        self.assertEqual(self.ready("n1")["reason"], "AgentDisconnected")
        wait_for("taint", lambda: any(t["key"] == "node.kubernetes.io/unreachable"
                                      for t in self.stack.get("node", "n1")["spec"].get("taints", [])), 30)
        time.sleep(max(0, 60 - (time.monotonic() - gone_at)))
        self.assertEqual(self.get_pod("stays")["metadata"]["uid"], before["metadata"]["uid"])
        self.assertNotIn("deletionTimestamp", self.get_pod("stays")["metadata"])
        self.assertEqual(self.get_pod("stays")["status"]["phase"], "Running")
        self.assertEqual(self.pods_of_job(job)[0]["metadata"]["uid"], mirrored)
        self.stack.start_agent()
        self.stack.wait_nodes()
        wait_for("no taint", lambda: not any(t["key"] == "node.kubernetes.io/unreachable"
                                             for t in self.stack.get("node", "n1")["spec"].get("taints", [])), 30)
        self.assertEqual(self.stack.wait_phase("stays", ("Succeeded", "Failed"), 90), "Succeeded")
        self.assertEqual(len(self.jobs_of(before["metadata"]["uid"])), 1)
        self.assertEqual(self.kubectl("logs", "stays"), "end\n")
        self.slurm.command("scancel", job)


@needs_kubernetes
class Pressure(RealTest):
    """The API server goes away and comes back with the same data."""

    def test_pods_outlive_a_restart_of_the_api_server(self):
        self.stack.apply(host_pod("outlives", ["/bin/sh", "-c", "echo begin; sleep 8; echo end"]))
        self.stack.wait_phase("outlives", ("Running",))
        self.stack.processes["apiserver"].kill()
        self.stack.processes["apiserver"].wait(10)
        time.sleep(2)
        self.stack.start_apiserver()
        self.assertEqual(self.stack.wait_phase("outlives", ("Succeeded", "Failed"), 90), "Succeeded")
        self.assertEqual(self.kubectl("logs", "outlives"), "begin\nend\n")
        self.assertEqual(len(self.jobs_of(self.get_pod("outlives")["metadata"]["uid"])), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
