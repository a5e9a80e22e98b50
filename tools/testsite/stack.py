"""Slipway's own processes on this host: API server, controller and agent, joined by the real tunnel."""

import json
import os
import pathlib
import random
import shutil

from .gate import Gate
from .processes import Failed, Process, free_port, free_ports, run, wait_for
from .real_api import RealApi, own_address
from .root import Root
from .tenant import User

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "kustomize"


class Stack:
    """Life cycle: start() once Slurm runs, stop() before Slurm stops. `slipway` is the binary to use. With `real_api` the
    API server is Kubernetes' own (see real_api.py) and the controller has the rights of deploy/kustomize/rbac.yaml."""

    def __init__(self, directory, slipway, slurm, survives=False, images=(), agent_options="", controller_options="",
                 through_gate=False, real_api=False, verify_kubelets=False, hub_address=None):
        self.dir = pathlib.Path(directory).resolve()
        self.slipway = pathlib.Path(slipway).resolve()
        self.slurm = slurm
        self.kubeconfig = self.dir / "kubeconfig"
        self.processes = {}
        self._survives = survives
        self._images = [str(image) for image in images]
        self._agent_options = agent_options
        self._controller_options = controller_options
        self.api_port = None
        self.gate = None
        self._through_gate = through_gate
        self._hub_address = hub_address
        self.real_api = RealApi(self.dir / "kubernetes", survives, verify_kubelets) if real_api else None
        self._controller_access = self.kubeconfig

    def start(self, report=lambda line: None):
        (self.dir / "log").mkdir(parents=True, exist_ok=True)
        self.start_apiserver()
        report(f"the API server answers at https://127.0.0.1:{self.api_port}")
        self._write_configs()
        self.start_controller()
        self.start_agent()
        report("controller and agent have started")
        return self

    def start_apiserver(self):
        if self.real_api:
            self._start_real_api()
            return
        self.api_port = self.api_port or free_port()
        data = self.dir / "apiserver"
        address = getattr(self.slurm, "control", "127.0.0.1")
        self._spawn("apiserver", ["apiserver", "--data-dir", data, "--listen", f"{address}:{self.api_port}"])
        made = data / "admin.kubeconfig"
        wait_for("kubeconfig", made.exists, 30, 0.05, alive=[self.processes["apiserver"]])
        shutil.copy(made, self.kubeconfig)
        self.kubeconfig.chmod(0o600)
        wait_for("API server", lambda: self.kubectl("get", "--raw", "/readyz").strip() == "ok", 30, 0.1,
                 alive=[self.processes["apiserver"]])
        self.kubectl("apply", "-f", DEPLOY / "namespaces.yaml", "-f", DEPLOY / "runtimeclasses.yaml")

    def _start_real_api(self):
        api = self.real_api
        api.start()
        self.api_port = api.port
        self.processes.update(api.processes)
        if not self.kubeconfig.exists():
            shutil.copy(api.admin, self.kubeconfig)
            api.install()
            self._controller_access = api.controller_access()

    def _write_configs(self):
        agent = self.dir / "agent.yaml"
        controller = self.dir / "controller.yaml"
        if agent.exists():
            return
        port = free_port()
        if self._through_gate:
            self.gate = Gate(("127.0.0.1", port))
        endpoint = self.gate.port if self.gate else port
        run([self.slipway, "config", "generate", "--agent-config", agent, "--controller-config", controller,
             "--agent-endpoint", f"localhost:{endpoint}", "--controller-port", port, "--controller-secret=false",
             "--ca-key", self.dir / "ca.key",
             "--slurm-account", "demo", "--slurm-partition", getattr(self.slurm, "partition", "debug")])
        images = "".join(f"\n    - {json.dumps(image)}" for image in self._images)
        with open(agent, "a") as out:
            out.write(f"stateDir: {json.dumps(str(self.dir / 'agent'))}\npollInterval: 1s\n")
            control = getattr(self.slurm, "control", "127.0.0.1")
            out.write(f'hub:\n  listen: "{control}:0"\n  addresses: ["{self._hub_address or control}"]\n')
            if images:
                out.write(f"images:\n  localPaths:{images}\n")
            out.write(self._agent_options)
        with open(controller, "a") as out:
            count = max(16, len(self.slurm.nodes))
            first = free_ports(count)
            address = json.dumps(own_address() if self.real_api else "127.0.0.1")
            out.write(f'kubelet:\n  address: {address}\n  listen: {address}\n  port: 0\n')
            out.write(f'  nodePorts: "{first}-{first + count - 1}"\n')
            out.write(self._controller_options)

    def start_controller(self):
        self._spawn("controller", ["controller", "--config", self.dir / "controller.yaml",
                                   "--kubeconfig", self._controller_access])

    def start_agent(self):
        arguments = ["agent", "--config", self.dir / "agent.yaml"]
        where = getattr(self.slurm, "where", None)
        if not isinstance(where, (Root, User)):
            self._spawn("agent", arguments, self.slurm.env)
            return
        (self.dir / "agent").mkdir(exist_ok=True)
        for path in (self.dir / "agent", self.dir / "agent.yaml"):
            where.own(path)
        self.processes["agent"] = where.process("agent", [where.slipway, *arguments], self.dir / "log" / "agent.log",
                                                self.slurm.env, self._survives)

    def start_another_agent(self, name, slurm):
        """The agent of one more cluster at the same controller, with a certificate of its own."""
        config = self.dir / f"{name}.yaml"
        if not config.exists():
            run([self.slipway, "config", "add-agent", "--from", self.dir / "agent.yaml", "--agent-config", config,
                 "--ca-key", self.dir / "ca.key"])
            text = config.read_text().replace(json.dumps(str(self.dir / "agent")), json.dumps(str(self.dir / name)))
            config.write_text(text)
        self._spawn(name, ["agent", "--config", config], slurm.env)

    def _spawn(self, name, arguments, env=None):
        self.processes[name] = Process(name, [self.slipway, *arguments], self.dir / "log" / f"{name}.log", env, self._survives)

    def kubectl(self, *arguments, check=True, stdin=None, timeout=60):
        return run(["kubectl", "--kubeconfig", self.kubeconfig, *arguments], check=check, stdin=stdin, timeout=timeout,
                   env={"HOME": str(self.dir)})

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, manifest):
        if self.real_api and manifest["kind"] == "Pod":
            if not self.real_api.schedules:
                manifest["spec"].setdefault("nodeName", random.choice(self.slurm.nodes))
            if not self.real_api.has_controllers:
                # What a token's volume refers to is published by the controllers.
                manifest["spec"].setdefault("automountServiceAccountToken", False)
        return self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    def wait_nodes(self, seconds=60):
        wanted = set(self.slurm.nodes)

        def ready():
            names = set()
            for node in self.get("nodes")["items"]:
                conditions = {c["type"]: c["status"] for c in node["status"].get("conditions", [])}
                if conditions.get("Ready") == "True":
                    names.add(node["metadata"]["name"])
            return wanted <= names

        wait_for("Ready nodes", ready, seconds, 0.2, alive=list(self.processes.values()))

    def phase(self, pod, namespace="default"):
        return self.get("pod", pod, "-n", namespace).get("status", {}).get("phase")

    def wait_phase(self, pod, phases, seconds=60, namespace="default"):
        return wait_for(f"pod {pod} in {'/'.join(phases)}",
                        lambda: (lambda now: now if now in phases else None)(self.phase(pod, namespace)), seconds, 0.1)

    def logs(self):
        return "\n".join(f"== {name}\n{process.log_tail(30)}" for name, process in self.processes.items())

    def stop(self):
        others = [name for name in self.processes if name.startswith("agent-")]
        for name in ("controller", "agent", *others, *(reversed(self.real_api.processes) if self.real_api else ("apiserver",))):
            if name in self.processes:
                self.processes[name].stop()
        if self.gate:
            self.gate.close()


def pod(name, command, image="busybox", node_selector=None, **spec):
    """A small pod manifest that tolerates the taint of Slurm's nodes."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 2,
            "tolerations": [{"key": "slipway.dev/slurm", "operator": "Exists"}],
            "containers": [{"name": "main", "image": image, "command": command,
                            "resources": {"requests": {"cpu": "1", "memory": "64Mi"}}}],
            **({"nodeSelector": node_selector} if node_selector else {}),
            **spec,
        },
    }


def host_pod(name, command, **spec):
    """The same without a container runtime."""
    return pod(name, command, image="none", runtimeClassName="slipway-host", **spec)
