"""The images that Kubernetes' end-to-end tests ask for, made from one binary of theirs (agnhost) and Debian's busybox-static,
under the names that release 1.36 asks for. They do what the tests look at and no more."""

import os
import pathlib
import shutil
import subprocess

from .busybox import make_image
from .processes import run

E2E = "e2e-test-images"
AGNHOST_TAGS = ("2.63.0", "2.55")
NETCAT = """#!{bash}
[ "$3" = -u ] || exec /bin/busybox nc "$@"
exec 3<>"/dev/udp/$4/$5" 2>/dev/null
cat >&3
timeout "$2" cat <&3
exit 0
"""
PASSWD = "user-defined-in-image:x:1000:1000::/:/bin/sh\n"
GROUP = "user-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n"


def _with_libraries(image, program):
    """Copies a program of this host with the shared objects that it names; gives its path, None where there is none."""
    source = shutil.which(program)
    if not source:
        return None
    listed = subprocess.run(["ldd", source], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    for path in [source, *(word for word in listed if word.startswith("/"))]:
        # What Debian calls /bin and /lib are links into /usr; in the image /bin is a folder of its own.
        target = image / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy(path, target)
    return source


def _busybox(directory, name):
    image = make_image(directory / name)
    # Debian's ash drops variables whose names are no words of a shell ("data-1"), which tests of environments look at; other
    # tests look at what /bin/sh itself says.
    bash = _with_libraries(image, "bash")
    if bash:
        (image / "usr" / "local" / "bin").mkdir(parents=True)
        os.symlink(bash, image / "usr" / "local" / "bin" / "sh")
    return image


def _agnhost(directory, binary):
    image = _busybox(directory, "agnhost")
    shutil.copy(binary, image / "agnhost")
    (image / "agnhost").chmod(0o755)
    os.symlink("agnhost", image / "agnhost-2")
    (image / "uploads").mkdir()
    (image / "uploads").chmod(0o1777)
    for file, more in (("passwd", PASSWD), ("group", GROUP)):
        path = image / "etc" / file
        path.write_text(path.read_text() + more)
    # Probes of StatefulSets ask for the certificate, and `agnhost porter` speaks TLS with it.
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", image / "localhost.key", "-out",
         image / "localhost.crt", "-days", "30", "-subj", "/CN=localhost"])
    (image / "localhost.key").chmod(0o644)
    for program in ("curl", "getent"):
        _with_libraries(image, program)
    # Tests of UDP call `nc -w 1 -u ADDRESS PORT`, which busybox's does not know, and its sh takes no other; bash does both.
    bash = shutil.which("bash")
    (image / "bin" / "sh").unlink()
    os.symlink(bash, image / "bin" / "sh")
    netcat = image / "usr" / "local" / "bin" / "nc"
    netcat.write_text(NETCAT.format(bash=bash))
    netcat.chmod(0o755)
    return image


def push_all(registry, agnhost, directory):
    """Makes all images below `directory` and puts them into `registry` (registry.py)."""
    directory = pathlib.Path(directory)
    tools = _agnhost(directory, agnhost)
    for tag in AGNHOST_TAGS:
        registry.push(f"{E2E}/agnhost:{tag}", tools, Entrypoint=["/agnhost"], Cmd=["pause"], Env=["PATH=/usr/local/bin:/usr/bin:/bin"])
    registry.push(f"{E2E}/glibc-dns-testing:2.0.0", tools, Cmd=["sh"], Env=["PATH=/usr/local/bin:/usr/bin:/bin"])
    for animal in ("kitten", "nautilus"):
        registry.push(f"{E2E}/{animal}:1.8", tools, {"data.json": f'{{"image": "{animal}.jpg"}}'.encode(),
                                                     "etc/os-release": b'NAME="Alpine Linux"\n'},
                      Entrypoint=["/agnhost"], Cmd=["test-webserver"])
    box = _busybox(directory, "busybox")
    path = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    registry.push(f"{E2E}/busybox:1.37.0-1", box, Cmd=["sh"], Env=path)
    registry.push(f"{E2E}/ipc-utils:1.4", box, Cmd=["sh"], Env=path)
    registry.push(f"{E2E}/nonroot:1.5", box, Cmd=["sh"], Env=path, User="1234")
    effective = b'#!/bin/sh\necho "Effective uid: $(id -u)"\n'
    registry.push(f"{E2E}/nonewprivs:1.4", box, {"usr/local/bin/nnp": effective}, Cmd=["/usr/local/bin/nnp"], Env=path)
    waits = ["sh", "-c", "trap 'exit 0' TERM INT; sleep infinity & wait"]
    registry.push("pause:3.10.2", box, Entrypoint=waits, Env=path)
    page = {"usr/share/nginx/html/index.html": b"<title>Welcome to nginx!</title>\n"}
    for tag in ("1.15-4", "1.27-0"):
        registry.push(f"{E2E}/nginx:{tag}", box, page, Env=path,
                      Cmd=["httpd", "-f", "-v", "-p", "80", "-h", "/usr/share/nginx/html"])
