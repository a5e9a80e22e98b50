#include "cli/command.h"

#include <CLI/App.hpp>
#include <iostream>

namespace slipway::cli {

std::string version() {
  return SLIPWAY_VERSION;
}

void addVersion(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->callback([&context] {
    context.action = [] {
      std::cout << "slipway " << version() << std::endl;
      return kDone;
    };
  });
}

}  // namespace slipway::cli
