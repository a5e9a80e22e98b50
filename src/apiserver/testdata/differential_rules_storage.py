"""The second list: volumes, claims and their classes."""
from differential_rules import *

# --- storage
PV, PVC = "/api/v1/persistentvolumes", NS + "/persistentvolumeclaims"
pv = obj(
    "v1", "PersistentVolume", "pv", None,
    spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}})
cases(
    PV, pv,
    (
        {"capacity": {"storage": "0"}}, {"capacity": None}, {"capacity": {"cpu": "1"}}, {"accessModes": ["X"]},
        {"accessModes": []}, {"hostPath": {"path": ""}}, {"hostPath": {"path": "/a/../b"}},
        {"hostPath": {"path": "/a", "type": "X"}}, {"nfs": {"server": "s", "path": "/x"}},
        {"hostPath": None, "nfs": {"server": "", "path": "x"}}, {"hostPath": None, "local": {"path": "/x"}},
        {"hostPath": None, "csi": {"driver": "", "volumeHandle": ""}}, {"persistentVolumeReclaimPolicy": "X"},
        {"volumeMode": "X"}, {"storageClassName": "Bad_"}, {"nodeAffinity": {"required": {"nodeSelectorTerms": []}}},
        {"mountOptions": ["a"], "claimRef": {"name": "x"}}, {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}))
changes(
    PV, pv,
    (
        {"spec": {"hostPath": {"path": "/other"}}}, {"spec": {"capacity": {"storage": "2Gi"}}},
        {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}, {"spec": {"volumeMode": "Block"}},
        {"spec": {"accessModes": ["ReadWriteMany"]}}),
    keep=True)
req("PATCH", PV + "/pv/status", {"status": {"phase": "Available"}}, type=MERGE)
req("GET", PV + "/pv", accept=TABLE, rows=True)
req("DELETE", PV + "/pv", skip_body=True)
pvc = obj(
    "v1", "PersistentVolumeClaim", "pvc",
    spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
cases(
    PVC, pvc,
    (
        {"resources": {"requests": {"storage": "-1"}}}, {"resources": {}}, {"volumeMode": "X"},
        {"storageClassName": "Bad_"}, {"selector": {"matchExpressions": [{"key": "a", "operator": "X"}]}},
        {"dataSource": {"kind": "X", "name": ""}}, {"dataSource": {"apiGroup": "a.b", "kind": "X", "name": "n"}},
        {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}, {"volumeAttributesClassName": ""},
        {"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "x", "namespace": "y"}}))
changes(
    PVC, pvc,
    (
        {"spec": {"accessModes": ["ReadWriteMany"]}}, {"spec": {"resources": {"requests": {"storage": "2Gi"}}}},
        {"spec": {"volumeName": "v"}}, {"spec": {"volumeName": "w"}}, {"spec": {"storageClassName": "a"}}),
    keep=True)
req(
    "PATCH", PVC + "/pvc/status",
    {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}}, type=MERGE)
req("PATCH", PVC + "/pvc", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}, type=MERGE)
req("PATCH", PVC + "/pvc", {"spec": {"resources": {"requests": {"storage": "500Mi"}}}}, type=MERGE)
req("GET", PVC, accept=TABLE, rows=True)
req("DELETE", PVC + "/pvc", skip_body=True)
SC = "/apis/storage.k8s.io/v1/storageclasses"
sc = obj("storage.k8s.io/v1", "StorageClass", "rules-sc", None, provisioner="example.com/p")
cases(
    SC, sc,
    (
        {"provisioner": ""}, {"reclaimPolicy": "X"}, {"volumeBindingMode": "X"}, {"parameters": {"": "x"}},
        {"allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": []}]}]}),
    field=None)
changes(
    SC, sc,
    (
        {"provisioner": "x"}, {"parameters": {"a": "b"}}, {"reclaimPolicy": "Retain"},
        {"volumeBindingMode": "WaitForFirstConsumer"}, {"allowVolumeExpansion": True}))
CSID = "/apis/storage.k8s.io/v1/csidrivers"
changes(
    CSID, obj("storage.k8s.io/v1", "CSIDriver", "rules.example.com", None, spec={}),
    (
        {"spec": {"attachRequired": False}}, {"spec": {"podInfoOnMount": True}}, {"spec": {"fsGroupPolicy": "X"}},
        {"spec": {"volumeLifecycleModes": ["Ephemeral"]}}))
VA = "/apis/storage.k8s.io/v1/volumeattachments"
va = obj(
    "storage.k8s.io/v1", "VolumeAttachment", "rules-va", None,
    spec={"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}})
cases(VA, va, ({"attacher": ""}, {"nodeName": ""}, {"source": {"persistentVolumeName": ""}}))
changes(VA, va, ({"spec": {"nodeName": "m"}},))
