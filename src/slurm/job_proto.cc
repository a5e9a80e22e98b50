#include "base/strings.h"
#include "slurm/host_list.h"
#include "slurm/job_record.h"
#include "slurm/states.h"
#include "slurm/values.h"

namespace slipway::slurm {
namespace {

using F = JobField;

uint32_t number32(std::string_view text) {
  const auto value = parseInt(text);
  return value && *value > 0 && *value <= UINT32_MAX ? static_cast<uint32_t>(*value) : 0;
}

std::string textOf(std::string_view value) {
  return isNothing(value) ? std::string() : toValidUtf8(value);
}

/// A name, a comment or an account may be called "None"; only what Slurm prints for nothing at all is empty.
std::string freeText(std::string_view value) {
  return value == "(null)" ? std::string() : toValidUtf8(value);
}

/// The allocation when there is one, else what was asked for. Before 23.02 both are "TRES".
std::string_view tresOf(const JobRecord& record) {
  for (const F field : {F::AllocTres, F::Tres, F::ReqTres}) {
    if (!isNothing(record.get(field))) return record.get(field);
  }
  return {};
}

void addNodes(std::string_view hosts, int64_t cpus, int64_t memory, std::string_view gres, site::v1::Job& out) {
  const auto names = expandHostList(hosts, 100'000);
  if (!names) return;
  for (const std::string& name : *names) {
    site::v1::JobNode& node = *out.add_nodes();
    node.set_node(toValidUtf8(name));
    node.set_cpus(cpus);
    node.set_memory_mib(memory);
    parseGres(gres, *node.mutable_gres());
  }
}

/// Per node where `-d` tells; else the whole divided by the nodes.
void fillNodes(const JobRecord& record, site::v1::Job& out) {
  for (const JobNodesDetail& detail : record.details()) {
    addNodes(detail.nodes, countIds(detail.cpu_ids), parseMemoryMib(detail.memory), detail.gres, out);
  }
  if (out.nodes_size() > 0 || isNothing(record.get(F::NodeList))) return;
  const int64_t count = std::max<int64_t>(1, out.node_count());
  addNodes(record.get(F::NodeList), out.cpus() / count, out.memory_mib() / count, {}, out);
}

}  // namespace

void toProto(const JobRecord& record, site::v1::Job& out) {
  out.Clear();
  out.set_id(record.id());
  State state = parseJobState(record.get(F::State));
  out.set_state(std::move(state.base));
  for (std::string& flag : state.flags) out.add_flags(std::move(flag));
  out.set_reason(textOf(record.get(F::Reason)));
  out.set_name(freeText(record.get(F::JobName)));
  out.set_user(freeText(record.user()));
  out.set_uid(record.uid());
  out.set_account(freeText(record.get(F::Account)));
  out.set_partition(freeText(record.get(F::Partition)));
  out.set_qos(freeText(record.get(F::Qos)));
  out.set_comment(freeText(record.get(F::Comment)));
  out.set_array_job_id(number32(record.get(F::ArrayJobId)));
  if (out.array_job_id() != 0) out.set_array_task_id(textOf(record.get(F::ArrayTaskId)));
  out.set_het_job_id(number32(record.get(F::HetJobId)));
  out.set_het_job_offset(number32(record.get(F::HetJobOffset)));
  out.set_submit_time(parseTimestamp(record.get(F::SubmitTime)));
  out.set_start_time(parseTimestamp(record.get(F::StartTime)));
  out.set_end_time(parseTimestamp(record.get(F::EndTime)));
  out.set_time_limit_seconds(parseTimeLimit(record.get(F::TimeLimit)));
  const auto [code, signal] = splitOnce(record.get(F::ExitCode), ':');
  out.set_exit_code(static_cast<int32_t>(parseInt(code).value_or(0)));
  out.set_exit_signal(static_cast<int32_t>(parseInt(signal).value_or(0)));
  out.set_restarts(number32(record.get(F::Restarts)));
  const std::string_view tres = tresOf(record);
  out.set_cpus(parseCount(record.get(F::NumCpus)));
  if (out.cpus() == 0) out.set_cpus(parseCount(tresValue(tres, "cpu")));
  out.set_memory_mib(parseMemoryMib(tresValue(tres, "mem")));
  out.set_node_count(parseCount(record.get(F::NumNodes)));
  fillNodes(record, out);
  gresOfTres(tres, *out.mutable_gres());
  if (out.gres_size() == 0) parseGres(record.get(F::JobGres), *out.mutable_gres());
  out.set_std_out(freeText(record.get(F::StdOut)));
  out.set_working_directory(freeText(record.get(F::WorkDir)));
}

}  // namespace slipway::slurm
