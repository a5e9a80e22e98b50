#include "slurm/answers.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "slurm/values.h"

namespace slipway::slurm {
namespace {

struct Symptom {
  std::string_view said;  ///< in lower case
  Code code;
  std::string_view mend;
};

constexpr std::array kSymptoms = {
    Symptom{"rate limit", Code::TooManyRequests, "slurmctld limits requests: Slipway slows down by itself"},
    Symptom{"back off", Code::TooManyRequests, "slurmctld limits requests: Slipway slows down by itself"},
    Symptom{"temporarily unable to accept job", Code::TooManyRequests, "slurmctld is full or busy: tried again later"},
    Symptom{"socket timed out", Code::Timeout, "slurmctld is slow or overloaded: tried again later"},
    Symptom{"timed out", Code::Timeout, "slurmctld is slow or overloaded: tried again later"},
    Symptom{"unable to contact slurm controller", Code::ServiceUnavailable,
            "is slurmctld up (scontrol ping), and does this host reach it?"},
    Symptom{"zero bytes were transmitted", Code::ServiceUnavailable,
            "slurmctld closed the connection: tried again later"},
    Symptom{"standby mode", Code::ServiceUnavailable, "the backup controller answers: tried again later"},
    Symptom{"connection refused", Code::ServiceUnavailable, "is slurmctld up (scontrol ping)?"},
    Symptom{"transport endpoint", Code::ServiceUnavailable, "the connection to slurmctld broke: tried again later"},
    Symptom{"connection reset", Code::ServiceUnavailable, "the connection to slurmctld broke: tried again later"},
    Symptom{"authentication", Code::ServiceUnavailable, "is munged running here, with the cluster's key?"},
    Symptom{"munge", Code::ServiceUnavailable, "is munged running here, with the cluster's key?"},
    Symptom{"unauthorized credential", Code::ServiceUnavailable, "munge: compare keys and clocks of this host"},
    Symptom{"could not establish a configuration source", Code::ServiceUnavailable,
            "set SLURM_CONF, or put slurm.conf into /etc/slurm"},
    Symptom{"unable to determine", Code::ServiceUnavailable, "check slurm.conf of this host"},
    Symptom{"unable to process configuration", Code::ServiceUnavailable, "check slurm.conf of this host"},
    Symptom{"invalid job id", Code::NotFound, ""},
    Symptom{"already completing or completed", Code::NotFound, ""},
    Symptom{"access/permission denied", Code::Forbidden,
            "the job is another user's, or the account is not allowed here"},
    Symptom{"user's group not permitted", Code::Forbidden, "choose a partition that the agent's user may use"},
    Symptom{"invalid partition", Code::Invalid, "see slipway.dev/partition, or the agent's default partition"},
    Symptom{"invalid account", Code::Invalid, "see slipway.dev/account, or the agent's default account"},
    Symptom{"invalid qos", Code::Invalid, "see slipway.dev/qos"},
    Symptom{"invalid feature", Code::Invalid, "see slipway.dev/constraint"},
    Symptom{"job violates accounting/qos policy", Code::Forbidden,
            "a limit of the account or QOS: ask the site, or wait"},
};

/// Refusals of sbatch whose cause can pass without the pod being changed.
bool isPassingRefusal(std::string_view text) {
  return text.find("accounting/qos policy") != std::string_view::npos ||
         text.find("temporarily unable") != std::string_view::npos;
}

const Symptom* symptomOf(std::string_view text) {
  const std::string lower = toLower(text);
  const auto found = std::find_if(kSymptoms.begin(), kSymptoms.end(), [&](const Symptom& symptom) {
    return lower.find(symptom.said) != std::string::npos;
  });
  return found == kSymptoms.end() ? nullptr : &*found;
}

/// What was said, on one line, without the "sbatch: error: " in front of each.
std::string oneLine(std::string_view text) {
  std::string out;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (const size_t mark = line.find(": error: "); mark < 16) line.remove_prefix(mark + 9);
    if (line.empty()) continue;
    if (!out.empty()) out += "; ";
    out += toValidUtf8(line);
    if (out.size() > 800) break;
  }
  return out;
}

std::string said(const async::ProcessResult& result) {
  const std::string errors = oneLine(result.errors);
  return errors.empty() ? oneLine(result.output) : errors;
}

}  // namespace

Error errorOf(std::string_view program, const async::ProcessResult& result) {
  const std::string text = said(result);
  const Symptom* symptom = symptomOf(text);
  std::string message = result.signal != 0 ? fmt::format("{} was killed by signal {}", program, result.signal)
                                           : fmt::format("{} failed ({})", program, result.exit_code);
  if (!text.empty()) message += ": " + text;
  if (symptom != nullptr && !symptom->mend.empty()) message += fmt::format(" ({})", symptom->mend);
  const Code fallback = result.signal != 0 ? Code::ServiceUnavailable : Code::InternalError;
  return {symptom == nullptr ? fallback : symptom->code, std::move(message)};
}

Error errorOf(std::string_view program, const Error& start_error) {
  if (start_error.is(Code::NotFound)) {
    return {Code::NotFound,
            fmt::format("{} is not in PATH: install Slurm's commands here, or set the PATH of the agent", program)};
  }
  if (start_error.is(Code::Timeout)) {
    return {Code::Timeout, start_error.message + " (slurmctld is slow or away: tried again later)"};
  }
  return start_error;
}

bool callsForBackoff(const Error& error) {
  return error.is(Code::TooManyRequests) || error.is(Code::Timeout) || error.is(Code::ServiceUnavailable);
}

bool isAway(const Error& error) {
  return error.is(Code::ServiceUnavailable);
}

std::optional<uint32_t> parseJobId(std::string_view output) {
  std::optional<uint32_t> id;
  for (const std::string_view line : split(output, '\n')) {
    const auto value = parseInt(trim(splitOnce(line, ';').first));
    if (value && *value > 0 && *value <= UINT32_MAX) id = static_cast<uint32_t>(*value);
  }
  return id;
}

SubmitOutcome outcomeOfSbatch(const Result<async::ProcessResult>& result) {
  using Kind = SubmitOutcome::Kind;
  if (!result) {
    const Error error = errorOf("sbatch", result.error());
    // What could not be started has submitted nothing; what was killed at the time limit may have.
    return {error.is(Code::Timeout) ? Kind::Unknown : Kind::NotSubmitted, 0, error};
  }
  if (result->exit_code == 0) {
    if (const auto id = parseJobId(result->output)) return {Kind::Accepted, *id, {}};
    return {
        Kind::Unknown, 0, {Code::InternalError, fmt::format("sbatch gave no job id: \"{}\"", oneLine(result->output))}};
  }
  const Error error = errorOf("sbatch", *result);
  if (result->signal != 0 || callsForBackoff(error)) {
    const std::string text = toLower(result->errors);
    const bool full = text.find("temporarily unable") != std::string::npos;
    // Nothing is sent before there is a connection; the failures after it have other words (send, receive failure).
    const bool unsent = result->signal == 0 && text.find("(connect failure)") != std::string::npos;
    return {full || unsent ? Kind::NotSubmitted : Kind::Unknown, 0, error};
  }
  if (isPassingRefusal(toLower(result->errors))) return {Kind::NotSubmitted, 0, error};
  return {Kind::Refused, 0, {error.is(Code::InternalError) ? Code::Invalid : error.code, error.message}};
}

ClusterConfig parseConfig(std::string_view text) {
  ClusterConfig config;
  for (const std::string_view line : split(text, '\n')) {
    const auto [raw_key, raw_value] = splitOnce(line, '=');
    const std::string_view key = trim(raw_key);
    const std::string_view value = trim(raw_value);
    const auto seconds = parseInt(splitOnce(value, ' ').first);
    if (key == "ClusterName") config.cluster_name = toValidUtf8(value);
    if (key == "SLURM_VERSION") config.version = toValidUtf8(value);
    if (key == "MinJobAge" && seconds) config.min_job_age_seconds = *seconds;
    if (key == "KillWait" && seconds) config.kill_wait_seconds = *seconds;
    if (key == "AccountingStorageType") config.accounting = value.find("slurmdbd") != std::string_view::npos;
  }
  return config;
}

std::vector<AccountedJob> parseSacct(std::string_view text) {
  std::vector<AccountedJob> out;
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> columns = split(line, '|');
    if (columns.size() < 6) continue;
    const auto id = parseInt(columns[0]);
    if (!id || *id <= 0 || *id > UINT32_MAX) continue;
    AccountedJob& job = out.emplace_back();
    job.id = static_cast<uint32_t>(*id);
    job.state = toValidUtf8(columns[1]);
    const auto [code, signal] = splitOnce(columns[2], ':');
    job.exit_code = static_cast<int32_t>(parseInt(code).value_or(0));
    job.exit_signal = static_cast<int32_t>(parseInt(signal).value_or(0));
    job.start_time = parseTimestamp(columns[3]);
    job.end_time = parseTimestamp(columns[4]);
    job.nodes = toValidUtf8(columns[5]);
    if (columns.size() > 6) job.work_dir = toValidUtf8(columns[6]);
    if (columns.size() > 7) job.comment = toValidUtf8(columns[7]);
  }
  return out;
}

}  // namespace slipway::slurm
