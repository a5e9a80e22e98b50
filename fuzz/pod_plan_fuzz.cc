// Any object, taken for a pod, becomes a plan or an error, first byte even; or the bytes of a plan become the arguments
// of sbatch. No argument may be an option that the user must not give.
#include <cstdlib>

#include "async/loop.h"
#include "json/json.h"
#include "pod/env_file.h"
#include "pod/layout.h"
#include "pod/shell_words.h"
#include "pod/slurm_options.h"
#include "pod/testing/fake_plan_source.h"
#include "slurm/job_script.h"
#include "slurm/options.h"

using namespace slipway;

namespace {

void toArguments(const site::v1::PodPlan& plan) {
  slurm::Submission submission;
  submission.options = plan.slurm();
  submission.comment = slurm::commentOf("default", "6f9c1d2e", plan.attempt());
  submission.directory = "/state/pods/1";
  submission.output = "/state/pods/1/job.out";
  const auto arguments = slurm::sbatchArguments(submission);
  if (!arguments) return;
  int comments = 0;
  for (const std::string& argument : *arguments) {
    if (!argument.starts_with("--")) std::abort();
    if (argument.find('\n') != std::string::npos || argument.find('\0') != std::string::npos) std::abort();
    comments += argument.starts_with("--comm") ? 1 : 0;
  }
  if (comments != 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  site::v1::PodPlan plan;
  if (data[0] % 2 == 1) {
    if (plan.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) toArguments(plan);
    (void)pod::parseHubFile(bytes);
    (void)pod::shellWords(bytes);
    (void)pod::valueInEnvFile(bytes, "A");
    (void)pod::parseTimeLimit(bytes);
    return 0;
  }
  json::error_code error;
  const json::value document = json::parse(json::string_view(bytes.data(), bytes.size()), error);
  if (error || !document.is_object()) return 0;
  const kube::Object object(document.get_object());
  (void)pod::checkSupported(object);
  (void)pod::referencesOf(object);
  pod::FakePlanSource source;
  Result<site::v1::PodPlan> made = async::runToEnd(pod::buildPlan(object, source, {}));
  if (made) toArguments(*made);
  return 0;
}
