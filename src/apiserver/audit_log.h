#pragma once

#include <filesystem>
#include <memory>

#include "apiserver/api/api.h"
#include "base/files.h"

namespace slipway::apiserver {

/// One JSON line for each request that is answered: audit.k8s.io/v1 Events at level Metadata, stage ResponseComplete.
/// A line that cannot be written is told in the log once; requests go on.
class AuditLog {
 public:
  static Result<std::unique_ptr<AuditLog>> open(const std::filesystem::path& path);

  void note(const Call& call, int status, const std::string& audit_id);

 private:
  explicit AuditLog(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
  bool failed_ = false;
};

}  // namespace slipway::apiserver
