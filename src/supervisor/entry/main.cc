// The first program of a container, a static one that needs nothing of the image: takes the container's environment,
// which no runtime nor its shell has seen, makes and enters the working directory and becomes the container's program.
// It hands its parent the reading end of a pipe of which it alone has the other, so that the end of that pipe means
// that the program has been executed, whoever else still runs around it.
//
//   entry DOOR SELF ENVIRONMENT only|over DIRECTORY PROGRAM [ARGUMENT...]
//
// DOOR is a socket, SELF what it was executed from, ENVIRONMENT a file of "NAME=value\0"...: nothing else is in the
// program's, or it comes over what the runtime made of the image. All three are numbers of descriptors.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/entry/report.h"

using slipway::supervisor::EntryReport;

namespace {

constexpr int kFirstArgument = 6;

bool handOver(int door, int end) {
  char word = 'E';
  iovec bytes{&word, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof end)] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof end);
  memcpy(CMSG_DATA(header), &end, sizeof end);
  return sendmsg(door, &message, MSG_NOSIGNAL) == 1;
}

[[noreturn]] void giveUp(int report, EntryReport::Stage stage, int exit_code) {
  const EntryReport said{stage, errno};
  [[maybe_unused]] const ssize_t put = write(report, &said, sizeof said);
  _exit(exit_code);
}

/// False: it cannot be read.
bool takeEnvironment(int file, bool only) {
  struct stat info{};
  if (fstat(file, &info) != 0) return false;
  const size_t size = static_cast<size_t>(info.st_size);
  char* const text = static_cast<char*>(malloc(size + 1));
  if (text == nullptr) return false;
  for (size_t have = 0; have < size;) {
    const ssize_t got = pread(file, text + have, size - have, static_cast<off_t>(have));
    if (got <= 0) return false;
    have += static_cast<size_t>(got);
  }
  text[size] = '\0';
  if (only) clearenv();
  for (char* entry = text; entry < text + size; entry += strlen(entry) + 1) {
    if (putenv(entry) != 0) return false;
  }
  return true;
}

/// As runc: a working directory that is not there is made.
bool enter(char* directory) {
  if (chdir(directory) == 0) return true;
  if (errno != ENOENT) return false;
  for (char* slash = strchr(directory + 1, '/'); slash != nullptr; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(directory, 0755);
    *slash = '/';
  }
  if (mkdir(directory, 0755) != 0 && errno != EEXIST) return false;
  return chdir(directory) == 0;
}

/// Along PATH; returns with the errno that tells most.
void execute(char** argv) {
  const char* const program = argv[0];
  const char* folders = strchr(program, '/') != nullptr ? nullptr : getenv("PATH");
  if (folders == nullptr) {
    execve(program, argv, ::environ);
    return;
  }
  int worst = ENOENT;
  const size_t most = strlen(folders) + strlen(program) + 2;
  char* const path = static_cast<char*>(malloc(most));
  while (path != nullptr) {
    const size_t length = strcspn(folders, ":");
    memcpy(path, folders, length);
    path[length] = '/';
    strcpy(path + (length == 0 ? 0 : length + 1), program);
    execve(path, argv, ::environ);
    if (errno != ENOENT && errno != ENOTDIR) worst = errno;
    if (folders[length] == '\0') break;
    folders += length + 1;
  }
  errno = worst;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc <= kFirstArgument) return 127;
  const int door = atoi(argv[1]);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0 || !handOver(door, ends[0])) return 127;
  close(door);
  close(atoi(argv[2]));
  close(ends[0]);
  const int environment = atoi(argv[3]);
  if (!takeEnvironment(environment, argv[4][0] == 'o' && argv[4][1] == 'n')) giveUp(ends[1], EntryReport::Program, 126);
  close(environment);
  char* const directory = argv[5];
  // Where the container's runtime has told where it put us.
  const char* const shown = getenv("PWD");
  if (!enter(directory)) giveUp(ends[1], EntryReport::Directory, 126);
  if (shown != nullptr && strcmp(shown, "/") == 0) setenv("PWD", directory, 1);
  execute(argv + kFirstArgument);
  giveUp(ends[1], EntryReport::Program, errno == ENOENT ? 127 : 126);
}
