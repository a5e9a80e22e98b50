#pragma once

#include <memory>

#include "supervisor/supervise.h"

/// What a supervisor and a rank find out about where they are.
namespace slipway::supervisor {

JobFacts factsOf(const SupervisorOptions& options);

/// The container runtime that the plan or the site wants, over `scratch`, which is made.
Result<std::unique_ptr<container::ContainerRuntime>> runtimeFor(const SupervisorOptions& options,
                                                                const site::v1::PodPlan& plan, const Scratch& scratch);

}  // namespace slipway::supervisor
