#!/usr/bin/env python3
"""Asks a running API server all that a list says and writes the answers down, or compares them with the record or with
another server's.

usage: differential.py KUBECONFIG record LIST > differential.jsonl
       differential.py KUBECONFIG compare LIST [first [last]] < differential.jsonl
       differential.py KUBECONFIG both LIST OTHER_KUBECONFIG [first [last]]
LIST is "requests" (differential_requests.py: every verb and every kind, errors) or "rules" (differential_rules.py and its
parts: what each kind allows, tables, patches of lists). The servers must be fresh: the requests build on one another.
What differs from run to run (uids, times, versions) is written as <uid>, <time>, <rv>.
"""
import base64
import http.client
import json
import re
import ssl
import sys
import tempfile
import time
import urllib.parse

VOLATILE = {"uid": "<uid>", "resourceVersion": "<rv>", "creationTimestamp": "<time>", "time": "<time>", "continue": "<token>",
            "deletionTimestamp": "<time>", "lastTransitionTime": "<time>", "lastPhaseTransitionTime": "<time>", "token": "<token>",
            "controller-uid": "<uid>", "batch.kubernetes.io/controller-uid": "<uid>", "storageVersionHash": "<hash>",
            "remainingItemCount": "<n>"}
TEXTS = [(re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
         (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
         (re.compile(r"kube-api-access-\w{5}"), "kube-api-access-<x>"),
         (re.compile(r"current: \d+"), "current: <rv>"),
         (re.compile(r"ResourceVersion in object meta: \d+"), "ResourceVersion in object meta: <rv>")]


# What the recorded server has beyond Kubernetes, being a build of a distribution.
FOREIGN = re.compile(r'^\{"configMap": \{"name": "openshift-service-ca.crt"')


def normal(value, key=None, table=False):
    if isinstance(value, dict):
        return {k: normal(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [normal(v) for v in value if not FOREIGN.search(json.dumps(v))]
    if key in VOLATILE and value not in ("", None):
        return VOLATILE[key]
    if isinstance(value, str):
        for pattern, text in TEXTS:
            value = pattern.sub(text, value)
    return value


class Client:
    def __init__(self, path):
        text = open(path).read()

        def field(name):
            m = re.search(name + r'"?: "?([^",}\s]+)', text)
            return m and m[1]
        self.url = urllib.parse.urlparse(field("server"))
        self.context = ssl.create_default_context(cadata=base64.b64decode(field("certificate-authority-data")).decode())
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
            pem.write(base64.b64decode(field("client-certificate-data")).decode() + base64.b64decode(field("client-key-data")).decode())
            pem.flush()
            self.context.load_cert_chain(pem.name)
        self.connection = None

    def ask(self, method, path, body, extras):
        headers = {"Accept": extras.get("accept", "application/json"), "User-Agent": "differential/1"}
        data = extras.get("raw")
        if data is None and body is not None:
            data = json.dumps(body)
        if data is not None:
            headers["Content-Type"] = extras.get("type", "application/json")
        if extras.get("user"):
            headers["Impersonate-User"] = extras["user"]
        for attempt in (0, 1):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPSConnection(self.url.hostname, self.url.port, context=self.context, timeout=20)
                self.connection.request(method, path, data, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read().decode(errors="replace"), answer.headers.get_all("Warning") or []
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt:
                    raise


def packed(value):
    """A text of one letter, said in short: such bodies show only how long they may be."""
    if isinstance(value, dict):
        return {packed(k): packed(v) for k, v in value.items()}
    if isinstance(value, list):
        return [packed(v) for v in value]
    if isinstance(value, str) and len(value) > 200 and value.strip(value[0]) == "":
        return "<repeat %s %d>" % (value[0], len(value))
    return value


def digest(method, path, body, extras, code, text, warnings):
    """What is kept of an answer."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None if extras.get("skip_body") else text[:200]
    record = {"method": method, "path": path}
    if body is not None:
        record["body"] = packed(body)
    for key in ("raw", "type", "accept", "user"):
        if key in extras:
            record[key] = extras[key]
    record["code"] = code
    if warnings:
        record["warnings"] = warnings
    if isinstance(answer, dict) and answer.get("kind") == "Status":
        for key in ("status", "reason", "message", "details"):
            if key in answer:
                record[key] = normal(answer[key])
    elif extras.get("skip_body") or extras.get("quiet") or extras.get("keep_quiet"):
        pass
    elif extras.get("names") and isinstance(answer, dict):
        record["names"] = [i["metadata"]["name"] for i in answer.get("items", [])]
    elif extras.get("discovery") and isinstance(answer, dict):
        if "resources" in answer:
            answer["resources"].sort(key=lambda r: r["name"])
        record["answer"] = normal(answer)
        record["answer"].pop("serverAddressByClientCIDRs", None)
    elif extras.get("rows") and isinstance(answer, dict):
        record["columns"] = [c["name"] for c in answer.get("columnDefinitions") or []]
        record["cells"] = [[("<age>" if re.fullmatch(r"(\d+[smhd])+", str(c)) else normal(c)) for c in r["cells"]] for r in answer.get("rows", [])]
    elif extras.get("only") and isinstance(answer, dict):
        record["fields"] = {}
        for path in extras["only"]:
            at = answer
            for key in path.split("."):
                at = at.get(key) if isinstance(at, dict) else None
            record["fields"][path] = at
    else:
        record["answer"] = normal(answer)
    return record


def differences(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            yield from differences(a.get(key, "<missing>"), b.get(key, "<missing>"), path + "." + key)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, "%s[%d]" % (path, i))
    elif a != b:
        yield "   %s\n      real: %s\n      ours: %s" % (path, json.dumps(a)[:700], json.dumps(b)[:700])


def requests(which):
    sys.path.insert(0, __file__.rsplit("/", 1)[0] if "/" in __file__ else ".")
    if which == "rules":
        import differential_rules
        return differential_rules.load()
    import differential_requests
    return differential_requests.REQUESTS


def show(number, request, found):
    method, path, body, _ = request
    print("#%d %s %s %s" % (number, method, path, json.dumps(body)[:300]))
    print("\n".join(found))


def main():
    kubeconfig, command, which, *rest = sys.argv[1:]
    client, asked = Client(kubeconfig), requests(which)
    other = Client(rest.pop(0)) if command == "both" else None
    first, last = [int(n) for n in rest] + [0, len(asked)][len(rest):]
    recorded = [json.loads(line) for line in sys.stdin] if command == "compare" else []
    bad = 0
    for i, request in enumerate(asked):
        answers = [json.loads(json.dumps(digest(*request, *one.ask(*request)))) for one in (client, other) if one]
        time.sleep(request[3].get("pause", 0) if command != "compare" else 0)
        if command == "record":
            print(json.dumps(answers[0], separators=(",", ":"), sort_keys=False))
            continue
        found = list(differences(recorded[i] if command == "compare" else answers[0], answers[-1]))
        bad += bool(found)
        if found and first <= i < last:
            show(i, request, found)
    if command != "record":
        print("%d of %d differ" % (bad, len(asked)))


if __name__ == "__main__":
    main()
