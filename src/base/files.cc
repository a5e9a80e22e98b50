#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

namespace slipway {
namespace fs = std::filesystem;

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  reset();
}

int FileDescriptor::release() {
  return std::exchange(fd_, -1);
}

void FileDescriptor::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<FileDescriptor> openFile(const fs::path& path, int flags, mode_t mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return failure(errnoError(fmt::format("open {}", path.string()), errno));
  return FileDescriptor(fd);
}

Result<std::string> readFile(const fs::path& path) {
  TRY(const FileDescriptor file, openFile(path, O_RDONLY));
  std::string out;
  std::vector<char> buffer(64 * 1024);
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errnoError(fmt::format("read {}", path.string()), errno));
    if (got == 0) return out;
    out.append(buffer.data(), static_cast<size_t>(got));
  }
}

Status writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failure(errnoError("write", errno));
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Status writeFileAtomic(const fs::path& path, std::string_view contents, mode_t mode) {
  std::string temporary = path.string() + ".XXXXXX";
  FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return failure(errnoError(fmt::format("create a file beside {}", path.string()), errno));
  const auto give_up = [&](Error error) -> Status {
    ::unlink(temporary.c_str());
    return failure(error.wrap(fmt::format("write {}", path.string())));
  };
  if (::fchmod(file.get(), mode) != 0) return give_up(errnoError("chmod", errno));
  if (auto written = writeAll(file.get(), contents); !written) return give_up(written.error());
  if (::fsync(file.get()) != 0) return give_up(errnoError("fsync", errno));
  file.reset();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up(errnoError("rename", errno));
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (auto directory = openFile(parent, O_RDONLY | O_DIRECTORY)) ::fsync(directory->get());
  return {};
}

Status makeDirectories(const fs::path& path, mode_t mode) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return failure(errnoError(fmt::format("create directory {}", path.string()), error.value()));
  if (::chmod(path.c_str(), mode) != 0 && errno != EPERM) {
    return failure(errnoError(fmt::format("chmod {}", path.string()), errno));
  }
  return {};
}

TemporaryDirectory::TemporaryDirectory(std::string_view prefix) {
  std::string pattern = fmt::format("{}/{}.XXXXXX", fs::temp_directory_path().string(), prefix);
  if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace slipway
