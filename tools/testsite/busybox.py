"""A container image made on the spot from Debian's busybox-static: a directory, as Charliecloud and Apptainer run it."""

import os
import pathlib
import shutil
import subprocess

from .processes import Failed

DIRECTORIES = ("bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sys", "tmp", "usr/bin", "var/tmp")


def make_image(directory):
    """Makes (or finds) the image and gives its path."""
    image = pathlib.Path(directory).resolve()
    if (image / "bin" / "sh").is_symlink():
        return image
    busybox = shutil.which("busybox")
    if not busybox:
        raise Failed("busybox is not installed: run tools/deps.sh")
    for name in DIRECTORIES:
        (image / name).mkdir(parents=True, exist_ok=True)
    (image / "tmp").chmod(0o1777)
    shutil.copy(busybox, image / "bin" / "busybox")
    applets = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            os.symlink("busybox", image / "bin" / applet)
    (image / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    (image / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    for name in ("hosts", "resolv.conf", "hostname"):
        (image / "etc" / name).touch()
    return image
