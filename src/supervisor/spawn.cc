#include "supervisor/spawn.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"

namespace slipway::supervisor {
namespace {

using Stage = SpawnFailure::Stage;

struct Report {
  Stage stage;
  int error;
};

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Pipe makePipe() {
  int fds[2] = {-1, -1};
  if (::pipe2(fds, O_CLOEXEC) != 0) return {};
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

/// All that the child needs, made before fork(2): after it only async-signal-safe calls are allowed.
struct Prepared {
  std::vector<std::string> strings;
  std::vector<char*> argv;
  std::vector<char*> env;
  std::vector<std::string> candidates;  ///< the program's path, or one for each folder of PATH
  std::string directory;
  std::string overlay_options;
  std::string merged;
  bool own_namespaces = false;
  std::string hostname;
  struct BindMount {
    std::string source;
    std::string target;
    unsigned long flags;  ///< of the remount that makes it read-only; 0: none
    int opened;           ///< what the source must still be; -1: whatever it is
    std::string by_descriptor;
  };
  std::vector<BindMount> binds;
  std::string uid_map;
  std::string gid_map;
  FileDescriptor join_user;
  FileDescriptor join_names_user;  ///< the user namespace that owns the next one
  FileDescriptor join_names;       ///< the UTS namespace
  FileDescriptor join_mount;
  FileDescriptor join_root;
  int input = -1;
  int output = -1;
  int errors = -1;
  std::string terminal;
  std::vector<int> inherit;
  int report = -1;
  pid_t parent = 0;
};

[[noreturn]] void giveUp(int report, Stage stage) {
  const Report said{stage, errno};
  [[maybe_unused]] const ssize_t put = ::write(report, &said, sizeof said);
  ::_exit(127);
}

bool writeText(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool fine = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return fine;
}

/// A descriptor from before the namespace was made cannot be mounted in it: the source is opened anew, compared, and
/// mounted by that descriptor, which takes the number of the first.
bool bindOpened(const Prepared::BindMount& bind) {
  struct stat wanted{};
  struct stat now{};
  const int again = ::open(bind.source.c_str(), O_PATH | O_CLOEXEC);
  if (again < 0 || ::fstat(bind.opened, &wanted) != 0 || ::fstat(again, &now) != 0) return false;
  if (wanted.st_dev != now.st_dev || wanted.st_ino != now.st_ino) {
    errno = ESTALE;
    return false;
  }
  return ::dup3(again, bind.opened, O_CLOEXEC) >= 0 &&
         ::mount(bind.by_descriptor.c_str(), bind.target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0;
}

void setUpNamespaces(const Prepared& prepared) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) != 0) giveUp(prepared.report, Stage::Overlay);
  writeText("/proc/self/setgroups", "deny");
  if (!writeText("/proc/self/uid_map", prepared.uid_map) || !writeText("/proc/self/gid_map", prepared.gid_map) ||
      ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 ||
      (!prepared.merged.empty() &&
       ::mount("overlay", prepared.merged.c_str(), "overlay", 0, prepared.overlay_options.c_str()) != 0)) {
    giveUp(prepared.report, Stage::Overlay);
  }
  if (!prepared.hostname.empty()) ::sethostname(prepared.hostname.data(), prepared.hostname.size());
  for (const auto& bind : prepared.binds) {
    const char* const target = bind.target.c_str();
    const bool bound = bind.opened < 0 ? ::mount(bind.source.c_str(), target, nullptr, MS_BIND | MS_REC, nullptr) == 0
                                       : bindOpened(bind);
    if (!bound ||
        (bind.flags != 0 && ::mount("none", target, nullptr, MS_BIND | MS_REMOUNT | bind.flags, nullptr) != 0)) {
      giveUp(prepared.report, Stage::Overlay);
    }
  }
}

void joinNamespaces(const Prepared& prepared) {
  // Its name only: where it cannot be had, all else still can.
  if (prepared.join_names.valid()) {
    if (prepared.join_names_user.valid()) (void)::setns(prepared.join_names_user.get(), CLONE_NEWUSER);
    (void)::setns(prepared.join_names.get(), CLONE_NEWUTS);
  }
  // A namespace that is ours already cannot be joined again: EINVAL.
  if (prepared.join_user.valid() && ::setns(prepared.join_user.get(), CLONE_NEWUSER) != 0 && errno != EINVAL) {
    giveUp(prepared.report, Stage::Join);
  }
  if (::setns(prepared.join_mount.get(), CLONE_NEWNS) != 0) giveUp(prepared.report, Stage::Join);
  if (::fchdir(prepared.join_root.get()) != 0 || ::chroot(".") != 0) giveUp(prepared.report, Stage::Join);
}

void setUpStreams(const Prepared& prepared) {
  if (!prepared.terminal.empty()) {
    const int fd = ::open(prepared.terminal.c_str(), O_RDWR);
    if (fd < 0) giveUp(prepared.report, Stage::Fork);
    ::ioctl(fd, TIOCSCTTY, 0);
    for (int to = 0; to < 3; ++to) ::dup2(fd, to);
    if (fd > 2) ::close(fd);
    return;
  }
  ::dup2(prepared.input, 0);
  ::dup2(prepared.output, 1);
  ::dup2(prepared.errors, 2);
}

[[noreturn]] void becomeProgram(Prepared& prepared) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != prepared.parent) ::_exit(127);  // the supervisor died before prctl
  setUpStreams(prepared);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  if (prepared.own_namespaces) setUpNamespaces(prepared);
  if (prepared.join_mount.valid()) joinNamespaces(prepared);
  if (!prepared.directory.empty() && ::chdir(prepared.directory.c_str()) != 0) {
    giveUp(prepared.report, Stage::Directory);
  }
  for (const int fd : prepared.inherit) ::fcntl(fd, F_SETFD, 0);
  // A change of namespaces clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int worst = ENOENT;
  for (std::string& path : prepared.candidates) {
    prepared.argv[0] = prepared.argv[0] == nullptr ? path.data() : prepared.argv[0];
    ::execve(path.c_str(), prepared.argv.data(), prepared.env.data());
    if (errno != ENOENT && errno != ENOTDIR) worst = errno;
  }
  errno = worst;
  giveUp(prepared.report, Stage::Program);
}

void prepareProgram(const container::Launch& launch, Prepared& out) {
  for (const auto& [name, value] : launch.env) out.strings.push_back(name + "=" + value);
  const size_t variables = out.strings.size();
  out.strings.insert(out.strings.end(), launch.argv.begin(), launch.argv.end());
  for (size_t i = 0; i < out.strings.size(); ++i) {
    (i < variables ? out.env : out.argv).push_back(out.strings[i].data());
  }
  out.env.push_back(nullptr);
  out.argv.push_back(nullptr);
  const std::string& program = launch.argv[0];
  if (program.find('/') != std::string::npos) {
    out.candidates.push_back(program);
    return;
  }
  const auto path = launch.env.find("PATH");
  const std::string folders = path == launch.env.end() ? "/usr/local/bin:/usr/bin:/bin" : path->second;
  for (const std::string_view folder : split(folders, ':')) {
    out.candidates.push_back(folder.empty() ? program : fmt::format("{}/{}", folder, program));
  }
}

/// Characters that separate options of an overlay mount are escaped.
std::string overlayPath(const std::filesystem::path& path) {
  return replaceAll(replaceAll(replaceAll(path.string(), "\\", "\\\\"), ":", "\\:"), ",", "\\,");
}

unsigned long lockedFlags(const std::filesystem::path& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return 0;
  unsigned long out = 0;
  if ((info.f_flag & ST_NOSUID) != 0) out |= MS_NOSUID;
  if ((info.f_flag & ST_NODEV) != 0) out |= MS_NODEV;
  if ((info.f_flag & ST_NOEXEC) != 0) out |= MS_NOEXEC;
  if ((info.f_flag & ST_NOATIME) != 0) out |= MS_NOATIME;
  if ((info.f_flag & ST_NODIRATIME) != 0) out |= MS_NODIRATIME;
  if ((info.f_flag & ST_RELATIME) != 0) out |= MS_RELATIME;
  return out;
}

bool isOurs(const FileDescriptor& name_space, const char* ours) {
  struct stat theirs{};
  struct stat mine{};
  return ::fstat(name_space.get(), &theirs) == 0 && ::stat(ours, &mine) == 0 && theirs.st_ino == mine.st_ino &&
         theirs.st_dev == mine.st_dev;
}

Status prepareNamespaces(const SpawnOptions& options, Prepared& out) {
  if (const auto& overlay = options.launch.overlay) {
    out.own_namespaces = true;
    out.merged = overlay->merged.string();
    out.overlay_options = fmt::format("lowerdir={},upperdir={},workdir={},userxattr", overlayPath(overlay->lower),
                                      overlayPath(overlay->upper), overlayPath(overlay->work));
    out.hostname = overlay->hostname;
    for (const container::Bind& bind : overlay->binds) {
      const unsigned long flags = bind.read_only ? MS_RDONLY | lockedFlags(bind.source) : 0;
      const int opened = bind.opened ? bind.opened->get() : -1;
      out.binds.push_back({bind.source.string(), bind.target, flags, opened, fmt::format("/proc/self/fd/{}", opened)});
    }
    out.uid_map = fmt::format("{} {} 1", ::geteuid(), ::geteuid());
    out.gid_map = fmt::format("{} {} 1", ::getegid(), ::getegid());
  }
  if (options.join != 0) {
    const std::string base = fmt::format("/proc/{}/", options.join);
    TRY(out.join_mount, openFile(base + "ns/mnt", O_RDONLY));
    TRY(out.join_root, openFile(base + "root", O_RDONLY | O_DIRECTORY));
    if (auto user = openFile(base + "ns/user", O_RDONLY)) out.join_user = std::move(*user);
    auto names = openFile(base + "ns/uts", O_RDONLY);
    if (names && !isOurs(*names, "/proc/self/ns/uts")) {
      FileDescriptor owner(::ioctl(names->get(), NS_GET_USERNS));
      if (owner.valid() && !isOurs(owner, "/proc/self/ns/user")) out.join_names_user = std::move(owner);
      out.join_names = std::move(*names);
    }
  }
  return {};
}

FileDescriptor openTerminal(std::string& name) {
  FileDescriptor master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char buffer[128];
  if (!master.valid() || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
      ::ptsname_r(master.get(), buffer, sizeof buffer) != 0) {
    return {};
  }
  name = buffer;
  return master;
}

void setNonBlocking(const FileDescriptor& fd) {
  if (fd.valid()) ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

}  // namespace

SpawnFailure describe(const SpawnOptions& options, Stage stage, int error) {
  const std::string text = std::strerror(error);
  const std::string program = options.launch.argv.empty() ? "" : options.launch.argv[0];
  const bool searched = program.find('/') == std::string::npos;
  switch (stage) {
    case Stage::Program:
      return {stage, error,
              error == ENOENT && searched ? fmt::format("exec: \"{}\": executable file not found in $PATH", program)
                                          : fmt::format("exec: \"{}\": {}", program, text)};
    case Stage::Directory:
      return {stage, error, fmt::format("working directory \"{}\": {}", options.launch.working_directory, text)};
    case Stage::Overlay:
      return {stage, error, fmt::format("what the container's files stand on cannot be mounted: {}", text)};
    case Stage::Join:
      return {stage, error, fmt::format("cannot enter the container: {}", text)};
    default:
      return {stage, error, fmt::format("cannot start a process: {}", text)};
  }
}

int SpawnFailure::exitCode() const {
  if (stage == Stage::Program) return error == ENOENT ? 127 : 126;
  return 128;
}

void resizeTerminal(int master, unsigned columns, unsigned rows) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  ::ioctl(master, TIOCSWINSZ, &size);
}

tl::expected<Spawned, SpawnFailure> spawn(const SpawnOptions& options) {
  const auto failed = [&](Stage stage, int error) { return tl::unexpected(describe(options, stage, error)); };
  if (options.launch.argv.empty()) return failed(Stage::Program, ENOENT);
  Prepared prepared;
  prepareProgram(options.launch, prepared);
  prepared.directory = options.launch.working_directory;
  prepared.inherit = options.inherit;
  if (!prepareNamespaces(options, prepared)) return failed(Stage::Join, ESRCH);

  Spawned out;
  Pipe in, output, errors;
  FileDescriptor nothing;
  if (options.tty) {
    out.output = openTerminal(prepared.terminal);
    if (!out.output.valid()) return failed(Stage::Fork, errno);
  } else {
    output = makePipe();
    errors = makePipe();
    if (options.stdin_open) in = makePipe();
    if (!options.stdin_open) nothing = FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    prepared.input = options.stdin_open ? in.read.get() : nothing.get();
    prepared.output = output.write.get();
    prepared.errors = errors.write.get();
    if (prepared.input < 0 || prepared.output < 0 || prepared.errors < 0) return failed(Stage::Fork, errno);
  }
  Pipe report = makePipe();
  prepared.report = report.write.get();
  prepared.parent = ::getpid();
  out.pid = ::fork();
  if (out.pid < 0) return failed(Stage::Fork, errno);
  if (out.pid == 0) becomeProgram(prepared);

  report.write.reset();
  Report said{};
  ssize_t got = 0;
  do {
    got = ::read(report.read.get(), &said, sizeof said);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof said) {
    ::waitpid(out.pid, nullptr, 0);
    return failed(said.stage, said.error);
  }
  if (!options.tty) {
    out.output = std::move(output.read);
    out.errors = std::move(errors.read);
    out.input = std::move(in.write);
  }
  for (const FileDescriptor* fd : {&out.input, &out.output, &out.errors}) setNonBlocking(*fd);
  return out;
}

}  // namespace slipway::supervisor
