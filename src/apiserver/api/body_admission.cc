#include "apiserver/api/subresources.h"

namespace slipway::apiserver {

Task<Done> admitBody(Call* call, Registry* registry, std::string operation, json::object* body, bool dry_run) {
  AdmissionRequest request;
  request.kind = call->kind;
  request.subresource = call->info.subresource;
  request.operation = std::move(operation);
  request.ns = call->info.ns;
  request.name = call->info.name;
  request.user = call->user;
  request.dry_run = dry_run;
  request.object = body;
  request.warnings = &call->warnings;
  request.annotations = &call->annotations;
  co_return co_await registry->admitBody(std::move(request));
}

}  // namespace slipway::apiserver
