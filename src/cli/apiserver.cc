#include <CLI/App.hpp>
#include <iostream>
#include <memory>

#include "apiserver/api_server.h"
#include "apiserver/backup.h"
#include "async/loop.h"
#include "base/random.h"
#include "base/strings.h"
#include "cli/apiserver_backup.h"
#include "cli/command.h"
#include "cli/places.h"
#include "controllers/control_plane.h"
#include "kube/http_client.h"
#include "kube/kubeconfig.h"
#include "net/tcp.h"

namespace slipway::cli {
namespace {

struct ServeWords {
  apiserver::ApiServerOptions options;
  std::string listen = "127.0.0.1:6443";
  bool controllers = true;
};

/// How the control plane reaches its own server: as an ordinary client, through the front door.
Result<kube::ClusterAccess> ownAccess(const apiserver::ApiServer& server) {
  TRY(const std::string kubeconfig, server.kubeconfigFor("system:slipway-control-plane", {"system:masters"}));
  return kube::parseKubeconfig(kubeconfig, ".");
}

Task<Result<kube::Object>> fetch(kube::HttpClient* client, std::string path, std::string accept) {
  co_return co_await client->getPath(std::move(path), std::move(accept));
}

Task<Status> runControllers(Executor executor, const apiserver::ApiServer& server) {
  SystemClock clock;
  SystemRandom random;
  CO_TRY(const kube::ClusterAccess access, ownAccess(server));
  const kube::HttpClientOptions options{.user_agent = "slipway-control-plane"};
  kube::HttpClientOptions for_metadata = options;
  for_metadata.metadata_only = true;
  CO_TRY(const auto client, kube::HttpClient::make(executor, access, options, clock));
  CO_TRY(const auto metadata, kube::HttpClient::make(executor, access, for_metadata, clock));
  controllers::ControlPlaneOptions control_plane;
  kube::HttpClient* raw = client.get();
  control_plane.discover = controllers::discoverBy(
      [raw](std::string path, std::string accept) { return fetch(raw, std::move(path), std::move(accept)); });
  control_plane.metadata = metadata.get();
  control_plane.root_ca_pem = access.ca;
  control_plane.csr.ca = server.signingCa();
  controllers::ControlPlane controllers(executor, *client, random, clock, std::move(control_plane));
  co_await controllers.run();
  co_return Status();
}

Task<void> runControllersOrLog(Executor executor, const apiserver::ApiServer& server) {
  const Status ran = co_await runControllers(executor, server);
  if (!ran) log::error("control plane: {}", ran.error().message);
}

Task<void> serve(ServeWords words, std::shared_ptr<Status> outcome) {
  const Executor executor = co_await async::thisExecutor();
  apiserver::ApiServer server(executor, words.options);
  *outcome = co_await server.start();
  if (!*outcome) co_return;
  log::info("API server {} at {}; kubeconfig: {}", version(), server.url(), server.kubeconfig().string());
  async::TaskGroup group(executor);
  if (words.controllers) group.spawn("control plane", runControllersOrLog(executor, server));
  std::exception_ptr cancelled;
  try {
    while (true) co_await async::sleepFor(std::chrono::hours(24));
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await group.stop();
  co_await server.stop();
  if (cancelled) std::rethrow_exception(cancelled);
}

int serveMain(ServeWords words) {
  const auto where = net::parseListenAddress(words.listen);
  if (!where) {
    report(where.error().wrap("--listen"));
    return kWrongUsage;
  }
  words.options.address = where->host;
  words.options.port = where->port;
  const auto outcome = std::make_shared<Status>();
  async::Loop loop;
  loop.run(serve(std::move(words), outcome));
  return report(*outcome);
}

}  // namespace

void addApiServer(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("apiserver", "Run the embedded Kubernetes API server and its controllers");
  const auto words = std::make_shared<ServeWords>();
  command->add_option("--data-dir", words->options.data_dir, "Database, keys and admin.kubeconfig")->required();
  command->add_option("--listen", words->listen, "host:port; port 0 takes a free one")->capture_default_str();
  command->add_option("--name", words->options.names, "A further DNS name or address for the server's certificate");
  command->add_option("--audit-log", words->options.audit_log, "Write one JSON line for each request to this file");
  command->add_option("--encryption-provider-config", words->options.encryption,
                      "Encrypt Secrets and others in the database, as this EncryptionConfiguration says");
  command->add_flag("--controllers,!--no-controllers", words->controllers, "Run the scheduler too (default true)");
  const auto file = std::make_shared<std::filesystem::path>();
  CLI::App* backup = command->add_subcommand("backup", "Copy the database, of a running server too");
  CLI::App* restore = command->add_subcommand("restore", "Put a backup in the place of a stopped server's database");
  for (CLI::App* about_file : {backup, restore}) {
    about_file->fallthrough();
    about_file->add_option("file", *file, "The backup")->required();
  }
  command->callback([&context, words, file, backup, restore] {
    const std::filesystem::path& data = words->options.data_dir;
    if (backup->parsed()) {
      context.action = [data, file] { return report(backupTo(data, *file)); };
    } else if (restore->parsed()) {
      context.action = [data, file] { return report(apiserver::restoreBackup(data, *file)); };
    } else {
      context.action = [words] { return serveMain(*words); };
    }
  });
}

}  // namespace slipway::cli
