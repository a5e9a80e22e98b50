#include "apiserver/audit_log.h"

#include <fcntl.h>

#include "base/log.h"
#include "json/document.h"

namespace slipway::apiserver {

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::filesystem::path& path) {
  TRY(FileDescriptor file, openFile(path, O_WRONLY | O_CREAT | O_APPEND, 0600));
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(file)));
}

void AuditLog::note(const Call& call, int status, const std::string& audit_id) {
  const RequestInfo& info = call.info;
  json::object event{{"kind", "Event"},     {"apiVersion", "audit.k8s.io/v1"}, {"level", "Metadata"},
                     {"auditID", audit_id}, {"stage", "ResponseComplete"},     {"requestURI", call.request.target},
                     {"verb", info.verb}};
  event["user"] = json::object{{"username", call.user.name},
                               {"groups", json::array(call.user.groups.begin(), call.user.groups.end())}};
  event["sourceIPs"] = json::array{call.exchange.peer().address};
  event["userAgent"] = call.request.headers.get("User-Agent");
  if (info.is_resource) {
    event["objectRef"] =
        json::object{{"resource", info.resource}, {"namespace", info.ns},       {"name", info.name},
                     {"apiGroup", info.group},    {"apiVersion", info.version}, {"subresource", info.subresource}};
  }
  if (!call.annotations.empty()) {
    json::object& notes = json::ensureObject(event, "annotations");
    for (const auto& [key, value] : call.annotations) notes[key] = value;
  }
  event["responseStatus"] = json::object{{"code", status}};
  event["requestReceivedTimestamp"] = formatMicroTime(call.now);
  const Status written = writeAll(file_.get(), json::serialize(event) + "\n");
  if (!written && !std::exchange(failed_, true)) log::error("audit log: {}", written.error().message);
}

}  // namespace slipway::apiserver
