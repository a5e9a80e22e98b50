"""Images of real registries: pull policies, digests, credentials, mirrors, one conversion for all, a cache with a size."""

import base64
import contextlib
import json
import os
import pathlib
import re
import unittest

from site_fixture import SiteTest, pod, wait_for
from testsite.registry import Registry, missing_tools

LIMIT = 13_000_000
PADDING = 3_000_000


@unittest.skipIf(missing_tools(), f"not installed: {missing_tools()}")
class ImageTest(SiteTest):
    limit = 0

    @classmethod
    def setUpClass(cls):
        if cls is ImageTest:
            raise unittest.SkipTest("has no tests of its own")
        cls.registry = cls.private = None
        # The configuration is written in setUpClass(): the ports must be known before, the directory is known after.
        cls.open_registry = Registry("/nonexistent")
        cls.closed_registry = Registry("/nonexistent", "user", "pass:word")
        cls.agent_options = (f"  cacheBytes: {cls.limit}\n  insecureRegistries: [\"{cls.open_registry.name}\", "
                             f"\"{cls.closed_registry.name}\"]\n  mirrors:\n    registry.example: \"{cls.open_registry.name}\"\n")
        super().setUpClass()
        for registry, folder in ((cls.open_registry, "open"), (cls.closed_registry, "closed")):
            registry.dir = cls.dir / folder
            registry.log = registry.dir / "registry.log"
            registry.start()

    @classmethod
    def tearDownClass(cls):
        for registry in (cls.open_registry, cls.closed_registry):
            registry.stop()
        super().tearDownClass()

    def cached(self):
        folder = self.dir / "agent" / "images"
        return sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("sha256-")) if folder.exists() else []

    def run_image(self, name, image, policy="IfNotPresent", script=None, **spec):
        manifest = pod(name, ["/bin/sh", "-c", script] if script else None, image=image, **spec)
        container = manifest["spec"]["containers"][0]
        container["imagePullPolicy"] = policy
        if not script:
            del container["command"]
        self.stack.apply(manifest)

    def output_of(self, name, seconds=90):
        self.assertEqual(self.stack.wait_phase(name, ("Succeeded", "Failed"), seconds), "Succeeded", self.get_pod(name)["status"])
        return self.kubectl("logs", name)

    def waiting(self, name):
        statuses = self.get_pod(name)["status"].get("containerStatuses", [{}])
        return statuses[0].get("state", {}).get("waiting", {})


class Pulls(ImageTest):
    def test_an_image_says_how_it_runs(self):
        digest, _ = self.open_registry.push("team/app:1", self.image, Entrypoint=["/bin/sh", "-c"], WorkingDir="/tmp", User="77:88",
                                            Cmd=["echo $WORD; pwd; id -u; id -g"], Env=["WORD=of the image", "PATH=/bin"])
        self.run_image("app", f"{self.open_registry.name}/team/app:1")
        self.assertEqual(self.output_of("app"), "of the image\n/tmp\n77\n88\n")
        self.assertEqual(self.get_pod("app")["status"]["containerStatuses"][0]["imageID"], digest)
        self.run_image("digest", f"{self.open_registry.name}/team/app@{digest}", script="echo by digest")
        self.assertEqual(self.output_of("digest"), "by digest\n")

    def test_many_jobs_convert_once(self):
        digest, layer = self.open_registry.push("many:1", self.image, {"marker": os.urandom(1000)})
        for number in range(6):
            self.run_image(f"many{number}", f"{self.open_registry.name}/many:1", "Always", f"echo {number}")
        for number in range(6):
            self.assertEqual(self.output_of(f"many{number}"), f"{number}\n")
        self.assertEqual(self.open_registry.downloads(layer), 1)
        self.assertIn(digest.replace(":", "-"), self.cached())

    def test_a_tag_that_moves_is_seen_by_always_only(self):
        name = f"{self.open_registry.name}/moving:1"
        self.open_registry.push("moving:1", self.image, {"version": b"old\n"})
        self.run_image("first", name, script="cat /version")
        self.assertEqual(self.output_of("first"), "old\n")
        self.open_registry.push("moving:1", self.image, {"version": b"new\n"})
        self.run_image("present", name, "IfNotPresent", "cat /version")
        self.assertEqual(self.output_of("present"), "old\n")
        self.run_image("always", name, "Always", "cat /version")
        self.assertEqual(self.output_of("always"), "new\n")
        self.run_image("never", name, "Never", "cat /version")
        self.assertEqual(self.output_of("never"), "new\n")

    def test_a_mirror_is_asked_instead(self):
        self.open_registry.push("mirrored:1", self.image, {"who": b"mirror\n"})
        self.run_image("mirrored", "registry.example/mirrored:1", script="cat /who")
        self.assertEqual(self.output_of("mirrored"), "mirror\n")

    def files_with(self, password):
        """What holds it, as it is or as registries want it, in the site's directory and in the pods' scratch."""
        forms = (password, base64.b64encode(b"user:" + password))
        places = [self.dir / "agent", *pathlib.Path("/dev/shm").glob("slipway-*"), *pathlib.Path("/tmp").glob("slipway-*-*")]
        found = []
        for file in (file for place in places for file in place.rglob("*")):
            with contextlib.suppress(OSError):
                if file.is_file() and not file.is_symlink() and any(form in file.read_bytes() for form in forms):
                    found.append(file)
        return found

    def test_credentials_are_needed_used_and_not_left_behind(self):
        self.closed_registry.push("secret:1", self.image, {"who": b"private\n"})
        image = f"{self.closed_registry.name}/secret:1"
        self.run_image("refused", image, script="cat /who")
        wait_for("refusal", lambda: self.waiting("refused").get("reason") in ("ErrImagePull", "ImagePullBackOff"), 60)
        wait_for("event", lambda: any(r == "Failed" and "nauthorized" in m or "authentication required" in m for r, m in self.events_of("refused")), 20)
        config = {"auths": {self.closed_registry.name: {"username": "user", "password": "pass:word"}}}
        self.stack.apply({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "metadata": {"name": "pull"},
                          "stringData": {".dockerconfigjson": json.dumps(config)}})
        # The same name in another registry is another image.
        self.open_registry.push("secret:1", self.image, {"who": b"public\n"})
        self.run_image("other", f"{self.open_registry.name}/secret:1", script="cat /who")
        self.run_image("allowed", image, script="cat /who", imagePullSecrets=[{"name": "pull"}])
        self.assertEqual(self.output_of("other"), "public\n")
        self.assertEqual(self.output_of("allowed"), "private\n")
        wait_for("no file that holds the password", lambda: not self.files_with(b"pass:word"), 20)
        self.kubectl("delete", "pod", "refused", "--timeout=30s")

    def test_an_image_as_a_volume(self):
        """spec.volumes.image: what lies in an image is mounted, read-only, whole or a part."""
        self.open_registry.push("data:1", self.image, {"data/sub/file": b"from the image\n"})
        name = f"{self.open_registry.name}/data:1"
        mounts = [{"name": "data", "mountPath": "/whole"}, {"name": "data", "mountPath": "/part", "subPath": "data/sub"}]
        manifest = pod("imagevolume", ["/bin/sh", "-c", "cat /whole/data/sub/file /part/file; "
                                       "touch /whole/new 2>/dev/null || echo read-only; sleep 2"],
                       image=str(self.image), volumes=[{"name": "data", "image": {"reference": name}}])
        manifest["spec"]["containers"][0]["volumeMounts"] = mounts
        self.stack.apply(manifest)
        self.assertEqual(self.output_of("imagevolume"), "from the image\nfrom the image\nread-only\n")

    def test_an_image_volume_that_is_not_there_backs_off(self):
        manifest = pod("novolume", ["/bin/sh", "-c", "cat /v/data"], image=str(self.image), volumes=[
            {"name": "v", "image": {"reference": f"{self.open_registry.name}/late:1", "pullPolicy": "Always"}}])
        manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
        self.stack.apply(manifest)
        wait_for("its reason", lambda: self.waiting("novolume").get("reason") in ("ErrImagePull", "ImagePullBackOff"), 40)
        self.open_registry.push("late:1", self.image, {"data": b"late\n"})
        self.assertEqual(self.output_of("novolume"), "late\n")

    def test_a_debugger_has_an_image_of_its_own(self):
        self.open_registry.push("tools:1", self.image, {"tool": b"of the debugger\n"})
        self.stack.apply(pod("patient", ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"], image=str(self.image)))
        self.stack.wait_phase("patient", ("Running",), 60)
        self.kubectl("debug", "patient", f"--image={self.open_registry.name}/tools:1", "-c", "doctor", "--", "cat", "/tool")
        wait_for("log", lambda: self.kubectl("logs", "patient", "-c", "doctor", check=False).stdout == "of the debugger\n", 60)
        self.kubectl("delete", "pod", "patient", "--timeout=40s")

    def test_a_missing_image_backs_off_with_its_reasons(self):
        self.run_image("missing", f"{self.open_registry.name}/no/such:1", script="true")
        seen = set()

        def both():
            seen.add(self.waiting("missing").get("reason"))
            return "ImagePullBackOff" in seen

        wait_for("back-off", both, 60)
        wait_for("the cause", lambda: re.match(r'Back-off pulling image ".*": ErrImagePull: pull .*: (?!time=)',
                                               self.waiting("missing").get("message", "")), 60)
        wait_for("events", lambda: {"Pulling", "Failed", "BackOff"} <= {r for r, _ in self.events_of("missing")}, 20)
        self.assertEqual(self.get_pod("missing")["status"]["phase"], "Pending")
        self.run_image("badname", "UPPER/case:1", script="true")
        wait_for("reason", lambda: self.waiting("badname").get("reason") == "InvalidImageName", 60)
        self.kubectl("delete", "pod", "missing", "badname", "--timeout=30s")


class Cache(ImageTest):
    limit = LIMIT

    def test_the_oldest_image_that_nobody_runs_goes(self):
        digests = {}
        for name in ("used", "old", "newer", "newest"):
            digests[name] = self.open_registry.push(f"{name}:1", self.image, {"pad": os.urandom(PADDING)})[0].replace(":", "-")
        self.run_image("used", f"{self.open_registry.name}/used:1", script="trap 'exit 0' TERM; while :; do sleep 0.2; done")
        self.stack.wait_phase("used", ("Running",), 60)
        for name in ("old", "newer", "newest"):
            self.run_image(name, f"{self.open_registry.name}/{name}:1", script="echo ran")
            self.output_of(name)
        present = self.cached()
        self.assertIn(digests["used"], present)
        self.assertIn(digests["newest"], present)
        self.assertNotIn(digests["old"], present)
        self.assertEqual(self.kubectl("exec", "used", "--", "echo", "alive"), "alive\n")
        self.assertFalse([p for p in (self.dir / "agent" / "images").iterdir() if p.name.startswith(("trash", "tmp"))])
        self.run_image("again", f"{self.open_registry.name}/old:1", script="echo again")
        self.assertEqual(self.output_of("again"), "again\n")
        self.kubectl("delete", "pod", "used", "--timeout=30s")


if __name__ == "__main__":
    unittest.main(verbosity=2)
