// Output of scontrol, whole and cut in two.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "slurm/host_list.h"
#include "slurm/job_record.h"
#include "slurm/node_record.h"
#include "slurm/record_splitter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace slipway;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  slurm::JobRecord job;
  slurm::NodeRecord node;
  site::v1::Job job_out;
  site::v1::Node node_out;
  slurm::RecordSplitter jobs(slurm::RecordSplitter::Type::Jobs, [&](std::string_view record) {
    if (slurm::parseJob(record, job)) slurm::toProto(job, job_out);
    (void)job.hash();
    (void)job_out.SerializeAsString();
  });
  jobs.feed(text.substr(0, size / 2));
  jobs.feed(text.substr(size / 2));
  jobs.finish();
  slurm::RecordSplitter nodes(slurm::RecordSplitter::Type::Nodes, [&](std::string_view record) {
    if (slurm::parseNode(record, node)) slurm::toProto(node, node_out);
  });
  nodes.feed(text);
  nodes.finish();
  const auto names = slurm::expandHostList(text, 1000);
  if (names) (void)slurm::compressHostList(*names);
  return 0;
}
