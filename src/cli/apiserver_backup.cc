#include "cli/apiserver_backup.h"

#include <fcntl.h>
#include <unistd.h>

#include "apiserver/backup.h"
#include "async/loop.h"
#include "base/files.h"
#include "http/client.h"
#include "kube/kubeconfig.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace slipway::cli {
namespace {

constexpr auto kPatience = std::chrono::minutes(5);

Result<std::unique_ptr<http::Client>> serverOf(Executor executor, const std::filesystem::path& data_dir) {
  const std::filesystem::path kubeconfig = data_dir / "admin.kubeconfig";
  TRY(const kube::ClusterAccess access, kube::loadKubeconfig(kubeconfig));
  const size_t scheme = access.server.find("://");
  if (scheme == std::string::npos) return failure(Code::BadRequest, "{}: no address of a server", kubeconfig.string());
  TRY(const net::HostPort where, net::parseHostPort(std::string_view(access.server).substr(scheme + 3), 443));
  net::TlsOptions tls;
  tls.ca = access.ca;
  tls.certificate = access.certificate;
  tls.key = access.key;
  TRY(std::shared_ptr<net::TlsContext> context, net::TlsContext::client(tls));
  auto dialer = net::tlsDialer(net::tcpDialer(where), std::move(context), where.host);
  return std::make_unique<http::Client>(std::move(executor), std::move(dialer));
}

Task<Status> receive(http::ResponseStream& answer, int file) {
  std::vector<char> buffer(256 * 1024);
  while (true) {
    CO_TRY(const size_t got, co_await answer.readSome(buffer));
    if (got == 0) break;
    CO_TRY_STATUS(writeAll(file, std::string_view(buffer.data(), got)));
  }
  if (::fsync(file) != 0) co_return failure(errnoError("sync the backup", errno));
  co_return Status();
}

Task<Status> fetch(std::filesystem::path data_dir, std::filesystem::path unfinished) {
  const Executor executor = co_await async::thisExecutor();
  CO_TRY(const std::unique_ptr<http::Client> client, serverOf(executor, data_dir));
  http::Request request;
  request.target = apiserver::kBackupPath;
  CO_TRY(const std::unique_ptr<http::ResponseStream> answer, co_await client->open(std::move(request), kPatience));
  if (answer->head().status != 200) {
    co_return failure(codeOfHttpStatus(answer->head().status), "the API server refuses with HTTP {}",
                      answer->head().status);
  }
  CO_TRY(const FileDescriptor file, openFile(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  co_return co_await receive(*answer, file.get());
}

}  // namespace

Status backupTo(const std::filesystem::path& data_dir, const std::filesystem::path& target) {
  if (std::filesystem::exists(target)) return failure(Code::AlreadyExists, "backup: {} exists", target.string());
  const Status at_rest = apiserver::backupAtRest(data_dir, target);
  if (at_rest || !at_rest.error().is(Code::Conflict)) return at_rest;
  const std::filesystem::path unfinished = target.string() + ".unfinished";
  std::error_code error;
  const Status fetched = async::runToEnd(fetch(data_dir, unfinished));
  if (!fetched) {
    std::filesystem::remove(unfinished, error);
    return failure(fetched.error().wrap("backup"));
  }
  std::filesystem::rename(unfinished, target, error);
  if (error) return failure(Code::InternalError, "backup: rename {}: {}", unfinished.string(), error.message());
  return {};
}

}  // namespace slipway::cli
