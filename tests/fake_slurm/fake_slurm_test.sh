#!/bin/bash
# The fake does what the tests that lean on it expect.
set -eu
bin=$1
fake=$2
dir=$(mktemp -d)
export FAKE_SLURM_DIR=$dir PATH=$bin:$PATH
trap '"$fake" stop; rm -rf "$dir"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
eventually() { for _ in $(seq 100); do eval "$1" && return 0; sleep 0.05; done; fail "never: $1"; }

"$fake" init "$dir" nodes=20 jobs=50 kill_wait=1
[ "$(scontrol show node -o | wc -l)" = 20 ] || fail nodes
[ "$(scontrol show job -o -d | wc -l)" = 50 ] || fail jobs
scontrol show config | grep -q 'ClusterName *= fake' || fail config

export FAKE_SLURM_EXEC=1
id=$(printf '#!/bin/bash\necho job $SLURM_JOB_ID\nexit 3\n' | sbatch --parsable --comment='a b=c' --output="$dir/out.%j")
eventually "scontrol show job -o $id | grep -q 'JobState=FAILED.* ExitCode=3:0'"
[ "$(cat "$dir/out.$id")" = "job $id" ] || fail output
scontrol show job -o "$id" | grep -q 'Comment=a b=c ' || fail comment
sacct -n -P -X --jobs="$id" | grep -q "^$id|FAILED|3:0|" || fail sacct

id=$(printf '#!/bin/bash\ntrap "echo term; exit 0" TERM\nwhile :; do sleep 0.05; done\n' | sbatch --parsable --output="$dir/out2")
eventually "scontrol show job -o $id | grep -q JobState=RUNNING"
sleep 0.2
scancel --batch --signal=TERM "$id"
eventually "scontrol show job -o $id | grep -q JobState=COMPLETED"
id=$(printf '#!/bin/bash\nsleep 100\n' | sbatch --parsable)
eventually "scontrol show job -o $id | grep -q JobState=RUNNING"
scontrol requeue "$id"
eventually "scontrol show job -o $id | grep -q 'JobState=RUNNING.* Restarts=1'"
scancel "$id"
eventually "scontrol show job -o $id | grep -q JobState=CANCELLED"

echo 'sbatch once lost' > "$dir/control"
before=$(ls "$dir/jobs" | wc -l)
if sbatch --parsable --hold --wrap=true 2> "$dir/err"; then fail 'lost answers must look like failures'; fi
grep -q 'Socket timed out' "$dir/err" || fail lost
[ "$(ls "$dir/jobs" | wc -l)" = $((before + 1)) ] || fail 'the lost job is there'
sbatch --parsable --hold --wrap=true > /dev/null || fail once
echo 'scontrol empty' > "$dir/control"
[ -z "$(scontrol show node -o)" ] || fail empty
echo '* ratelimit' > "$dir/control"
if scontrol show node -o 2> "$dir/err"; then fail ratelimit; fi
grep -qi 'rate limit' "$dir/err" || fail 'rate limit text'
grep -c scontrol "$dir/calls" > /dev/null || fail calls
echo passed
