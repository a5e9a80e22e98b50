"""Kubernetes' own API server with its etcd, and its scheduler and controller manager where their binaries are given.

KUBE_APISERVER and ETCD name the binaries; KUBE_SCHEDULER and KUBE_CONTROLLER_MANAGER may."""

import base64
import json
import os
import pathlib

from .processes import Failed, Process, free_port, run, wait_for

NEEDED = ("KUBE_APISERVER", "ETCD")
ROOT = pathlib.Path(__file__).resolve().parents[2]
# What a Pod without tolerations of its own is left on a Node that is away: short, so that an eviction would be seen.
EVICTION_SECONDS = 10


def missing():
    """What keeps this host from running a real API server, in a sentence; empty if nothing does."""
    absent = [name for name in NEEDED if not os.access(os.environ.get(name, ""), os.X_OK)]
    return f"{' and '.join(absent)} must name the binary" if absent else ""


def own_address():
    """An address of this host that a kube-apiserver proxies to: it refuses 127.0.0.1. Nothing leaves the host."""
    addresses = run(["hostname", "-I"]).split()
    return next((address for address in addresses if "." in address), "127.0.0.1")


class Authority:
    """A CA in a directory: certificates for whoever is named."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.ca = self.dir / "ca.crt"
        if self.ca.exists():
            return
        self._key("ca")
        run(["openssl", "req", "-x509", "-new", "-key", self.dir / "ca.key", "-out", self.ca, "-days", "30",
             "-subj", "/CN=test site", "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign"])

    def _key(self, name):
        run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-out", self.dir / f"{name}.key"])

    def key_pair(self, name):
        """Private and public key for signing tokens."""
        private, public = self.dir / f"{name}.key", self.dir / f"{name}.pub"
        if not public.exists():
            self._key(name)
            run(["openssl", "pkey", "-in", private, "-pubout", "-out", public])
        return private, public

    def issue(self, name, common_name, group="", san=""):
        """Certificate and key files."""
        certificate, key = self.dir / f"{name}.crt", self.dir / f"{name}.key"
        if certificate.exists():
            return certificate, key
        self._key(name)
        subject = (f"/O={group}" if group else "") + f"/CN={common_name}"
        run(["openssl", "req", "-new", "-key", key, "-subj", subject, "-out", self.dir / f"{name}.csr"])
        extensions = "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
        extensions += f"subjectAltName={san}\n" if san else ""
        (self.dir / f"{name}.ext").write_text(extensions)
        run(["openssl", "x509", "-req", "-in", self.dir / f"{name}.csr", "-CA", self.ca, "-CAkey", self.dir / "ca.key",
             "-set_serial", str(int.from_bytes(os.urandom(8), "big") >> 1), "-days", "30",
             "-extfile", self.dir / f"{name}.ext", "-out", certificate])
        return certificate, key


def _text(file):
    return base64.b64encode(pathlib.Path(file).read_bytes()).decode()


class RealApi:
    """Life cycle: start() makes `admin`, a kubeconfig of system:masters; stop(). start() again continues with the same
    data. The processes stand in `processes`."""

    def __init__(self, directory, survives=False, verify_kubelets=False):
        self.dir = pathlib.Path(directory).resolve()
        self._verify_kubelets = verify_kubelets
        self.admin = self.dir / "admin.kubeconfig"
        self.port = None
        self.processes = {}
        self.schedules = bool(os.environ.get("KUBE_SCHEDULER"))
        self.has_controllers = bool(os.environ.get("KUBE_CONTROLLER_MANAGER"))
        self._survives = survives

    def start(self):
        if missing():
            raise Failed(missing())
        (self.dir / "log").mkdir(parents=True, exist_ok=True)
        self.pki = Authority(self.dir / "pki")
        if "etcd" not in self.processes:
            self._start_etcd()
        self._start_apiserver()
        if self.has_controllers and "controller-manager" not in self.processes:
            self._start_controllers()
        if self.schedules and "scheduler" not in self.processes:
            self._start_scheduler()
        self._wait_default_account("default")

    def stop(self):
        for name in reversed(list(self.processes)):
            self.processes[name].stop()

    def kubectl(self, *arguments, **options):
        return run(["kubectl", "--kubeconfig", self.admin, *arguments], env={"HOME": str(self.dir)}, **options)

    def _spawn(self, name, argv):
        self.processes[name] = Process(name, argv, self.dir / "log" / f"{name}.log", survives=self._survives)

    def _start_etcd(self):
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._etcd = client
        self._spawn("etcd", [os.environ["ETCD"], "--name=site", f"--data-dir={self.dir / 'etcd'}",
                             f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                             f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                             f"--initial-cluster=site={peer}", "--unsafe-no-fsync", "--log-level=warn"])

    def _start_apiserver(self):
        self.port = self.port or free_port()
        pki = self.pki
        server = pki.issue("apiserver", "kube-apiserver", san="IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes")
        kubelet = pki.issue("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters")
        front = pki.issue("front-proxy", "front-proxy-client")
        private, public = pki.key_pair("service-accounts")
        issuer = "https://kubernetes.default.svc.cluster.local"
        self._spawn("apiserver", [
            os.environ["KUBE_APISERVER"], f"--etcd-servers={self._etcd}", f"--secure-port={self.port}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--tls-cert-file={server[0]}", f"--tls-private-key-file={server[1]}", f"--client-ca-file={pki.ca}",
            f"--kubelet-client-certificate={kubelet[0]}", f"--kubelet-client-key={kubelet[1]}",
            "--kubelet-preferred-address-types=InternalIP,Hostname", "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction", f"--service-account-issuer={issuer}",
            f"--service-account-key-file={public}", f"--service-account-signing-key-file={private}",
            "--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged=true", "--enable-aggregator-routing=true",
            f"--requestheader-client-ca-file={pki.ca}", "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-", f"--proxy-client-cert-file={front[0]}",
            f"--proxy-client-key-file={front[1]}",
            f"--default-unreachable-toleration-seconds={EVICTION_SECONDS}",
            f"--default-not-ready-toleration-seconds={EVICTION_SECONDS}",
            *([f"--kubelet-certificate-authority={pki.ca}"] if self._verify_kubelets else [])])
        self.kubeconfig(self.admin, *pki.issue("admin", "kubernetes-admin", "system:masters"))
        wait_for("API server", lambda: self.kubectl("get", "--raw", "/readyz").strip() == "ok", 90, 0.3,
                 alive=[self.processes["etcd"], self.processes["apiserver"]])

    def kubeconfig(self, file, certificate=None, key=None, token=None):
        user = {"token": token} if token else {"client-certificate-data": _text(certificate),
                                               "client-key-data": _text(key)}
        cluster = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority-data": _text(self.pki.ca)}
        file.touch(0o600)
        file.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "site",
            "clusters": [{"name": "site", "cluster": cluster}], "users": [{"name": "site", "user": user}],
            "contexts": [{"name": "site", "context": {"cluster": "site", "user": "site"}}]}))
        return file

    def _access_of(self, component):
        name = f"kube-{component}"
        config = self.kubeconfig(self.dir / f"{component}.kubeconfig", *self.pki.issue(component, f"system:{name}"))
        return [f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
                f"--authorization-kubeconfig={config}", "--bind-address=127.0.0.1", f"--secure-port={free_port()}",
                f"--cert-dir={self.dir / component}", "--leader-elect=false"]

    def _start_controllers(self):
        private, _ = self.pki.key_pair("service-accounts")
        self._spawn("controller-manager", [
            os.environ["KUBE_CONTROLLER_MANAGER"], *self._access_of("controller-manager"),
            "--use-service-account-credentials=true", f"--service-account-private-key-file={private}",
            f"--root-ca-file={self.pki.ca}", "--allocate-node-cidrs=false",
            f"--cluster-signing-cert-file={self.pki.ca}", f"--cluster-signing-key-file={self.pki.ca.with_suffix('.key')}"])

    def _start_scheduler(self):
        self._spawn("scheduler", [os.environ["KUBE_SCHEDULER"], *self._access_of("scheduler")])

    def _wait_default_account(self, namespace):
        """No Pod is admitted before its namespace has the service account `default`, which the controllers make."""
        if not self.has_controllers:
            self.kubectl("create", "serviceaccount", "default", "-n", namespace, check=False)
        wait_for(f"service account of {namespace}", lambda: self.kubectl("get", "sa", "default", "-n", namespace), 60)

    def install(self):
        """What `kubectl apply -k deploy/kustomize` makes, without the controller's Deployment."""
        documents = self.kubectl("kustomize", ROOT / "deploy" / "kustomize").split("\n---\n")
        wanted = [document for document in documents if "\nkind: Deployment" not in f"\n{document}"]
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(wanted))
        for namespace in ("slipway", "slipway-jobs"):
            self._wait_default_account(namespace)

    def controller_access(self):
        """A kubeconfig of the service account that the controller runs as in a cluster, with its rights and no more."""
        token = self.kubectl("create", "token", "slipway", "-n", "slipway", "--duration=24h").strip()
        return self.kubeconfig(self.dir / "controller.kubeconfig", token=token)
