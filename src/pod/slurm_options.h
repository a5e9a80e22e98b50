#pragma once

#include "kube/resource.h"
#include "proto/site.pb.h"

namespace slipway::pod {

/// Annotations `slipway.dev/...` and their aliases → options of sbatch, each checked against what it may hold. Flags
/// that have an annotation of their own are as good as it. Invalid names the annotation. Nothing here can add a line to
/// a script or override what Slipway sets itself.
Status applyAnnotations(const kube::Object& pod, site::v1::SlurmOptions& options);

/// Whether `slipway.dev/<name>` on a pod means something.
bool isKnownAnnotation(std::string_view name);

/// Words of a command line → options in the form "--name=value" or "--name"; short ones become long. Invalid: not an
/// option, an option that Slipway sets itself (or an abbreviation of one), a control character.
Result<std::vector<std::string>> checkedFlags(const std::vector<std::string>& words);

/// Slurm's forms of a time limit ("90", "1:30:00", "2-12") or Go's ("1h30m"), in seconds.
Result<int64_t> parseTimeLimit(std::string_view text);

}  // namespace slipway::pod
