#include <CLI/App.hpp>
#include <iostream>
#include <memory>

#include "base/strings.h"
#include "cli/command.h"

namespace slipway::cli {
namespace {

/// Subcommand path ("config generate") → the words that may follow.
using Words = std::map<std::string, std::vector<std::string>>;

void collect(const CLI::App& app, const std::string& path, Words& out) {
  std::vector<std::string>& words = out[path];
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_group().empty()) continue;
    words.push_back(child->get_name());
    collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), out);
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
}

std::string bashScript(const Words& words) {
  std::string out =
      "_slipway() {\n"
      "  local path=\"\" word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -* ]] || path=\"${path:+$path }$word\"\n"
      "  done\n"
      "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
      "  case \"$path\" in\n";
  for (const auto& [path, next] : words) out += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, join(next, " "));
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  [[ ${#COMPREPLY[@]} -gt 0 || $cur == -* ]] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "}\n"
         "complete -o default -F _slipway slipway\n";
}

std::string fishScript(const Words& words) {
  std::string out = "complete -c slipway -f\n";
  for (const auto& [path, next] : words) {
    for (const std::string& word : next) {
      const std::string condition = path.empty() && !word.starts_with("--") ? "__fish_use_subcommand"
                                    : path.empty()
                                        ? "true"
                                        : "__fish_seen_subcommand_from " + std::string(split(path, ' ').back());
      const std::string what = word.starts_with("--") ? "-l " + word.substr(2) : "-a " + word;
      out += fmt::format("complete -c slipway -n '{}' {}\n", condition, what);
    }
  }
  return out;
}

int printScript(const CLI::App& app, const std::string& shell) {
  Words words;
  collect(app, "", words);
  if (shell == "bash") {
    std::cout << bashScript(words);
  } else if (shell == "zsh") {
    // zsh runs bash completions by its own bridge.
    std::cout << "autoload -U +X bashcompinit && bashcompinit\n" << bashScript(words);
  } else if (shell == "fish") {
    std::cout << fishScript(words);
  } else {
    report(Error{Code::BadRequest, fmt::format("no completion for '{}': bash, zsh and fish have one", shell)});
    return kWrongUsage;
  }
  return kDone;
}

}  // namespace

void addCompletion(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script: source <(slipway completion bash)");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")->required();
  command->callback([&app, &context, shell] { context.action = [&app, shell] { return printScript(app, *shell); }; });
}

}  // namespace slipway::cli
