#pragma once

#include <string>
#include <string_view>

namespace slipway::slurm {

/// The batch script of a pod: fixed text and two quoted paths, whatever the pod is called. The first job to claim the
/// directory runs it: should an attempt ever be submitted twice, the second job ends at once. A requeued job has the
/// same id and goes on.
std::string renderJobScript(std::string_view binary, std::string_view directory);

}  // namespace slipway::slurm
