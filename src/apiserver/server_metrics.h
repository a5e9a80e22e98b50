#pragma once

#include <filesystem>
#include <string>

#include "apiserver/api/kinds.h"
#include "apiserver/store/store.h"

namespace slipway::apiserver {

/// Objects by resource and the size of the database, under kube-apiserver's names, in Prometheus' text form.
std::string storageMetrics(Store& store, const Kinds& kinds, const std::filesystem::path& database);

/// The process as every Prometheus client shows itself: CPU, memory, files, start.
std::string processMetrics();

}  // namespace slipway::apiserver
