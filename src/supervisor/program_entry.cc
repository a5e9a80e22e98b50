#include "supervisor/program_entry.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/task.h"
#include "supervisor/entry/report.h"

// The program itself lies in ours.
asm(".pushsection .rodata\n"
    ".global slipway_entry\n"
    ".global slipway_entry_end\n"
    "slipway_entry:\n"
    ".incbin \"" SLIPWAY_ENTRY
    "\"\n"
    "slipway_entry_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" const char slipway_entry[];
extern "C" const char slipway_entry_end[];

namespace slipway::supervisor {
namespace {

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/// Opened for reading only: what somebody may write to cannot be executed. Invalid where that is forbidden.
FileDescriptor inMemory(const char* name, std::string_view bytes, bool executable) {
  constexpr unsigned kFlags = MFD_CLOEXEC;
  FileDescriptor made(::memfd_create(name, executable ? kFlags | MFD_EXEC : kFlags));
  // Kernels before 6.3 do not know the flag and need none.
  if (!made.valid() && errno == EINVAL) made = FileDescriptor(::memfd_create(name, kFlags));
  if (!made.valid() || !writeAll(made.get(), bytes) || ::fchmod(made.get(), executable ? 0555 : 0400) != 0) return {};
  return FileDescriptor(::open(fmt::format("/proc/self/fd/{}", made.get()).c_str(), O_RDONLY | O_CLOEXEC));
}

std::string_view entryProgram() {
  return {slipway_entry, static_cast<size_t>(slipway_entry_end - slipway_entry)};
}

std::string inEntries(const std::map<std::string, std::string>& env) {
  std::string out;
  for (const auto& [name, value] : env) {
    out += name + "=" + value;
    out += '\0';
  }
  return out;
}

}  // namespace

std::unique_ptr<ProgramEntry> ProgramEntry::open(Executor executor, Program program) {
  static const FileDescriptor self = inMemory("slipway-entry", entryProgram(), true);
  FileDescriptor environment = inMemory("environment", inEntries(program.env), false);
  int ends[2] = {-1, -1};
  if (!self.valid() || !environment.valid() || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return nullptr;
  }
  return std::unique_ptr<ProgramEntry>(new ProgramEntry(std::move(executor), std::move(program), self.get(),
                                                        FileDescriptor(ends[0]), FileDescriptor(ends[1]),
                                                        std::move(environment)));
}

ProgramEntry::ProgramEntry(Executor executor, Program program, int self, FileDescriptor ours, FileDescriptor theirs,
                           FileDescriptor environment)
    : executor_(std::move(executor)),
      program_(std::move(program)),
      self_(self),
      theirs_(std::move(theirs)),
      environment_(std::move(environment)),
      door_(executor_, ours.release()),
      pipe_(executor_) {}

void ProgramEntry::begun() {
  theirs_.reset();
  environment_.reset();
}

std::vector<std::string> ProgramEntry::argv() const {
  std::vector<std::string> out = {
      fmt::format("/proc/self/fd/{}", self_), std::to_string(theirs_.get()),   std::to_string(self_),
      std::to_string(environment_.get()),     program_.only ? "only" : "over", program_.directory};
  out.insert(out.end(), program_.argv.begin(), program_.argv.end());
  return out;
}

/// A word at the door, with the pipe; or nothing more will come.
void ProgramEntry::hear() {
  char word = 0;
  iovec bytes{&word, 1};
  int end = -1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof end)] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(door_.native_handle(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const cmsghdr* const header = got == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  const bool whole = header != nullptr && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof end);
  if (whole) std::memcpy(&end, CMSG_DATA(header), sizeof end);
  door_.close();
  state_ = whole ? State::Inside : State::Lost;
  if (!whole) return;
  ::fcntl(end, F_SETFL, O_NONBLOCK);
  pipe_.assign(end);
}

void ProgramEntry::readReport() {
  EntryReport report{};
  const ssize_t got = ::read(pipe_.native_handle(), &report, sizeof report);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  pipe_.close();
  state_ = State::Running;
  if (got != sizeof report) return;
  state_ = State::Failed;
  stage_ = report.stage == EntryReport::Directory ? SpawnFailure::Stage::Directory : SpawnFailure::Stage::Program;
  error_ = report.error;
}

ProgramEntry::State ProgramEntry::look() {
  if (state_ == State::Outside) hear();
  if (state_ == State::Inside) readReport();
  return state_;
}

Task<void> ProgramEntry::settled() {
  while (look() == State::Outside || state_ == State::Inside) {
    Stream& from = state_ == State::Outside ? door_ : pipe_;
    co_await from.async_wait(Stream::wait_read, asio::as_tuple(asio::use_awaitable));
    co_await async::throwIfCancelled();
  }
}

SpawnFailure ProgramEntry::failure() const {
  SpawnOptions told;
  told.launch.argv = program_.argv;
  told.launch.working_directory = program_.directory;
  return describe(told, stage_, error_);
}

}  // namespace slipway::supervisor
