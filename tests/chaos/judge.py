"""Who decides whether a soak went well: Slurm's records, the pods' own lines, the processes and files of this machine."""

import collections
import json
import pathlib
import re
import time

from site_fixture import Failed, wait_for

MARK = "SLIPWAY_CHAOS_MARK"
ACTIVE = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED")
# slurmctld writes its state down every five seconds at most: what it was told just before a kill it forgets.
UNSAVED = 8


def pids_of(matches):
    """Processes of which matches(argv, environ) holds."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        if matches(argv, environ):
            found.append(int(entry.name))
    return found


class Run:
    """One begin of a pod's script, as its lines tell."""

    def __init__(self, job, begin):
        self.job, self.begin, self.seen, self.ended = job, begin, begin, False


class Judge:
    def __init__(self, test):
        self.test = test
        self.complaints = []
        self.excused = collections.Counter()
        self.items = {pod["metadata"]["uid"]: pod for pod in test.stack.get("pods")["items"]}
        self.by_uid = self.read_runs()

    def complain(self, pod, text):
        phase = self.items.get(pod.uid, {}).get("status", {})
        short = {key: phase.get(key) for key in ("phase", "reason", "message") if key in phase}
        self.complaints.append(f"{pod.name} ({pod.uid}): {text} {short} runs "
                               f"{[(run.job, round(run.begin - self.test.began, 1), round(run.seen - self.test.began, 1), run.ended) for run in self.by_uid.get(pod.uid, [])]}")

    def read_runs(self):
        """uid → runs. A run is told by the shell's pid and its begin."""
        out = collections.defaultdict(list)
        for line in self.test.log.read_text().splitlines():
            words = line.split()
            if len(words) != 5:
                self.complaints.append(f"a line that was not written whole: {line!r}")
                continue
            uid, job, what, pid, when = words
            if what == "begin":
                out[uid].append(Run(job, float(when)))
                out[uid][-1].pid = pid
                continue
            for run in reversed(out[uid]):
                if run.pid == pid:
                    run.seen = max(run.seen, float(when))
                    run.ended = run.ended or what == "end"
                    break
        return out

    def lost_by_slurm(self, *moments):
        """slurmctld was killed so soon after one of these that it cannot have saved it."""
        return any(0 <= lost - moment <= UNSAVED for lost in self.test.trouble.lost for moment in moments if moment)

    def may_be_slurms(self, pod):
        """slurmctld lost something of this pod's job: that it was submitted, started or ended."""
        moments = [pod.asked] + [moment for run in self.by_uid.get(pod.uid, []) for moment in (run.begin, run.seen)]
        # It is submitted again when the loss is noticed.
        return self.lost_by_slurm(*moments)

    def ends(self):
        """Each pod came to the end that its script has."""
        for pod in self.test.pods:
            item = self.items.get(pod.uid)
            if pod.deleted:
                if item is not None:
                    self.complain(pod, "was deleted and is still there")
                continue
            if item is None:
                self.complain(pod, "is gone though nobody deleted it")
                continue
            status = item.get("status", {})
            phase = status.get("phase")
            if phase not in ("Succeeded", "Failed"):
                self.complain(pod, f"did not end: {json.dumps(status)[:600]}")
                continue
            if phase == "Failed" and self.may_be_slurms(pod) and self.stopped(status):
                # slurmctld gave the id of a job that it had lost to another, or slurmd ended what slurmctld had lost.
                self.excused["stopped by Slurm after slurmctld forgot it"] += 1
                continue
            if pod.kind == "victim":
                if phase != "Failed" or not status.get("reason"):
                    self.complain(pod, "lost its supervisor and does not say so")
                continue
            if phase == "Failed" and status.get("reason") == "JobLost" and self.may_be_slurms(pod):
                self.excused["lost by slurmctld"] += 1
                continue
            terminated = status.get("containerStatuses", [{}])[0].get("state", {}).get("terminated", {})
            code = 0 if pod.kind == "stubborn" else pod.code
            if phase != ("Failed" if code else "Succeeded") or terminated.get("exitCode") != code:
                self.complain(pod, f"exit code {code} expected, {terminated}")

    @staticmethod
    def stopped(status):
        codes = [each.get("state", {}).get("terminated", {}).get("exitCode") for each in status.get("containerStatuses", [])]
        return any(code in (137, 143) for code in codes)

    def job_records(self):
        """uid → ids of jobs that were not cancelled, from the completion log and from what slurmctld remembers. (A job that
        Slurm could not start and held is cancelled and replaced; whether a cancelled one ran, its lines tell.)"""
        out = collections.defaultdict(set)
        log = self.test.dir / "jobcomp"
        text = log.read_text(errors="replace") if log.exists() else ""
        for job, state, directory in re.findall(r"JobId=(\d+) .*?JobState=(\S+) .*?WorkDir=(\S+)", text):
            parts = directory.split("/pods/")
            if len(parts) == 2 and state != "CANCELLED":
                out[parts[1].split("/")[0]].add(job)
        for job in self.test.slurm.jobs():
            parts = job.get("Comment", "").split(":")
            if parts[0] == "slipway" and job["JobState"] != "CANCELLED":
                out[parts[2]].add(job["JobId"])
        return out

    def runs(self):
        """None was doubled: runs of a pod never overlap, and there is one job, but for what slurmctld forgot."""
        records = self.job_records()
        for pod in self.test.pods:
            runs = sorted(self.by_uid.get(pod.uid, []), key=lambda run: run.begin)
            for one, two in zip(runs, runs[1:]):
                if two.begin < one.seen:
                    self.complain(pod, "runs twice at the same time")
            jobs = {run.job for run in runs} | records.get(pod.uid, set())
            again = pod.kind == "stubborn"
            most = pod.code + 1 if again else 1
            if len(jobs) > 1 or len(runs) > most:
                if self.may_be_slurms(pod):
                    self.excused["run again after slurmctld forgot it"] += 1
                else:
                    self.complain(pod, f"{len(runs)} runs in jobs {sorted(jobs)}")
            if not pod.deleted and pod.kind in ("short", "long", "code") and not runs:
                if not self.excused["lost by slurmctld"]:
                    self.complain(pod, "never ran")
            if sum(run.ended for run in runs) > most:
                if self.may_be_slurms(pod):
                    self.excused["ended twice"] += 1
                    self.complain(pod, "ran to its end more than once")

    def mirror(self):
        """The mirrored pods are Slurm's jobs."""
        def differences():
            jobs = {job["JobId"]: job["JobState"] for job in self.test.slurm.jobs()
                    if not job.get("Comment", "").startswith("slipway:")}
            pods = {pod["metadata"]["labels"].get("slipway.dev/job-id"): pod["status"].get("phase")
                    for pod in self.test.stack.get("pods", "-n", "slipway-jobs")["items"]}
            phases = {"PENDING": "Pending", "RUNNING": "Running", "COMPLETED": "Succeeded"}
            wanted = {job: phases.get(state, "Failed") for job, state in jobs.items()}
            return {job: (wanted.get(job), pods.get(job)) for job in wanted.keys() | pods.keys()
                    if wanted.get(job) != pods.get(job)}
        try:
            wait_for("mirror that agrees", lambda: not differences(), 30, 1)
        except Failed:
            self.complaints.append(f"job → Slurm's state, the mirror's: {differences()}")

    def nothing_left(self):
        """After all pods were deleted."""
        test = self.test
        left = test.stack.get("pods")["items"]
        if left:
            self.complaints.append(f"pods left: {[(p['metadata']['name'], p.get('status', {}).get('phase')) for p in left]}")

        def jobs():
            return [(job["JobId"], job.get("Comment"), job["JobState"]) for job in test.slurm.jobs()
                    if job["JobState"] in ACTIVE and job.get("Comment", "").startswith("slipway:")]

        def processes():
            mark = f"{MARK}={test.dir}".encode()
            inside = str(test.dir / "agent" / "pods")
            return pids_of(lambda argv, environ: mark in environ or ("supervise" in argv and inside in " ".join(argv))
                           or ("slipway-keeper" in argv[0] and str(test.dir).encode() in environ))

        def journal():
            entries = {}
            for line in (test.dir / "agent" / "journal").read_text().splitlines():
                entry = json.loads(line)
                entries[(entry["uid"], entry["attempt"])] = entry["phase"]
            return {key: phase for key, phase in entries.items() if phase != "forgotten"}

        def directories():
            pods = test.dir / "agent" / "pods"
            return sorted(str(path.relative_to(pods)) for path in pods.glob("*")) if pods.exists() else []

        for what, look in (("jobs", jobs), ("processes", processes), ("journal entries", journal), ("directories", directories)):
            try:
                wait_for(f"end of {what}", lambda: not look(), 45, 1)
            except Failed:
                self.complaints.append(f"{what} left: {look()}")

    def summary(self):
        runs = sum(len(each) for each in self.by_uid.values())
        return f"{runs} runs" + "".join(f", {count} {what}" for what, count in self.excused.items())
