#include "agent/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "base/strings.h"

namespace slipway::agent {
namespace json = boost::json;
namespace {

constexpr std::array kNames = {std::pair{Phase::Intended, "intent"}, std::pair{Phase::Refused, "refused"},
                               std::pair{Phase::NotSubmitted, "not-submitted"}, std::pair{Phase::Waiting, "job"},
                               std::pair{Phase::Ended, "ended"}};

std::string_view phaseName(Phase phase) {
  for (const auto& [known, name] : kNames) {
    if (known == phase) return name;
  }
  return "job";
}

std::string lineOf(const JournalEntry& entry) {
  json::object object{{"uid", entry.uid},
                      {"attempt", entry.attempt},
                      {"phase", phaseName(entry.phase)},
                      {"job", entry.job_id},
                      {"submitted", entry.submitted_at},
                      {"grace", entry.grace_seconds},
                      {"planGrace", entry.plan_grace_seconds}};
  if (entry.ended_at != 0) object["ended"] = entry.ended_at;
  if (!entry.slurm_state.empty()) {
    object["state"] = entry.slurm_state;
    object["exitCode"] = entry.exit_code;
  }
  if (entry.cancelled) object["cancelled"] = true;
  if (entry.reached_hub) object["hub"] = true;
  if (!entry.given_up.empty()) object["givenUp"] = json::value_from(entry.given_up);
  return json::serialize(object) + "\n";
}

int64_t numberIn(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return 0;
  if (value->is_int64()) return value->get_int64();
  return value->is_uint64() ? static_cast<int64_t>(value->get_uint64()) : 0;
}

struct Line {
  JournalEntry entry;
  bool forgotten = false;
};

std::optional<Line> parseLine(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const json::value* uid = object.if_contains("uid");
  const json::value* phase = object.if_contains("phase");
  if (uid == nullptr || !uid->is_string() || phase == nullptr || !phase->is_string()) return std::nullopt;
  Line line;
  line.entry.uid = std::string(uid->get_string());
  line.entry.attempt = static_cast<uint32_t>(numberIn(object, "attempt"));
  line.forgotten = phase->get_string() == "forgotten";
  for (const auto& [known, name] : kNames) {
    if (phase->get_string() == name) line.entry.phase = known;
  }
  line.entry.job_id = static_cast<uint32_t>(numberIn(object, "job"));
  line.entry.submitted_at = numberIn(object, "submitted");
  line.entry.ended_at = numberIn(object, "ended");
  line.entry.grace_seconds = numberIn(object, "grace");
  line.entry.plan_grace_seconds = numberIn(object, "planGrace");
  if (const json::value* state = object.if_contains("state"); state != nullptr && state->is_string()) {
    line.entry.slurm_state = std::string(state->get_string());
  }
  line.entry.exit_code = static_cast<int32_t>(numberIn(object, "exitCode"));
  line.entry.cancelled = object.contains("cancelled");
  line.entry.reached_hub = object.contains("hub");
  if (const json::value* ids = object.if_contains("givenUp"); ids != nullptr && ids->is_array()) {
    for (const json::value& id : ids->get_array()) {
      if (id.is_int64()) line.entry.given_up.push_back(static_cast<uint32_t>(id.get_int64()));
    }
  }
  return line;
}

}  // namespace

Result<SubmissionJournal> SubmissionJournal::open(std::filesystem::path path) {
  TRY_STATUS(makeDirectories(path.parent_path(), 0700));
  SubmissionJournal journal(path);
  TRY(journal.lock_, openFile(path.string() + ".lock", O_RDWR | O_CREAT, 0600));
  // A POSIX lock is kept by NFS servers as well and goes with the process.
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(journal.lock_.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return failure(Code::Conflict, "{}: another agent uses this state directory; stop it or choose another directory",
                     path.parent_path().string());
    }
    log::warn("{}: it cannot be locked ({}): see to it that no second agent uses this directory",
              path.parent_path().string(), errnoError("fcntl", errno).message);
  }
  TRY_STATUS(journal.read());
  TRY_STATUS(journal.compact());
  return journal;
}

Status SubmissionJournal::read() {
  const auto text = readFile(path_);
  is_new_ = !text && text.error().is(Code::NotFound);
  if (is_new_) return {};
  if (!text) return failure(text.error());
  for (const std::string_view line : split(*text, '\n')) {
    if (line.empty()) continue;
    const auto parsed = parseLine(line);
    if (!parsed) {
      log::warn("{}: a line that cannot be read is left out: \"{}\"", path_.string(), toValidUtf8(line.substr(0, 80)));
      continue;
    }
    const std::string key = keyOf(parsed->entry.uid, parsed->entry.attempt);
    if (parsed->forgotten) {
      entries_.erase(key);
    } else {
      entries_[key] = parsed->entry;
    }
  }
  return {};
}

Status SubmissionJournal::compact() {
  std::string text;
  for (const auto& [key, entry] : entries_) text += lineOf(entry);
  TRY_STATUS(writeFileAtomic(path_, text, 0600));
  TRY(file_, openFile(path_, O_WRONLY | O_APPEND, 0600));
  lines_ = entries_.size();
  torn_ = false;
  return {};
}

Status SubmissionJournal::append(std::string_view line, bool sync) {
  const Status written = writeAll(file_.get(), torn_ ? "\n" + std::string(line) : std::string(line));
  torn_ = !written;
  if (!written) return failure(written.error().wrap(fmt::format("journal {}", path_.string())));
  ++lines_;
  if (sync && ::fdatasync(file_.get()) != 0)
    return failure(errnoError(fmt::format("journal {}: fsync", path_.string()), errno));
  return {};
}

Status SubmissionJournal::put(const JournalEntry& entry) {
  return keep(entry, true);
}

Status SubmissionJournal::note(const JournalEntry& entry) {
  return keep(entry, false);
}

Status SubmissionJournal::keep(const JournalEntry& entry, bool sync) {
  TRY_STATUS(append(lineOf(entry), sync));
  entries_[keyOf(entry.uid, entry.attempt)] = entry;
  if (lines_ > 1000 && lines_ > 4 * entries_.size()) {
    const Status done = compact();
    if (!done) log::warn("{}", done.error().message);
  }
  return {};
}

void SubmissionJournal::forget(const std::string& uid, uint32_t attempt) {
  if (entries_.erase(keyOf(uid, attempt)) == 0) return;
  const Status done =
      append(json::serialize(json::object{{"uid", uid}, {"attempt", attempt}, {"phase", "forgotten"}}) + "\n", false);
  if (!done) log::warn("{}", done.error().message);
}

}  // namespace slipway::agent
