#include <netdb.h>
#include <nss.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <csignal>
#include <iostream>

#include "cli/command.h"

namespace slipway::cli {
namespace {

Status configureLog(const Context& context) {
  TRY(const log::Level level, log::parseLevel(context.log_level));
  log::Format format = ::isatty(STDERR_FILENO) != 0 ? log::Format::Text : log::Format::Json;
  if (!context.log_format.empty()) {
    TRY(format, log::parseFormat(context.log_format));
  }
  log::configure(level, format);
  return {};
}

int run(int argc, char** argv) {
  CLI::App app("Runs Kubernetes workloads on Slurm and shows Slurm to Kubernetes", "slipway");
  Context context;
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-l,--log-level", context.log_level, "trace, debug, info, warn or error")->capture_default_str();
  app.add_option("--log-format", context.log_format, "text or json; text on a terminal, json otherwise");
  for (const auto add :
       {addController, addAgent, addConfig, addApiServer, addDoctor, addVersion, addCompletion, addSupervise}) {
    add(app, context);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kDone : kWrongUsage;
  }
  if (auto status = configureLog(context); !status) {
    report(status.error());
    return kWrongUsage;
  }
  return context.action ? context.action() : kWrongUsage;
}

}  // namespace

int report(const Error& error) {
  std::cerr << "slipway: " << error.message << std::endl;
  return kFailed;
}

int report(const Status& status) {
  return status ? kDone : report(status.error());
}

}  // namespace slipway::cli

int main(int argc, char** argv) {
  // A static binary must not load the host's NSS modules (sss, myhostname): they belong to another libc.
  __nss_configure_lookup("hosts", "files dns");
  for (const char* database : {"passwd", "group", "services"}) __nss_configure_lookup(database, "files");
  std::signal(SIGPIPE, SIG_IGN);
  return slipway::cli::run(argc, argv);
}
