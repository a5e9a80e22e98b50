"""A registry of images on loopback (Debian's docker-registry), and images made on the spot to put into it."""

import crypt
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import tarfile

from .processes import Process, free_port, run, wait_for

TOOLS = ("docker-registry", "skopeo", "umoci")


def missing_tools():
    """What has to be installed for a registry."""
    return [tool for tool in TOOLS if not shutil.which(tool)]


class Registry:
    """Life cycle: start(), push() as wanted, stop(). With `user` and `password` nobody else gets anything."""

    def __init__(self, directory, user="", password="", address="127.0.0.1"):
        self.dir = pathlib.Path(directory).resolve()
        self.port = free_port()
        self.name = f"{address}:{self.port}"
        self.user, self.password = user, password
        self.log = self.dir / "registry.log"
        self._process = None

    def start(self):
        (self.dir / "data").mkdir(parents=True, exist_ok=True)
        config = {"version": 0.1, "log": {"accesslog": {"disabled": False}}, "http": {"addr": self.name},
                  "storage": {"filesystem": {"rootdirectory": str(self.dir / "data")}, "delete": {"enabled": True}}}
        if self.user:
            words = crypt.crypt(self.password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 4))
            (self.dir / "htpasswd").write_text(f"{self.user}:{words}\n")
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(self.dir / "htpasswd")}}
        path = self.dir / "registry.yml"
        path.write_text(json.dumps(config))
        self._process = Process("registry", ["docker-registry", "serve", path], self.log, None, False)
        wait_for("registry", lambda: f"listening on {self.name}" in self.log.read_text(errors="replace"), 20, 0.05,
                 alive=[self._process])
        return self

    def stop(self):
        if self._process:
            self._process.stop()

    def push(self, name, root, files=None, **config):
        """Puts the directory `root` with further files ({path: bytes}) as `name`; `config` is Entrypoint, Env, ... Gives
        the digest."""
        layout = self.dir / "layout"
        shutil.rmtree(layout, ignore_errors=True)
        (layout / "blobs" / "sha256").mkdir(parents=True)
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(root, ".")
            for path, contents in (files or {}).items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(contents), 0o755
                tar.addfile(entry, io.BytesIO(contents))

        def blob(contents, kind):
            digest = hashlib.sha256(contents).hexdigest()
            (layout / "blobs" / "sha256" / digest).write_bytes(contents)
            return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(contents)}

        packed = blob(gzip.compress(layer.getvalue(), 1, mtime=0), "layer.v1.tar+gzip")
        described = blob(json.dumps({
            "architecture": "amd64", "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]}}).encode(),
            "config.v1+json")
        manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                                    "config": described, "layers": [packed]}).encode(), "manifest.v1+json")
        manifest["annotations"] = {"org.opencontainers.image.ref.name": "image"}
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
        (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        access = [f"--dest-creds={self.user}:{self.password}"] if self.user else []
        run(["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", *access, f"oci:{layout}:image",
             f"docker://{self.name}/{name}"], env={"HOME": str(self.dir), "PATH": os.environ["PATH"]})
        return manifest["digest"], packed["digest"]

    def downloads(self, digest):
        """How often a blob was asked for."""
        return sum(f'GET /v2/' in line and f"/blobs/{digest}" in line and '" 200 ' in line
                   for line in self.log.read_text(errors="replace").splitlines())
