#!/usr/bin/env python3
"""Writes default_policy.inc from the ClusterRoles and ClusterRoleBindings of a running API server.

usage: compact_policy.py POLICY.json > default_policy.inc
POLICY.json: a list of the objects, as `kubectl get clusterroles,clusterrolebindings -o json` has them in `items`.
"""
import json
import sys

FOREIGN = ("openshift", "service-ca-cert-publisher")


def words(values):
    return ",".join("-" if v == "" else v for v in values)


def rule_line(rule):
    if "nonResourceURLs" in rule:
        return f"U {words(rule['verbs'])} {words(rule['nonResourceURLs'])}"
    line = f"P {words(rule['verbs'])} {words(rule['apiGroups'])} {words(rule['resources'])}"
    return line + (" " + words(rule["resourceNames"]) if rule.get("resourceNames") else "")


def role_lines(role):
    labels = [k for k in role["metadata"].get("labels", {}) if "aggregate-to" in k]
    selectors = [list(s["matchLabels"])[0] for s in role.get("aggregationRule", {}).get("clusterRoleSelectors", [])]
    yield " ".join(["R", role["metadata"]["name"]] + ["l=" + x for x in labels] + ["a=" + x for x in selectors])
    if not selectors:
        yield from (rule_line(r) for r in role.get("rules") or [])


def binding_line(binding):
    subjects = []
    for s in binding.get("subjects", []):
        name = s["namespace"] + "/" + s["name"] if s["kind"] == "ServiceAccount" else s["name"]
        subjects.append(s["kind"][0] + "=" + name)
    return " ".join(["B", binding["metadata"]["name"], binding["roleRef"]["name"]] + subjects)


def main():
    objects = json.load(open(sys.argv[1]))
    objects = [o for o in objects if not any(f in o["metadata"]["name"] for f in FOREIGN)]
    print('// Made by compact_policy.py, see there; the grammar is explained in default_policy.cc.')
    for o in objects:
        lines = role_lines(o) if o["kind"] == "ClusterRole" else [binding_line(o)]
        for line in lines:
            print(json.dumps(line + "\n"))


main()
