#include <CLI/App.hpp>
#include <iostream>
#include <memory>

#include "cli/command.h"
#include "config/generate.h"

namespace slipway::cli {
namespace {

using config::GenerateOptions;
using config::RenewOptions;

struct GenerateWords {
  GenerateOptions options;
  std::string reconcile_nodes = "1m";
  std::string reconcile_workloads = "1m";
};

int runGenerate(GenerateWords words) {
  const auto nodes = parseDuration(words.reconcile_nodes);
  const auto workloads = parseDuration(words.reconcile_workloads);
  if (!nodes) return report(nodes.error().wrap("--reconcile-nodes"));
  if (!workloads) return report(workloads.error().wrap("--reconcile-workloads"));
  words.options.reconcile_nodes = *nodes;
  words.options.reconcile_workloads = *workloads;
  if (auto done = config::generateFiles(words.options, SystemClock().now()); !done) return report(done.error());
  std::cout << "wrote " << words.options.agent_config << " and " << words.options.controller_config << "\n";
  if (words.options.ca_key_file.empty()) {
    std::cout << "the CA's key was not kept (--ca-key FILE keeps it): these certificates cannot be renewed\n";
  } else {
    std::cout << "wrote " << words.options.ca_key_file << ": keep it apart, `slipway config renew` needs it\n";
  }
  return kDone;
}

void addGenerate(CLI::App& parent, Context& context) {
  CLI::App* command =
      parent.add_subcommand("generate", "Write a linked agent.yaml and controller.yaml with fresh mTLS");
  const auto words = std::make_shared<GenerateWords>();
  GenerateOptions& o = words->options;
  command->add_option("-a,--agent-config", o.agent_config, "File to write for the agent")->capture_default_str();
  command->add_option("-e,--agent-endpoint", o.agent_endpoint, "host:port by which the agent reaches the controller")
      ->capture_default_str();
  command->add_option("-c,--controller-config", o.controller_config, "File to write for the controller")
      ->capture_default_str();
  command->add_option("-p,--controller-port", o.controller_port, "Port on which the controller listens")
      ->capture_default_str();
  command->add_flag("-s,--controller-secret,!--no-controller-secret", o.controller_secret,
                    "Wrap the controller's file in a Secret manifest (default true; --controller-secret=false: plain)");
  command->add_option("--controller-secret-name", o.controller_secret_name, "Name of that Secret")
      ->capture_default_str();
  command->add_option("--controller-secret-namespace", o.controller_secret_namespace, "Namespace of that Secret")
      ->capture_default_str();
  command->add_option("--reconcile-nodes", words->reconcile_nodes, "Interval of node reconciliation")
      ->capture_default_str();
  command->add_option("--reconcile-workloads", words->reconcile_workloads, "Interval of workload reconciliation")
      ->capture_default_str();
  command->add_option("--slurm-account", o.slurm_account, "Slurm account of pods that name none")->required();
  command->add_option("--slurm-partition", o.slurm_partition, "Slurm partition of pods that name none")->required();
  command->add_option("--filter-partition", o.filter_partition, "Regular expression: partitions to show");
  command->add_option("--filter-node", o.filter_node, "Regular expression: nodes to show");
  command->add_option("-d,--cert-days-valid", o.cert_days_valid, "Days that the certificates are valid")
      ->capture_default_str();
  command->add_option("--ca-key", o.ca_key_file, "Keep the CA's key in this file, for `config renew`");
  command->add_flag("--force", o.force, "Replace files that exist");
  command->callback([&context, words] { context.action = [words] { return runGenerate(*words); }; });
}

void addRenew(CLI::App& parent, Context& context) {
  CLI::App* command = parent.add_subcommand("renew", "Put new certificates of the same CA into both files");
  const auto options = std::make_shared<RenewOptions>();
  command->add_option("-a,--agent-config", options->agent_config, "The agent's file")->capture_default_str();
  command->add_option("-c,--controller-config", options->controller_config, "The controller's file, plain or a Secret")
      ->capture_default_str();
  command->add_option("--ca-key", options->ca_key_file, "The CA's key that `config generate --ca-key` wrote")
      ->required();
  command->add_option("-d,--cert-days-valid", options->cert_days_valid, "Days that the certificates are valid")
      ->capture_default_str();
  command->callback([&context, options] {
    context.action = [options] {
      const Status renewed = config::renewFiles(*options, SystemClock().now());
      if (renewed) std::cout << "renewed; restart controller and agent to use them\n";
      return report(renewed);
    };
  });
}

void addAddAgent(CLI::App& parent, Context& context) {
  CLI::App* command = parent.add_subcommand(
      "add-agent", "Write the file of one more agent, for another Slurm cluster at the same controller");
  const auto options = std::make_shared<config::AddAgentOptions>();
  command->add_option("--from", options->from, "An agent's file of this controller: copied, with a new certificate")
      ->capture_default_str();
  command->add_option("-a,--agent-config", options->agent_config, "File to write for the new agent")->required();
  command->add_option("--ca-key", options->ca_key_file, "The CA's key that `config generate --ca-key` wrote")
      ->required();
  command->add_option("-d,--cert-days-valid", options->cert_days_valid, "Days that the certificate is valid")
      ->capture_default_str();
  command->add_flag("--force", options->force, "Replace a file that exists");
  command->callback([&context, options] {
    context.action = [options] {
      const Status added = config::addAgentFile(*options, SystemClock().now());
      if (added) std::cout << "wrote " << options->agent_config << "\n";
      return report(added);
    };
  });
}

}  // namespace

void addConfig(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("config", "Make and renew configuration files");
  command->require_subcommand(1);
  addGenerate(*command, context);
  addRenew(*command, context);
  addAddAgent(*command, context);
}

}  // namespace slipway::cli
