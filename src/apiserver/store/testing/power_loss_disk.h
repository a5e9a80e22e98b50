#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace slipway::apiserver::testing {

/// A file of a PowerLossDisk: what a reader sees, what is on the platters, and what lies between the two.
struct DiskFile {
  struct Change {
    size_t offset = 0;
    std::string bytes;
    bool cuts = false;  ///< the file was truncated to `offset`
  };
  std::string now;
  std::string durable;
  std::vector<Change> unsynced;
  bool entry_durable = false;  ///< its name is in the directory for good
};

/// A disk in memory that can lose its power and fill up.
///
/// When the power goes, of what was written since a file's last sync each sector is kept, lost or torn by chance, in
/// no order; a file whose name was never synced may be gone, a deleted one may be back. Every operation after that
/// fails until powerOn(): for the process this is its death. Safe from several threads.
class PowerLossDisk {
 public:
  using FilePtr = std::shared_ptr<DiskFile>;

  /// The power goes with this many more operations that change something: in the middle of the last one.
  void cutAfter(uint64_t operations);
  bool dead() const;
  /// Decides what is left and lets the disk work again.
  void powerOn(Random& random);

  /// Bytes that all files together may have from now on; more is a full disk.
  void setRoom(size_t bytes);
  size_t used() const;
  /// A disk that says "synced" and has done nothing, to see that a test would notice.
  void ignoreSyncs(bool yes);

  std::string read(const std::string& name) const;
  /// As if it had always been so.
  void replace(const std::string& name, std::string bytes);
  std::vector<std::string> names() const;

  enum class Outcome { Done, Dead, Full };
  FilePtr open(const std::string& name, bool create);
  Outcome remove(const std::string& name, bool sync_directory);
  bool exists(const std::string& name) const;
  Outcome write(DiskFile& file, size_t offset, std::string_view bytes);
  Outcome truncate(DiskFile& file, size_t size);
  /// `directory`: the names too.
  Outcome sync(DiskFile& file, bool directory);
  /// The number of bytes read; the rest of the request is past the end.
  size_t readAt(const DiskFile& file, size_t offset, char* into, size_t size) const;
  size_t sizeOf(const DiskFile& file) const;

 private:
  bool spend();
  void syncNames();
  static void settle(DiskFile& file, Random& random);

  mutable std::mutex mutex_;
  std::map<std::string, FilePtr> files_;
  std::map<std::string, FilePtr> ghosts_;  ///< deleted, but the directory was not synced since
  uint64_t left_ = UINT64_MAX;
  bool dead_ = false;
  bool lies_ = false;
  size_t room_ = SIZE_MAX;
};

/// Makes the disk SQLite's default file system as long as it exists.
class DiskUnderSqlite {
 public:
  explicit DiskUnderSqlite(PowerLossDisk& disk);
  ~DiskUnderSqlite();
  DiskUnderSqlite(const DiskUnderSqlite&) = delete;
  DiskUnderSqlite& operator=(const DiskUnderSqlite&) = delete;

 private:
  struct Vfs;
  std::unique_ptr<Vfs> vfs_;
};

}  // namespace slipway::apiserver::testing
