#include "apiserver/store/testing/power_loss_disk.h"

#include <algorithm>
#include <cstring>

namespace slipway::apiserver::testing {
namespace {

constexpr size_t kSector = 512;

void putAt(std::string& into, size_t offset, std::string_view bytes) {
  if (into.size() < offset + bytes.size()) into.resize(offset + bytes.size(), '\0');
  into.replace(offset, bytes.size(), bytes);
}

/// The parts of a write that lie in one sector each.
std::vector<DiskFile::Change> sectorsOf(const DiskFile::Change& change) {
  std::vector<DiskFile::Change> parts;
  for (size_t at = 0; at < change.bytes.size();) {
    const size_t in_sector = kSector - (change.offset + at) % kSector;
    parts.push_back({change.offset + at, change.bytes.substr(at, in_sector)});
    at += parts.back().bytes.size();
  }
  return parts;
}

}  // namespace

void PowerLossDisk::cutAfter(uint64_t operations) {
  const std::lock_guard lock(mutex_);
  left_ = operations;
}

bool PowerLossDisk::dead() const {
  const std::lock_guard lock(mutex_);
  return dead_;
}

bool PowerLossDisk::spend() {
  if (left_ == 0) dead_ = true;
  if (!dead_ && left_ != UINT64_MAX) --left_;
  return !dead_;
}

void PowerLossDisk::settle(DiskFile& file, Random& random) {
  // All, nothing or a mixture: each is what some disk does.
  const double kept = std::min(1.0, std::max(0.0, random.unit() * 2 - 0.5));
  for (const DiskFile::Change& change : file.unsynced) {
    if (change.cuts) {
      if (random.unit() < kept) file.durable.resize(std::min(file.durable.size(), change.offset));
      continue;
    }
    for (DiskFile::Change& part : sectorsOf(change)) {
      if (random.unit() >= kept) continue;
      const bool torn = random.unit() < 0.1;
      if (torn) part.bytes.resize(random.next() % (part.bytes.size() + 1));
      putAt(file.durable, part.offset, part.bytes);
    }
  }
  file.unsynced.clear();
  file.now = file.durable;
}

void PowerLossDisk::powerOn(Random& random) {
  const std::lock_guard lock(mutex_);
  for (auto it = files_.begin(); it != files_.end();) {
    settle(*it->second, random);
    const bool lost = !it->second->entry_durable && random.unit() < 0.5;
    it = lost ? files_.erase(it) : std::next(it);
  }
  for (auto& [name, file] : ghosts_) {
    settle(*file, random);
    if (random.unit() < 0.5) files_.emplace(name, file);
  }
  ghosts_.clear();
  for (auto& [name, file] : files_) file->entry_durable = true;
  dead_ = false;
  left_ = UINT64_MAX;
}

void PowerLossDisk::setRoom(size_t bytes) {
  const std::lock_guard lock(mutex_);
  room_ = bytes;
}

size_t PowerLossDisk::used() const {
  const std::lock_guard lock(mutex_);
  size_t sum = 0;
  for (const auto& [name, file] : files_) sum += file->now.size();
  return sum;
}

void PowerLossDisk::ignoreSyncs(bool yes) {
  const std::lock_guard lock(mutex_);
  lies_ = yes;
}

std::string PowerLossDisk::read(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = files_.find(name);
  return it == files_.end() ? std::string() : it->second->now;
}

void PowerLossDisk::replace(const std::string& name, std::string bytes) {
  const std::lock_guard lock(mutex_);
  auto file = std::make_shared<DiskFile>();
  file->now = bytes;
  file->durable = std::move(bytes);
  file->entry_durable = true;
  files_[name] = std::move(file);
}

std::vector<std::string> PowerLossDisk::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [name, file] : files_) all.push_back(name);
  return all;
}

PowerLossDisk::FilePtr PowerLossDisk::open(const std::string& name, bool create) {
  const std::lock_guard lock(mutex_);
  if (dead_) return nullptr;
  if (name.empty()) return std::make_shared<DiskFile>();
  const auto it = files_.find(name);
  if (it != files_.end()) return it->second;
  if (!create || !spend()) return nullptr;
  return files_[name] = std::make_shared<DiskFile>();
}

PowerLossDisk::Outcome PowerLossDisk::remove(const std::string& name, bool sync_directory) {
  const std::lock_guard lock(mutex_);
  if (!spend()) return Outcome::Dead;
  auto gone = files_.extract(name);
  if (!gone.empty() && gone.mapped()->entry_durable) ghosts_[name] = gone.mapped();
  if (sync_directory && !lies_) syncNames();
  return Outcome::Done;
}

bool PowerLossDisk::exists(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return files_.contains(name);
}

PowerLossDisk::Outcome PowerLossDisk::write(DiskFile& file, size_t offset, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (dead_) return Outcome::Dead;
  size_t used = 0;
  for (const auto& [name, other] : files_) used += other->now.size();
  const size_t grows = offset + bytes.size() > file.now.size() ? offset + bytes.size() - file.now.size() : 0;
  if (grows > 0 && used + grows > room_) return Outcome::Full;
  // The write during which the power goes may still leave traces.
  const bool alive = spend();
  putAt(file.now, offset, bytes);
  file.unsynced.push_back({offset, std::string(bytes)});
  return alive ? Outcome::Done : Outcome::Dead;
}

PowerLossDisk::Outcome PowerLossDisk::truncate(DiskFile& file, size_t size) {
  const std::lock_guard lock(mutex_);
  if (!spend()) return Outcome::Dead;
  if (size < file.now.size()) file.now.resize(size);
  file.unsynced.push_back({size, {}, true});
  return Outcome::Done;
}

PowerLossDisk::Outcome PowerLossDisk::sync(DiskFile& file, bool directory) {
  const std::lock_guard lock(mutex_);
  if (!spend()) return Outcome::Dead;
  if (lies_) return Outcome::Done;
  file.durable = file.now;
  file.unsynced.clear();
  if (directory) syncNames();
  return Outcome::Done;
}

void PowerLossDisk::syncNames() {
  for (auto& [name, file] : files_) file->entry_durable = true;
  ghosts_.clear();
}

size_t PowerLossDisk::readAt(const DiskFile& file, size_t offset, char* into, size_t size) const {
  const std::lock_guard lock(mutex_);
  const size_t there = offset >= file.now.size() ? 0 : std::min(size, file.now.size() - offset);
  if (there > 0) std::memcpy(into, file.now.data() + offset, there);
  return there;
}

size_t PowerLossDisk::sizeOf(const DiskFile& file) const {
  const std::lock_guard lock(mutex_);
  return file.now.size();
}

}  // namespace slipway::apiserver::testing
