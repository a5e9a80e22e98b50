#include "agent/inventory.h"

#include "base/strings.h"
#include "slurm/host_list.h"
#include "slurm/values.h"

namespace slipway::agent {
namespace {

constexpr size_t kUpdateBytes = 128 * 1024;
constexpr size_t kMostRemovals = 100'000;

/// Appends a length-delimited field, so that a message that is kept serialised need not be parsed to be sent.
void appendField(std::string& out, uint32_t field, std::string_view bytes) {
  const auto varint = [&out](uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<char>(value | 0x80U));
    out.push_back(static_cast<char>(value));
  };
  varint(field << 3U | 2U);
  varint(bytes.size());
  out.append(bytes);
}

constexpr uint32_t kNodes = site::v1::SiteUpdate::kNodesFieldNumber;
constexpr uint32_t kJobs = site::v1::SiteUpdate::kJobsFieldNumber;

OwnJob ownJobOf(const slurm::JobRecord& record, std::pair<std::string, uint32_t> pod) {
  using F = slurm::JobField;
  OwnJob job;
  job.id = record.id();
  job.pod_uid = std::move(pod.first);
  job.attempt = pod.second;
  job.state = toValidUtf8(record.get(F::State));
  job.reason = toValidUtf8(record.get(F::Reason));
  const auto nodes = slurm::expandHostList(record.get(F::NodeList), 100'000);
  if (nodes && !nodes->empty()) job.node = nodes->front();
  const auto [code, signal] = splitOnce(record.get(F::ExitCode), ':');
  job.exit_code = static_cast<int32_t>(parseInt(code).value_or(0));
  job.exit_signal = static_cast<int32_t>(parseInt(signal).value_or(0));
  job.restarts = static_cast<uint32_t>(parseInt(record.get(F::Restarts)).value_or(0));
  job.start_time = slurm::parseTimestamp(record.get(F::StartTime));
  job.end_time = slurm::parseTimestamp(record.get(F::EndTime));
  job.limit_seconds = slurm::parseTimeLimit(record.get(F::TimeLimit));
  job.work_dir = toValidUtf8(record.get(F::WorkDir));
  return job;
}

}  // namespace

std::optional<std::pair<std::string, uint32_t>> parseComment(std::string_view comment, std::string_view cluster) {
  comment = splitOnce(comment, ' ').first;
  const std::vector<std::string_view> parts = split(comment, ':');
  if (parts.size() != 4 || parts[0] != "slipway" || parts[1] != cluster || parts[2].empty()) return std::nullopt;
  const auto attempt = parseInt(parts[3]);
  if (!attempt || *attempt < 0 || *attempt > UINT32_MAX) return std::nullopt;
  return std::pair(std::string(parts[2]), static_cast<uint32_t>(*attempt));
}

std::optional<std::pair<std::string, uint32_t>> parsePodDirectory(std::string_view directory) {
  const size_t last = directory.rfind('/');
  const size_t middle = last == 0 || last == std::string_view::npos ? last : directory.rfind('/', last - 1);
  if (middle == std::string_view::npos || !directory.substr(0, middle).ends_with("/pods")) return std::nullopt;
  const std::string_view uid = directory.substr(middle + 1, last - middle - 1);
  const auto attempt = parseInt(directory.substr(last + 1));
  if (uid.empty() || !attempt || *attempt < 0 || *attempt > UINT32_MAX) return std::nullopt;
  return std::pair(std::string(uid), static_cast<uint32_t>(*attempt));
}

void Inventory::begin() {
  ++generation_;
  new_nodes_.clear();
  new_jobs_.clear();
  new_own_.clear();
}

bool Inventory::showsPartitionOf(std::string_view partitions) const {
  if (!filter_.partition) return true;
  const std::vector<std::string_view> names = split(partitions, ',');
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return filter_.partition(std::string(name)); });
}

void Inventory::node(const slurm::NodeRecord& record) {
  if (!showsPartitionOf(record.get(slurm::NodeField::Partitions))) return;
  slurm::toProto(record, node_);
  if (filter_.node && !filter_.node(node_.name())) return;
  std::string bytes = node_.SerializeAsString();
  const auto known = nodes_.find(node_.name());
  if (known != nodes_.end()) known->second.generation = generation_;
  if (known != nodes_.end() && known->second.bytes == bytes) return;
  new_nodes_.emplace_back(node_.name(), Kept{.generation = generation_, .bytes = std::move(bytes)});
}

void Inventory::job(const slurm::JobRecord& record) {
  const std::string_view comment = record.get(slurm::JobField::Comment);
  // Whose job it is decides, not what somebody wrote in a comment.
  if (record.uid() == own_uid_) {
    auto pod = parseComment(comment, cluster_);
    const bool by_comment = pod.has_value();
    if (!by_comment) pod = parsePodDirectory(record.get(slurm::JobField::WorkDir));
    if (pod) {
      new_own_.push_back(ownJobOf(record, std::move(*pod)));
      new_own_.back().by_directory = !by_comment;
    }
  }
  if (!showsPartitionOf(record.get(slurm::JobField::Partition))) return;
  const uint32_t id = record.id();
  const uint64_t hash = record.hash();
  const auto known = jobs_.find(id);
  if (known != jobs_.end()) known->second.generation = generation_;
  if (known != jobs_.end() && known->second.hash == hash) return;
  slurm::toProto(record, job_);
  new_jobs_.emplace_back(id, Kept{.hash = hash, .generation = generation_, .bytes = job_.SerializeAsString()});
}

void Inventory::commit() {
  const uint64_t version = version_ + 1;
  bool changes = !loaded_;
  loaded_ = true;
  const auto take = [&](auto& into, auto& from) {
    for (auto& [key, kept] : from) {
      kept.version = version;
      into[key] = std::move(kept);
      changes = true;
    }
    from.clear();
    from.shrink_to_fit();
  };
  take(nodes_, new_nodes_);
  take(jobs_, new_jobs_);
  for (auto it = nodes_.begin(); it != nodes_.end();) {
    if (it->second.generation == generation_) {
      ++it;
      continue;
    }
    gone_.push_back({version, 0, it->first});
    it = nodes_.erase(it);
    changes = true;
  }
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (it->second.generation == generation_) {
      ++it;
      continue;
    }
    gone_.push_back({version, it->first, {}});
    it = jobs_.erase(it);
    changes = true;
  }
  while (gone_.size() > kMostRemovals) {
    forgotten_before_ = gone_.front().version;
    gone_.pop_front();
  }
  own_ = std::move(new_own_);
  new_own_.clear();
  if (!changes) return;
  version_ = version;
  changed_.pulse();
}

void Inventory::setHealth(bool ok, std::string message, int64_t since) {
  if (health_version_ != 0 && health_.slurm_ok() == ok && health_.message() == message) return;
  const bool same = health_version_ != 0 && health_.slurm_ok() == ok;
  if (!same) health_.set_since(since);
  health_.set_slurm_ok(ok);
  health_.set_message(std::move(message));
  ++health_version_;
  changed_.pulse();
}

std::vector<std::string> Inventory::updatesSince(Cursor& cursor) const {
  const bool snapshot = loaded_ && (cursor.version == 0 || cursor.version < forgotten_before_);
  const uint64_t from = snapshot ? 0 : cursor.version;
  std::vector<std::string> out;
  std::string current;
  site::v1::SiteUpdate head;
  head.set_snapshot_begin(snapshot);
  if (snapshot || health_version_ != cursor.health) *head.mutable_health() = health_;
  if (loaded_ && !snapshot) {
    for (auto gone = gone_.rbegin(); gone != gone_.rend() && gone->version > from; ++gone) {
      // What came back since is among the changes.
      if (gone->job != 0 && !jobs_.contains(gone->job)) head.add_removed_jobs(gone->job);
      if (gone->job == 0 && !nodes_.contains(gone->node)) head.add_removed_nodes(gone->node);
    }
  }
  head.AppendToString(&current);
  const auto add = [&](uint32_t field, const std::string& bytes) {
    if (current.size() > kUpdateBytes) out.push_back(std::exchange(current, {}));
    appendField(current, field, bytes);
  };
  for (const auto& [name, kept] : nodes_) {
    if (kept.version > from) add(kNodes, kept.bytes);
  }
  for (const auto& [id, kept] : jobs_) {
    if (kept.version > from) add(kJobs, kept.bytes);
  }
  if (snapshot) {
    site::v1::SiteUpdate tail;
    tail.set_snapshot_complete(true);
    tail.AppendToString(&current);
  }
  if (!current.empty()) out.push_back(std::move(current));
  cursor.health = health_version_;
  if (loaded_) cursor.version = version_;
  return out;
}

std::optional<site::v1::Job> Inventory::findJob(uint32_t id) const {
  const auto known = jobs_.find(id);
  site::v1::Job job;
  if (known == jobs_.end() || !job.ParseFromString(known->second.bytes)) return std::nullopt;
  return job;
}

}  // namespace slipway::agent
