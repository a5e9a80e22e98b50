"""Clients that people have drive `slipway apiserver` unmodified: python3-kubernetes, kubectl kustomize, kubectx and kubens,
kubecolor, kubetail, and 200 watches at once as consoles open them. What is not on the machine is skipped by name."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import textwrap
import threading
import unittest

from kill_apiserver_test import MAPS, BROKEN, Client, Server

PYTHON = "/usr/bin/python3"

PYTHON_CLIENT = textwrap.dedent("""
    from kubernetes import client, config, utils, watch
    config.load_kube_config()
    core, apps, custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
           "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}}]}}
    made = core.create_namespaced_pod("default", pod)
    assert made.spec.containers[0].resources.limits == {"cpu": "1"} and made.status.phase == "Pending"
    core.patch_namespaced_pod("p", "default", {"metadata": {"annotations": {"x": "y"}}})
    assert core.read_namespaced_pod("p", "default").metadata.annotations["x"] == "y"
    assert [one.metadata.name for one in core.list_pod_for_all_namespaces(label_selector="a=b").items] == ["p"]
    events = watch.Watch().stream(core.list_namespaced_pod, "default", label_selector="a=b", timeout_seconds=1)
    seen = [event["type"] for event in events]
    assert seen == ["ADDED"], seen
    try:
        core.create_namespaced_pod("default", pod)
        raise SystemExit("a second pod of that name")
    except client.exceptions.ApiException as problem:
        assert problem.status == 409 and "AlreadyExists" in problem.body, problem
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"a": "d"}}, "template": {"metadata": {"labels": {"a": "d"}}, "spec": pod["spec"]}}}
    utils.create_from_dict(client.ApiClient(), deployment)
    apps.patch_namespaced_deployment_scale("d", "default", {"spec": {"replicas": 3}})
    assert apps.read_namespaced_deployment("d", "default").spec.replicas == 3
    review = client.V1SelfSubjectAccessReview(spec={"resourceAttributes": {"verb": "get", "resource": "pods"}})
    assert client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed
    assert "v1" in [group.preferred_version.version for group in client.ApisApi().get_api_versions().groups]
    assert client.VersionApi().get_code().major == "1"
    core.delete_namespaced_pod("p", "default", grace_period_seconds=0)
    print("fine")
""")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="slipway-clients."))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        cls.server = Server(cls.dir)
        cls.addClassCleanup(lambda: cls.server.process and cls.server.process.stop())
        cls.server.start()

    def setUp(self):
        # Some of these tools write the file that they are given; kubetail ends its whole process group.
        self.kubeconfig = self.dir / f"{self.id().rsplit('.', 1)[-1]}.kubeconfig"
        shutil.copy(self.server.data / "admin.kubeconfig", self.kubeconfig)

    def _run(self, *words, stdin=None, codes=(0,)):
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.dir)}
        done = subprocess.run([str(word) for word in words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120, check=False, env=env, start_new_session=True)
        self.assertIn(done.returncode, codes, done.stdout)
        return done.stdout

    def _need(self, *programs):
        for program in programs:
            if shutil.which(program) is None:
                self.skipTest(f"no {program} on this machine")

    def test_python_client(self):
        if subprocess.run([PYTHON, "-c", "import kubernetes"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest("no python3-kubernetes on this machine")
        self.assertIn("fine", self._run(PYTHON, "-", stdin=PYTHON_CLIENT))

    def test_kustomize(self):
        self._need("kubectl")
        base = self.dir / "base"
        base.mkdir()
        (base / "kustomization.yaml").write_text(
            "namePrefix: my-\nresources: [map.yaml]\nconfigMapGenerator:\n- {name: made, literals: [a=1]}\n")
        (base / "map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {k: v}\n")
        self.assertIn("configmap/my-plain", self._run("kubectl", "apply", "-k", base))
        self.assertIn("unchanged", self._run("kubectl", "apply", "-k", base))
        self.assertRegex(self._run("kubectl", "apply", "--server-side", "--force-conflicts", "-k", base), "my-made-")
        self.assertIn("deleted", self._run("kubectl", "delete", "-k", base))

    def test_kubectx_and_kubens(self):
        self._need("kubectl", "kubectx", "kubens")
        self.assertEqual(len(self._run("kubectx").split()), 1)
        self.assertIn("kube-system", self._run("kubens"))
        self._run("kubens", "kube-system")
        self.assertEqual(self._run("kubens", "-c").strip(), "kube-system")
        self.assertIn("kube-root-ca.crt", self._run("kubectl", "get", "configmaps"))

    def test_kubecolor(self):
        self._need("kubectl", "kubecolor")
        self.assertIn("kube-system", self._run("kubecolor", "get", "namespaces", "--plain"))
        self.assertIn("Active", self._run("kubecolor", "describe", "namespace", "default", "--plain"))

    def test_kubetail_finds_its_pods(self):
        self._need("kubectl", "kubetail")
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tailed"},
                    "spec": {"containers": [{"name": "c", "image": "i"}]}}
        self._run("kubectl", "create", "-f", "-", stdin=json.dumps(manifest))
        words = ("kubetail", "tailed", "--dry-run", "--namespace", "default")
        self.assertIn("tailed", self._run(*words, codes=(0, -signal.SIGTERM)))

    def test_two_hundred_watches(self):
        watchers, rounds = 200, 5
        kinds = ("/api/v1/pods", "/api/v1/nodes", "/api/v1/events", MAPS)
        got, ready = [[] for _ in range(watchers)], threading.Barrier(watchers + 1, timeout=90)

        def follow(index):
            path = kinds[index % len(kinds)]
            client = Client(self.server)
            connection = client._connection
            try:
                accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
                connection.request("GET", f"{path}?watch=1&timeoutSeconds=60&resourceVersion={start}", None, accept)
                answer = connection.getresponse()
                ready.wait()
                while len(got[index]) < rounds:
                    event = json.loads(answer.readline())
                    for row in event["object"]["rows"]:
                        if row["object"]["metadata"]["name"].startswith("followed-"):
                            got[index].append(row["cells"][0])
            except BROKEN as problem:
                got[index].append(repr(problem))
            finally:
                client.close()

        client = Client(self.server)
        self.addCleanup(client.close)
        start = client.ask("GET", MAPS)[1]["metadata"]["resourceVersion"]
        followers = [threading.Thread(target=follow, args=(index,), daemon=True) for index in range(watchers)]
        for follower in followers:
            follower.start()
        ready.wait()
        names = [f"followed-{number}" for number in range(rounds)]
        for name in names:
            about = {"kind": "Pod", "namespace": "default", "name": name}
            container = {"containers": [{"name": "c", "image": "i"}]}
            for path, body in (("/api/v1/namespaces/default/pods", {"spec": container}), ("/api/v1/nodes", {}), (MAPS, {}),
                               ("/api/v1/namespaces/default/events", {"involvedObject": about, "reason": "R"})):
                code, text = client.ask("POST", path, {"metadata": {"name": name}, **body})
                self.assertEqual(code, 201, text)
        for follower in followers:
            follower.join(60)
        for index, cells in enumerate(got):
            if kinds[index % len(kinds)] == "/api/v1/events":
                self.assertEqual(len(cells), rounds, cells)  # the first column of an event is its age
            else:
                self.assertEqual(cells, names, kinds[index % len(kinds)])


if __name__ == "__main__":
    unittest.main()
