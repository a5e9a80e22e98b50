#!/usr/bin/env python3
"""Writes field_numbers.inc from the generated.proto files of Kubernetes' API packages.

usage: compact_proto.py STAGING_DIR > field_numbers.inc
STAGING_DIR holds k8s.io/api, k8s.io/apimachinery, ... (staging/src of Kubernetes, or a Go module cache).
"""
import pathlib
import re
import sys

SCALARS = {"string": "s", "bytes": "y", "bool": "b", "int32": "i", "int64": "i", "uint32": "i", "uint64": "i", "double": "d"}
MODULES = ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator")
PARTS = ("admissionregistration/v1", "apps/v1", "authentication/v1", "authorization/v1", "autoscaling/v1", "autoscaling/v2",
         "batch/v1", "certificates/v1", "coordination/v1", "core/v1", "discovery/v1", "events/v1", "flowcontrol/v1",
         "networking/v1", "node/v1", "policy/v1", "rbac/v1", "resource/v1", "scheduling/v1", "storage/v1", "meta/v1",
         "api/resource", "util/intstr", "pkg/runtime", "apiextensions/v1", "apiregistration/v1")


def full_name(package, type_name):
    if type_name.startswith("."):
        type_name = type_name[1:]
    name = type_name if "." in type_name else package + "." + type_name
    return name.removeprefix("k8s.io.")


def shape(package, text):
    text = text.strip()
    if text.startswith("map<"):
        key, value = text[4:-1].split(",")
        return "{" + shape(package, value)
    return SCALARS.get(text) or "@" + full_name(package, text)


def convert(path):
    package = None
    message = None
    for line in path.read_text().splitlines():
        line = line.split("//")[0].strip()
        if m := re.match(r"package ([\w.\-]+);", line):
            package = m[1]
        elif m := re.match(r"message (\w+) \{", line):
            message = m[1]
            print(f'"M {full_name(package, message)}\\n"')
        elif m := re.match(r"(optional|repeated)?\s*(map<[^>]*>|[\w.\-]+) (\w+) = (\d+);", line):
            s = shape(package, m[2])
            print(f'"{m[4]} {m[3]} {"[" if m[1] == "repeated" else ""}{s}\\n"')


def main():
    print("// Made by compact_proto.py, see there; the grammar is explained in field_numbers.cc.")
    root = pathlib.Path(sys.argv[1])
    for module in MODULES:
        for path in sorted((root / "k8s.io" / module).rglob("generated.proto")):
            if str(path.parent).endswith(PARTS):
                convert(path)


main()
