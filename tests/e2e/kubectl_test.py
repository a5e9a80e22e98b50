"""Every kubectl that is on this machine drives the API server, old ones too: get, create, apply, logs, delete."""

import json
import os
import pathlib
import re
import shutil
import unittest

from site_fixture import SiteTest, host_pod, wait_for

from testsite.processes import run

NAME = re.compile(r"kubectl(\.?1\.\d+|-v?1\.\d+.*)?$")


def kubectls():
    """KUBECTLS (paths with ':' between) or all of PATH and of the directories that its links lead to."""
    if os.environ.get("KUBECTLS"):
        return [path for path in os.environ["KUBECTLS"].split(":") if os.access(path, os.X_OK)]
    found = {}
    folders = [pathlib.Path(folder) for folder in os.environ.get("PATH", "").split(":") if folder]
    linked = shutil.which("kubectl")
    if linked:
        folders.append(pathlib.Path(linked).resolve().parent)
    for folder in folders:
        for path in sorted(folder.glob("kubectl*")):
            if NAME.fullmatch(path.name) and os.access(path, os.X_OK):
                found.setdefault(path.resolve(), str(path))
    return list(found.values())


def version_of(kubectl):
    """(1, 20), or None for what does not answer."""
    try:
        client = json.loads(run([kubectl, "version", "--client", "-o", "json"]))["clientVersion"]
        return int(client["major"]), int(re.match(r"\d+", client["minor"])[0])
    except Exception:  # a wrapper, another program: not for us
        return None


class Versions(SiteTest):
    def drive(self, kubectl, tag):
        def call(*words, **options):
            return run([kubectl, "--kubeconfig", self.stack.kubeconfig, *words],
                       env={"HOME": str(self.dir / f"home-{tag}")}, **options)

        name = f"by-{tag}"
        self.assertIn("n1", call("get", "nodes"))
        call("create", "configmap", name, "--from-literal=a=1")
        manifest = host_pod(name, ["/bin/sh", "-c", "echo hello"])
        call("apply", "-f", "-", stdin=json.dumps(manifest))
        # Once more, changed: a patch by the client, computed from the server's schema.
        manifest["metadata"]["labels"] = {"again": "yes"}
        call("apply", "-f", "-", stdin=json.dumps(manifest))
        self.assertEqual(call("get", "pod", name, "-o", "jsonpath={.metadata.labels.again}"), "yes")
        wait_for("end of the pod", lambda: call("get", "pod", name, "-o", "jsonpath={.status.phase}") == "Succeeded", 60, 0.3)
        self.assertEqual(call("logs", name), "hello\n")
        self.assertIn(name, call("describe", "pod", name))
        call("delete", "pod", name)
        call("delete", "configmap", name)
        self.assertEqual(call("get", "pods,configmaps", "--ignore-not-found", "-o", "name").count(name), 0)

    def test_each_version_gets_creates_applies_reads_logs_and_deletes(self):
        seen = {}
        for kubectl in kubectls():
            version = version_of(kubectl)
            if version:
                seen.setdefault(version, kubectl)
        if not seen:
            self.skipTest("no kubectl here: set KUBECTLS")
        for version, kubectl in sorted(seen.items()):
            with self.subTest(kubectl=kubectl, version=version):
                self.drive(kubectl, "{}-{}".format(*version))
        print("kubectl " + ", ".join("{}.{}".format(*version) for version in sorted(seen)))


if __name__ == "__main__":
    unittest.main()
