#pragma once

#include <filesystem>

#include "apiserver/api/api.h"

namespace slipway::apiserver {

/// GET of this path gives a copy of the database of the running server. As a path without resource it is open to
/// whoever RBAC allows it, which by default are the masters only: it holds every Secret.
inline constexpr const char* kBackupPath = "/slipway/backup";

void addBackupPath(Api& api, Store& store, Random& random, const std::filesystem::path& data_dir);

/// Copies the database of a server that does not run. Conflict: one does.
Status backupAtRest(const std::filesystem::path& data_dir, const std::filesystem::path& target);

/// Puts a backup in the place of the database of a server that does not run, if it is whole. The old one is kept beside
/// it as state.db.before-restore. Revisions go on far above the backup's, and all history is compacted: what clients
/// saw after the backup was taken is never mistaken for what comes now.
Status restoreBackup(const std::filesystem::path& data_dir, const std::filesystem::path& backup);

}  // namespace slipway::apiserver
