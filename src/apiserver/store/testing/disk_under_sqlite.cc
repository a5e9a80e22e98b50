#include <sqlite3.h>

#include <cstring>
#include <new>

#include "apiserver/store/testing/power_loss_disk.h"

namespace slipway::apiserver::testing {
namespace {

/// What SQLite allocates for an open file.
struct OpenFile {
  sqlite3_file base;
  PowerLossDisk* disk;
  PowerLossDisk::FilePtr file;
  bool names_pending;  ///< as unix: the first sync of a new journal or WAL syncs the directory
};

OpenFile& of(sqlite3_file* file) {
  return *reinterpret_cast<OpenFile*>(file);
}

PowerLossDisk& diskOf(sqlite3_vfs* vfs) {
  return *static_cast<PowerLossDisk*>(vfs->pAppData);
}

int codeFor(PowerLossDisk::Outcome outcome, int when_dead) {
  if (outcome == PowerLossDisk::Outcome::Full) return SQLITE_FULL;
  return outcome == PowerLossDisk::Outcome::Done ? SQLITE_OK : when_dead;
}

int closeFile(sqlite3_file* file) {
  of(file).file.~shared_ptr();
  return SQLITE_OK;
}

int readFileAt(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  OpenFile& open = of(file);
  if (open.disk->dead()) return SQLITE_IOERR_READ;
  const auto wanted = static_cast<size_t>(size);
  const size_t got = open.disk->readAt(*open.file, static_cast<size_t>(offset), static_cast<char*>(into), wanted);
  if (got == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + got, 0, wanted - got);
  return SQLITE_IOERR_SHORT_READ;
}

int writeFileAt(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  OpenFile& open = of(file);
  const std::string_view bytes(static_cast<const char*>(from), static_cast<size_t>(size));
  return codeFor(open.disk->write(*open.file, static_cast<size_t>(offset), bytes), SQLITE_IOERR_WRITE);
}

int truncateFile(sqlite3_file* file, sqlite3_int64 size) {
  OpenFile& open = of(file);
  return codeFor(open.disk->truncate(*open.file, static_cast<size_t>(size)), SQLITE_IOERR_TRUNCATE);
}

int syncFile(sqlite3_file* file, int) {
  OpenFile& open = of(file);
  const int code = codeFor(open.disk->sync(*open.file, open.names_pending), SQLITE_IOERR_FSYNC);
  if (code == SQLITE_OK) open.names_pending = false;
  return code;
}

int fileSize(sqlite3_file* file, sqlite3_int64* size) {
  OpenFile& open = of(file);
  *size = static_cast<sqlite3_int64>(open.disk->sizeOf(*open.file));
  return SQLITE_OK;
}

int takeLock(sqlite3_file*, int) {
  return SQLITE_OK;
}

int isReserved(sqlite3_file*, int* yes) {
  *yes = 0;
  return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}

int sectorSize(sqlite3_file*) {
  return 512;
}

// What SQLite believes of every unix disk.
int characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

const sqlite3_io_methods kMethods = [] {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = &closeFile;
  methods.xRead = &readFileAt;
  methods.xWrite = &writeFileAt;
  methods.xTruncate = &truncateFile;
  methods.xSync = &syncFile;
  methods.xFileSize = &fileSize;
  methods.xLock = &takeLock;
  methods.xUnlock = &takeLock;
  methods.xCheckReservedLock = &isReserved;
  methods.xFileControl = &control;
  methods.xSectorSize = &sectorSize;
  methods.xDeviceCharacteristics = &characteristics;
  return methods;
}();

int openFileOn(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  PowerLossDisk& disk = diskOf(vfs);
  const std::string path = name == nullptr ? "" : name;
  const bool is_new = !path.empty() && !disk.exists(path);
  PowerLossDisk::FilePtr found = disk.open(path, (flags & SQLITE_OPEN_CREATE) != 0);
  file->pMethods = nullptr;
  if (!found) return SQLITE_CANTOPEN;
  const bool logs = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
  new (file) OpenFile{{&kMethods}, &disk, std::move(found), is_new && logs};
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int deleteFileOn(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  if (!diskOf(vfs).exists(name)) return SQLITE_IOERR_DELETE_NOENT;
  return codeFor(diskOf(vfs).remove(name, sync_directory != 0), SQLITE_IOERR_DELETE);
}

int accessOn(sqlite3_vfs* vfs, const char* name, int, int* yes) {
  *yes = diskOf(vfs).exists(name) ? 1 : 0;
  return SQLITE_OK;
}

int fullName(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int lastError(sqlite3_vfs*, int, char*) {
  return 0;
}

}  // namespace

struct DiskUnderSqlite::Vfs : sqlite3_vfs {};

DiskUnderSqlite::DiskUnderSqlite(PowerLossDisk& disk) : vfs_(std::make_unique<Vfs>()) {
  // Time, chance and sleep are the real one's.
  static_cast<sqlite3_vfs&>(*vfs_) = *sqlite3_vfs_find("unix");
  vfs_->iVersion = 1;
  vfs_->szOsFile = sizeof(OpenFile);
  vfs_->zName = "power-loss";
  vfs_->pAppData = &disk;
  vfs_->pNext = nullptr;
  vfs_->xOpen = &openFileOn;
  vfs_->xDelete = &deleteFileOn;
  vfs_->xAccess = &accessOn;
  vfs_->xFullPathname = &fullName;
  vfs_->xGetLastError = &lastError;
  sqlite3_vfs_register(vfs_.get(), 1);
}

DiskUnderSqlite::~DiskUnderSqlite() {
  sqlite3_vfs_unregister(vfs_.get());
  sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1);
}

}  // namespace slipway::apiserver::testing
