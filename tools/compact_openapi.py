#!/usr/bin/env python3
"""Writes the compact form of an API server's kinds: src/schema/data/kubernetes.txt.

Usage:
  compact_openapi.py --server https://127.0.0.1:6443 [--ca FILE --cert FILE --key FILE] [--wire FILE] -o OUT
  compact_openapi.py --folder DIR [--wire FILE] -o OUT

A folder holds openapi-v3/<path with __ for />.json[.gz] and, for the resources, discovery documents of the same names
(apis__apps__v1.json beside them, api-v1.json for the core group). Descriptions are dropped. What OpenAPI does not say
about the wire form (which optional fields keep an explicit zero, which are always written) comes from --wire, a file of
lines "<type> <field> <flags>" with the flags below.

The form, one line each:
  G <group or -> <version>                              what follows belongs to it; the first version is preferred
  R <plural> <singular> <Kind> <N|C> <verbs> [s=short,..] [c=category,..] [h=storage version hash]
  S <plural/sub> <Kind> <group/version or -> <verbs>    a subresource
  T <type> [~] [group/version/Kind ...]                 a type without "io.k8s."; ~: replaced as a whole when applied
   <field> <form> [attributes]                          belongs to the type above
Forms: s string, b bool, i int32, l int64, n int of no size, f float, y bytes, t time, q quantity, x int or string,
  o anything, []F list, {}F map, @type.
Attributes: ! required, * a pointer (an explicit zero stays), + always written, =JSON default, l=list type, k=map keys,
  p=patch strategies, m=patch merge key, g=map type, e=A|B values, t=name of the Go type in errors.
"""
import argparse, gzip, json, pathlib, ssl, sys, urllib.request

WRAPPERS = ("SchemaProps", "ArbitraryKeys", "SwaggerSchemaProps", "VendorExtensible")


def flatten(node):
    """Some builds write a schema's parts as nested objects: one level again."""
    if isinstance(node, list):
        return [flatten(item) for item in node]
    if not isinstance(node, dict):
        return node
    flat = {}
    for key, value in node.items():
        if key in WRAPPERS and isinstance(value, dict):
            flat.update(flatten(value))
        elif value is not None:
            flat[key] = flatten(value)
    return flat


class Server:
    def __init__(self, url, ca, cert, key):
        self.url = url.rstrip("/")
        self.context = ssl.create_default_context(cafile=ca) if ca else ssl.create_default_context()
        if cert:
            self.context.load_cert_chain(cert, key)

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
            return json.load(answer)

    def openapi(self, group_path):
        return self.get("/openapi/v3/" + group_path)

    def discovery(self, group_path):
        return self.get("/" + group_path)

    def groups(self):
        return self.get("/apis")


class Folder:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def load(self, *names):
        for name in names:
            for candidate in (self.path / name, self.path / (name + ".gz")):
                if candidate.exists():
                    data = candidate.read_bytes()
                    return json.loads(gzip.decompress(data) if candidate.suffix == ".gz" else data)
        return None

    def openapi(self, group_path):
        return self.load("openapi-v3/" + group_path.replace("/", "__") + ".json")

    def discovery(self, group_path):
        return self.load(group_path.replace("/", "__") + ".json", group_path.replace("/", "-") + ".json")

    def groups(self):
        return self.load("apis.json")


def short(name):
    return name[len("io.k8s."):] if name.startswith("io.k8s.") else name


def form_of(schema):
    """The form of one schema, for example "[]@api.core.v1.Container"."""
    reference = schema.get("$ref")
    if not reference and len(schema.get("allOf", [])) == 1:
        reference = schema["allOf"][0].get("$ref")
    if reference:
        name = short(reference.rsplit("/", 1)[1])
        known = {"apimachinery.pkg.api.resource.Quantity": "q", "apimachinery.pkg.util.intstr.IntOrString": "x",
                 "apimachinery.pkg.apis.meta.v1.Time": "t", "apimachinery.pkg.apis.meta.v1.MicroTime": "u",
                 "apimachinery.pkg.apis.meta.v1.Duration": "s",
                 "apimachinery.pkg.apis.meta.v1.FieldsV1": "o", "apimachinery.pkg.runtime.RawExtension": "o"}
        return known.get(name, "@" + name)
    kind = schema.get("type")
    if kind == "array":
        return "[]" + form_of(schema.get("items", {}))
    if kind == "object":
        return "{}" + form_of(schema["additionalProperties"]) if "additionalProperties" in schema else "o"
    if kind == "string":
        return {"byte": "y", "date-time": "t"}.get(schema.get("format"), "s")
    if kind == "integer":
        return {"int32": "i", "int64": "l"}.get(schema.get("format"), "n")
    return {"boolean": "b", "number": "f"}.get(kind, "o")


def attributes_of(schema, required):
    words = ["!"] if required else []
    # Go has no absent values: "", 0 and {} as defaults say only that the field is no pointer.
    default = schema.get("default")
    if default is not None:
        words.append("=" + json.dumps(default, separators=(",", ":")))
    for letter, key in (("l", "x-kubernetes-list-type"), ("p", "x-kubernetes-patch-strategy"),
                        ("m", "x-kubernetes-patch-merge-key"), ("g", "x-kubernetes-map-type")):
        if key in schema:
            words.append(f"{letter}={schema[key]}")
    if "x-kubernetes-list-map-keys" in schema:
        words.append("k=" + ",".join(schema["x-kubernetes-list-map-keys"]))
    if "enum" in schema:
        words.append("e=" + "|".join(str(value) for value in schema["enum"]))
    return words


def read_wire(path):
    wire = {}
    for line in pathlib.Path(path).read_text().splitlines() if path else []:
        if line and not line.startswith("#"):
            kind, field, *flags = line.split(" ")
            wire[kind, field] = flags
    return wire


def write_types(documents, wire, out):
    types, kinds = {}, {}
    for document in documents:
        for name, schema in flatten(document.get("components", {}).get("schemas", {})).items():
            types.setdefault(short(name), schema)
            found = kinds.setdefault(short(name), set())
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                found.add(f"{gvk['group']}/{gvk['version']}/{gvk['kind']}")
    for name in sorted(types):
        schema = types[name]
        if "properties" not in schema:
            continue
        atomic = " ~" if schema.get("x-kubernetes-map-type") == "atomic" else ""
        # Options that every group registers (DeleteOptions, WatchEvent) are found by name, not by kind.
        gvks = sorted(kinds[name]) if len(kinds[name]) <= 3 else []
        out.append(f"T {name}{atomic}{''.join(' ' + gvk for gvk in gvks)}")
        for field, value in schema["properties"].items():
            words = attributes_of(value, field in schema.get("required", [])) + wire.get((name, field), [])
            out.append(" ".join([f" {field}", form_of(value)] + words))


def write_resources(source, group, version, out):
    path = f"apis/{group}/{version}" if group else f"api/{version}"
    listing = source.discovery(path)
    if not listing:
        sys.exit(f"no discovery document for {path}")
    out.append(f"G {group or '-'} {version}")
    for resource in sorted(listing["resources"], key=lambda r: r["name"]):
        verbs = ",".join(resource["verbs"])
        if "/" in resource["name"]:
            other = f"{resource.get('group', '')}/{resource.get('version', '')}".strip("/") or "-"
            out.append(f"S {resource['name']} {resource['kind']} {other} {verbs}")
            continue
        words = [resource["name"], resource["singularName"], resource["kind"],
                 "N" if resource["namespaced"] else "C", verbs]
        for letter, key in (("s", "shortNames"), ("c", "categories")):
            if resource.get(key):
                words.append(f"{letter}=" + ",".join(resource[key]))
        if resource.get("storageVersionHash"):
            words.append("h=" + resource["storageVersionHash"])
        out.append("R " + " ".join(words))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server")
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--folder")
    parser.add_argument("--wire")
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    if bool(options.server) == bool(options.folder):
        parser.error("one of --server and --folder")
    source = Folder(options.folder) if options.folder else Server(options.server, options.ca, options.cert, options.key)

    groups = [("", "v1")]
    for group in source.groups()["groups"]:
        groups += [(group["name"], version["version"]) for version in group["versions"]]
    out = ["# Kinds, resources and types of the Kubernetes API; made by tools/compact_openapi.py, see there."]
    documents = []
    for group, version in groups:
        write_resources(source, group, version, out)
        document = source.openapi(f"apis/{group}/{version}" if group else f"api/{version}")
        if document:
            documents.append(document)
    write_types(documents, read_wire(options.wire), out)
    pathlib.Path(options.output).write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
