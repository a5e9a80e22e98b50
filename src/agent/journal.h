#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/attempt_phase.h"
#include "base/files.h"

namespace slipway::agent {

/// What the journal holds of one attempt. `key` is "<uid>/<attempt>".
struct JournalEntry {
  std::string uid;
  uint32_t attempt = 0;
  Phase phase = Phase::Intended;  ///< Intended, Refused, NotSubmitted, Waiting (a job id is known) or Ended
  uint32_t job_id = 0;
  int64_t submitted_at = 0;  ///< Unix seconds of the intent
  int64_t ended_at = 0;
  std::string slurm_state;  ///< the final one, as Slurm said it; empty: not known
  int32_t exit_code = 0;
  bool cancelled = false;
  int64_t grace_seconds = 30;
  int64_t plan_grace_seconds = 30;
  /// Jobs of this attempt that never ran and were given up: another was, or will be, submitted in their place.
  std::vector<uint32_t> given_up;
  bool reached_hub = false;  ///< its supervisor was connected once: the way from its node to the agent is there
  bool operator==(const JournalEntry&) const = default;
};

/// The agent's memory of submissions, so that none is made twice: a file of JSON lines, one whole entry each, the
/// newest of a key counts.
///
/// Life cycle: open() reads what is there (a last line cut off by a crash is dropped), compacts and locks it: a second
/// agent with the same state directory is refused. put() returns when the entry is on disk; if it fails, nothing may be
/// submitted (disk full: InsufficientStorage). Runs on one loop.
class SubmissionJournal {
 public:
  static Result<SubmissionJournal> open(std::filesystem::path path);

  /// Adds or replaces, with fsync.
  Status put(const JournalEntry& entry);
  /// The same without fsync: for what is good to know and does no harm when it is lost.
  Status note(const JournalEntry& entry);
  /// Forgets an attempt that is over. Not synced: to know it longer does no harm.
  void forget(const std::string& uid, uint32_t attempt);

  const std::map<std::string, JournalEntry>& entries() const { return entries_; }
  /// There was no journal: either the first start, or it was lost and jobs may run that are not in it.
  bool isNew() const { return is_new_; }
  static std::string keyOf(const std::string& uid, uint32_t attempt) { return fmt::format("{}/{}", uid, attempt); }

 private:
  explicit SubmissionJournal(std::filesystem::path path) : path_(std::move(path)) {}
  Status read();
  Status compact();
  Status keep(const JournalEntry& entry, bool sync);
  Status append(std::string_view line, bool sync);

  std::filesystem::path path_;
  FileDescriptor lock_;
  FileDescriptor file_;
  std::map<std::string, JournalEntry> entries_;
  size_t lines_ = 0;
  bool is_new_ = false;
  bool torn_ = false;  ///< an append failed half way: a newline must go before the next
};

}  // namespace slipway::agent
