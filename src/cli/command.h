#pragma once

#include <functional>
#include <string>

#include "base/log.h"

namespace CLI {
class App;
}

namespace slipway::cli {

/// Exit codes of the program.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongUsage = 2;

/// What parsing leaves behind: the global options, and the chosen subcommand's action.
struct Context {
  std::string log_level = "info";
  std::string log_format;  ///< "": text on a terminal, JSON lines otherwise
  std::function<int()> action;
};

/// Each adds one subcommand with its options. On its choice Context::action is set and runs after parsing.
void addController(CLI::App& app, Context& context);
void addAgent(CLI::App& app, Context& context);
void addSupervise(CLI::App& app, Context& context);
void addConfig(CLI::App& app, Context& context);
void addApiServer(CLI::App& app, Context& context);
void addDoctor(CLI::App& app, Context& context);
void addVersion(CLI::App& app, Context& context);
void addCompletion(CLI::App& app, Context& context);

/// Prints "slipway: <message>" on stderr and gives the exit code for the error.
int report(const Error& error);
int report(const Status& status);

/// "0.1.0", and "0.1.0+abc1234" for a build from a checkout.
std::string version();

}  // namespace slipway::cli
