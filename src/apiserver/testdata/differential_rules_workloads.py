"""The second list: what makes pods: rules, changes, tables."""
from differential_rules import *

# --- workloads
rs = obj("apps/v1", "ReplicaSet", "rs", spec={"replicas": 1, "selector": SELECTOR, "template": TEMPLATE})
bad_templates = (
    {"template": {"metadata": {"labels": {"app": "y"}}}}, {"template": {"spec": {"containers": []}}},
    {"template": {"spec": {"restartPolicy": "Never"}}}, {"template": {"spec": {"activeDeadlineSeconds": 5}}},
    {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
    {"selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
    {"selector": {"matchExpressions": [{"key": "bad key", "operator": "X"}]}},
    {"selector": {"matchLabels": {"app": "bad value!"}}}, {"minReadySeconds": -1},
    {"template": {"metadata": {"labels": {"app": "bad value!"}}}},
    {"template": {"metadata": {"annotations": {"bad key": "x"}}}})
cases(RS, rs, ({"replicas": -1},) + bad_templates)
changes(
    RS, rs,
    (
        {"spec": {"selector": {"matchLabels": {"app": "q"}}}}, {"spec": {"replicas": 3}},
        {"spec": {"template": {"spec": {"containers": [{"name": "d", "image": "x"}]}}}}, {"status": {"replicas": 4}}),
    keep=True)
req("PATCH", RS + "/rs/status", {"status": {"replicas": -1}}, type=MERGE)
req("PATCH", RS + "/rs/status", {"status": {"replicas": 1, "readyReplicas": 2}}, type=MERGE)
req("PATCH", RS + "/rs/status", {"status": {"replicas": 1, "readyReplicas": 1}}, type=MERGE)
req("GET", RS, accept=TABLE, rows=True)
req("PUT", RS + "/rs/scale", obj("autoscaling/v1", "Scale", "rs", spec={"replicas": 2}))
req("DELETE", RS + "/rs", skip_body=True)
rc = obj("v1", "ReplicationController", "rc", spec={"replicas": 1, "selector": {"app": "x"}, "template": TEMPLATE})
cases(
    RC, rc,
    ({"replicas": -1}, {"selector": {}}, {"selector": {"app": "y"}}, {"template": None}, {"minReadySeconds": -1}))
changes(RC, rc, ({"spec": {"selector": {"app": "q"}}}, {"spec": {"replicas": 3}}), keep=True)
req("GET", RC, accept=TABLE, rows=True)
req("GET", RC + "/rc/scale")
req("DELETE", RC + "/rc", skip_body=True)
ds = obj("apps/v1", "DaemonSet", "ds", spec={"selector": SELECTOR, "template": TEMPLATE})
cases(
    DS, ds,
    (
        {"updateStrategy": {"type": "X"}}, {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}},
        {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "x%"}}},
        {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {}}}, {"revisionHistoryLimit": -1}) + bad_templates[:4])
changes(
    DS, ds,
    (
        {"spec": {"selector": {"matchLabels": {"app": "q"}}}},
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 3}}}},
        {"spec": {"updateStrategy": {"type": "OnDelete"}}}),
    keep=True)
req(
    "PATCH", DS + "/ds/status",
    {
        "status": {
            "currentNumberScheduled": -1, "numberMisscheduled": 0, "desiredNumberScheduled": 1, "numberReady": 0}},
    type=MERGE)
req("GET", DS, accept=TABLE, rows=True)
req("GET", DS + "/ds/scale")
req("DELETE", DS + "/ds", skip_body=True)
ss = obj("apps/v1", "StatefulSet", "ss", spec={"serviceName": "s", "selector": SELECTOR, "template": TEMPLATE})
cases(
    SS, ss,
    (
        {"replicas": -1}, {"podManagementPolicy": "X"}, {"updateStrategy": {"type": "X"}},
        {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": -1}}},
        {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "X"}}, {"ordinals": {"start": -1}},
        {"minReadySeconds": -1}, {"serviceName": "Bad_"},
        {
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "v"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}) + bad_templates[:3])
changes(
    SS, ss,
    (
        {"spec": {"podManagementPolicy": "Parallel"}}, {"spec": {"replicas": 4}},
        {"spec": {"selector": {"matchLabels": {"app": "q"}}}},
        {"spec": {"volumeClaimTemplates": [{"metadata": {"name": "w"}}]}},
        {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}, {"spec": {"ordinals": {"start": 2}}}),
    keep=True)
req("GET", SS, accept=TABLE, rows=True)
req("PATCH", SS + "/ss/status", {"status": {"replicas": 1, "readyReplicas": 2}}, type=MERGE)
req("DELETE", SS + "/ss", skip_body=True)
cases(
    DEP, dep,
    (
        {"strategy": {"rollingUpdate": {"maxSurge": "x"}}},
        {"strategy": {"rollingUpdate": {"maxUnavailable": "150%"}}},
        {"strategy": {"rollingUpdate": {"maxSurge": -1}}}, {"progressDeadlineSeconds": 0}, {"paused": "x"},
        {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}) + bad_templates)

# --- jobs
JOB, CRON = BATCH + "/jobs", BATCH + "/cronjobs"
JOB_SPEC = {"template": {"spec": {**POD_SPEC, "restartPolicy": "Never"}}}
job = obj("batch/v1", "Job", "job", spec=JOB_SPEC)
cases(
    JOB, job,
    (
        {"completions": -1}, {"backoffLimit": -1}, {"activeDeadlineSeconds": -1}, {"ttlSecondsAfterFinished": -1},
        {"completionMode": "X"}, {"completionMode": "Indexed"},
        {"completionMode": "Indexed", "completions": 2, "parallelism": 200000},
        {"selector": {"matchLabels": {"a": "b"}}}, {"manualSelector": True},
        {"manualSelector": True, "selector": {"matchLabels": {"a": "b"}}},
        {"podFailurePolicy": {"rules": [{"action": "X"}]}},
        {"podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": []}}]}},
        {
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "bad key!", "status": "X"}]}]}},
        {"backoffLimitPerIndex": 1}, {"maxFailedIndexes": 1}, {"podReplacementPolicy": "X"}, {"managedBy": "bad"},
        {"successPolicy": {"rules": []}}, {"template": {"spec": {"restartPolicy": "Always"}}},
        {"template": {"spec": {"restartPolicy": "OnFailure"}}, "podFailurePolicy": {"rules": []}}, {"suspend": "x"}))
changes(
    JOB, meta(job, labels={"a": "b"}),
    (
        {"spec": {"parallelism": 3}}, {"spec": {"completions": 3}}, {"spec": {"backoffLimit": 3}},
        {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "y"}]}}}}, {"spec": {"suspend": True}},
        {"spec": {"ttlSecondsAfterFinished": 5}}, {"spec": {"completionMode": "Indexed"}},
        {"spec": {"selector": {"matchLabels": {"x": "y"}}}},
        {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}}),
    keep=True)
req("PATCH", JOB + "/job/status", {"status": {"active": -1}}, type=MERGE)
req("PATCH", JOB + "/job/status", {"status": {"active": 1, "startTime": "2026-01-02T03:04:05Z"}}, type=MERGE)
req(
    "PATCH", JOB + "/job/status", {"status": {"conditions": [{"type": "Complete", "status": "True"}], "active": 1}},
    type=MERGE)
req("PATCH", JOB + "/job/status", {"status": {"completionTime": "2026-01-02T03:04:05Z"}}, type=MERGE)
req("GET", JOB, accept=TABLE, rows=True)
req("DELETE", JOB + "/job", skip_body=True)
cron = obj("batch/v1", "CronJob", "cron", spec={"schedule": "*/5 * * * *", "jobTemplate": {"spec": JOB_SPEC}})
cases(
    CRON, cron,
    (
        {"schedule": ""}, {"schedule": "* * * *"}, {"schedule": "61 * * * *"}, {"schedule": "@every 1h"},
        {"schedule": "@hourly"}, {"schedule": "TZ=UTC * * * * *"}, {"timeZone": "Nowhere/X"}, {"timeZone": ""},
        {"timeZone": "Local"}, {"concurrencyPolicy": "X"}, {"startingDeadlineSeconds": -1},
        {"successfulJobsHistoryLimit": -1}, {"failedJobsHistoryLimit": -1},
        {"jobTemplate": {"spec": {"backoffLimit": -1}}}, {"jobTemplate": {"spec": {"manualSelector": True}}},
        {"schedule": "0 0 31 2 *"}, {"suspend": "yes"}))
req("POST", CRON, meta(cron, name="c" * 53))
changes(
    CRON, cron,
    ({"spec": {"schedule": "bad"}}, {"spec": {"suspend": True}}, {"spec": {"schedule": "0 * * * MON-FRI"}}), keep=True)
req("GET", CRON, accept=TABLE, rows=True)
req("DELETE", CRON + "/cron", skip_body=True)
