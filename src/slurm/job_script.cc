#include "slurm/job_script.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace slipway::slurm {

std::string renderJobScript(std::string_view binary, std::string_view directory) {
  return fmt::format(
      R"(#!/bin/bash
# Slipway: the supervisor of one pod. All that it must know lies in its directory.
directory={}
# What sbatch, or a site's wrapper of it, authenticates with is not the pod's.
for name in $(compgen -e); do
  case $name in
    SLURM_JWT | KRB5CCNAME) unset "$name" ;;
    SLURM_* | SLURMD_*) ;;
    *SLURM*) unset "$name" ;;
  esac
done
if [ ! -e "$directory/plan.pb" ]; then
  echo "$directory has no plan: the pod is over, or this node does not see the agent's stateDir" >&2
  exit 1
fi
ln -s "$SLURM_JOB_ID" "$directory/owner" 2>/dev/null
owner=$(readlink "$directory/owner")
if [ -n "$owner" ] && [ "$owner" != "$SLURM_JOB_ID" ]; then
  echo "job $owner runs this pod already; nothing to do for job $SLURM_JOB_ID" >&2
  exit 0
fi
exec {} supervise --dir "$directory"
)",
      shellQuote(directory), shellQuote(binary));
}

}  // namespace slipway::slurm
