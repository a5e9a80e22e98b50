#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/strings.h"
#include "config/agent_config.h"
#include "config/controller_config.h"
#include "config/generate.h"
#include "pki/certificate.h"

namespace slipway::config {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = parseTime("2026-01-01T00:00:00Z").value();

GenerateOptions options() {
  GenerateOptions out;
  out.slurm_account = "project_1";
  out.slurm_partition = "standard";
  return out;
}

std::string errorOf(const std::string& extra) {
  const std::string text = generate(options(), kNow)->agent_yaml + extra;
  const auto parsed = parseAgentConfig(text, "agent.yaml");
  return parsed ? "" : parsed.error().message;
}

TEST(Generate, MakesALinkedPairThatIsRead) {
  GenerateOptions wanted = options();
  wanted.controller_secret = false;
  wanted.filter_node = "^nid0010[0-9]{2}$";
  wanted.filter_partition = "^(?:standard)|(?:bench)$";
  const auto files = generate(wanted, kNow);
  ASSERT_TRUE(files.has_value()) << files.error().message;
  const auto agent = parseAgentConfig(files->agent_yaml, "agent.yaml");
  ASSERT_TRUE(agent.has_value()) << agent.error().message;
  const auto controller = parseControllerConfig(files->controller_yaml, "controller.yaml");
  ASSERT_TRUE(controller.has_value()) << controller.error().message;
  EXPECT_EQ(agent->filter.node_regex, wanted.filter_node);
  EXPECT_EQ(agent->mtls.ca, controller->mtls.ca);
  EXPECT_TRUE(pki::verifyIssuedBy(agent->mtls.certificate, controller->mtls.ca, kNow + 24h).has_value());
  EXPECT_TRUE(pki::verifyIssuedBy(controller->mtls.certificate, agent->mtls.ca, kNow + 24h).has_value());
  EXPECT_EQ(controller->port, 40404);
  EXPECT_EQ(controller->node_interval, 1min);
  EXPECT_NE(files->controller_yaml.find("nodeInterval: 1m\n"), std::string::npos);
}

TEST(Generate, EndpointsByIpGetAnIpInTheCertificate) {
  for (const auto& [endpoint, ip] : {std::pair{"1.2.3.4:443", "1.2.3.4"}, {"[::1]:443", "::1"}}) {
    GenerateOptions wanted = options();
    wanted.agent_endpoint = endpoint;
    wanted.controller_secret = false;
    const auto files = generate(wanted, kNow);
    ASSERT_TRUE(files.has_value()) << files.error().message;
    const auto controller = parseControllerConfig(files->controller_yaml, "c");
    const auto certificate = pki::parseCertificate(controller->mtls.certificate);
    ASSERT_EQ(certificate->ips.size(), 1U);
    EXPECT_EQ(certificate->ips[0], ip);
  }
}

TEST(Generate, NamesTheFlagThatIsWrong) {
  GenerateOptions wanted = options();
  wanted.filter_node = "a(";
  EXPECT_NE(generate(wanted, kNow).error().message.find("--filter-node"), std::string::npos);
  wanted = options();
  wanted.slurm_partition.clear();
  EXPECT_NE(generate(wanted, kNow).error().message.find("--slurm-partition"), std::string::npos);
  wanted = options();
  wanted.filter_partition = "^bench$";
  EXPECT_FALSE(generate(wanted, kNow).has_value());
  wanted = options();
  wanted.agent_endpoint = "http://x:1:2";
  EXPECT_FALSE(generate(wanted, kNow).has_value());
}

TEST(GenerateFiles, ReplacesNothingWithoutForce) {
  const TemporaryDirectory dir;
  GenerateOptions wanted = options();
  wanted.agent_config = dir.path() / "a.yaml";
  wanted.controller_config = dir.path() / "c.yaml";
  ASSERT_TRUE(writeFileAtomic(wanted.controller_config, "mine").has_value());
  const auto refused = generateFiles(wanted, kNow);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().is(Code::AlreadyExists));
  EXPECT_FALSE(std::filesystem::exists(wanted.agent_config));
  wanted.force = true;
  ASSERT_TRUE(generateFiles(wanted, kNow).has_value());
  struct stat info{};
  ASSERT_EQ(::stat(wanted.agent_config.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST(RenewFiles, KeepsTheCaAndWhatPeopleWrote) {
  for (const bool secret : {true, false}) {
    const TemporaryDirectory dir;
    GenerateOptions wanted = options();
    wanted.agent_config = dir.path() / "a.yaml";
    wanted.controller_config = dir.path() / "c.yaml";
    wanted.ca_key_file = dir.path() / "ca.key";
    wanted.controller_secret = secret;
    ASSERT_TRUE(generateFiles(wanted, kNow).has_value());
    const std::string mine = readFile(wanted.agent_config).value() + "pollInterval: 7s  # ours\n";
    ASSERT_TRUE(writeFileAtomic(wanted.agent_config, mine, 0600).has_value());
    const auto before = loadAgentConfig(wanted.agent_config);
    const auto renewed = renewFiles({wanted.agent_config, wanted.controller_config, wanted.ca_key_file, 30}, kNow);
    ASSERT_TRUE(renewed.has_value()) << renewed.error().message;
    const auto after = loadAgentConfig(wanted.agent_config);
    ASSERT_TRUE(after.has_value()) << after.error().message;
    EXPECT_EQ(after->poll_interval, 7s);
    EXPECT_EQ(after->mtls.ca, before->mtls.ca);
    EXPECT_NE(after->mtls.certificate, before->mtls.certificate);
    EXPECT_TRUE(pki::checkKeyMatches(after->mtls.certificate, after->mtls.key).has_value());
    const auto controller = loadControllerConfig(wanted.controller_config);
    ASSERT_TRUE(controller.has_value()) << controller.error().message;
    EXPECT_TRUE(pki::verifyIssuedBy(controller->mtls.certificate, after->mtls.ca, kNow + 24h).has_value());
    EXPECT_FALSE(pki::verifyIssuedBy(controller->mtls.certificate, after->mtls.ca, kNow + 24h * 60).has_value());
  }
}

TEST(RenewFiles, RefusesTheKeyOfAnotherCa) {
  const TemporaryDirectory dir;
  GenerateOptions wanted = options();
  wanted.agent_config = dir.path() / "a.yaml";
  wanted.controller_config = dir.path() / "c.yaml";
  ASSERT_TRUE(generateFiles(wanted, kNow).has_value());
  const std::string other = dir.path() / "other.key";
  ASSERT_TRUE(writeFileAtomic(other, generate(options(), kNow)->ca_key, 0600).has_value());
  const auto refused = renewFiles({wanted.agent_config, wanted.controller_config, other, 30}, kNow);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("is not the key of the CA"), std::string::npos);
}

TEST(AddAgentFile, IsACopyWithACertificateOfItsOwn) {
  const TemporaryDirectory directory;
  GenerateOptions wanted = options();
  wanted.agent_config = directory.path() / "agent.yaml";
  wanted.controller_config = directory.path() / "controller.yaml";
  wanted.ca_key_file = directory.path() / "ca.key";
  ASSERT_TRUE(generateFiles(wanted, kNow).has_value());
  const AddAgentOptions second{
      .from = wanted.agent_config, .agent_config = directory.path() / "second.yaml", .ca_key_file = wanted.ca_key_file};
  const auto added = addAgentFile(second, kNow);
  ASSERT_TRUE(added.has_value()) << added.error().message;
  const auto one = parseAgentConfig(readFile(wanted.agent_config).value(), "agent.yaml");
  const auto two = parseAgentConfig(readFile(second.agent_config).value(), "second.yaml");
  ASSERT_TRUE(two.has_value()) << two.error().message;
  EXPECT_NE(one->mtls.certificate, two->mtls.certificate);
  EXPECT_TRUE(pki::verifyIssuedBy(two->mtls.certificate, one->mtls.ca, kNow + 24h).has_value());
  EXPECT_TRUE(pki::checkKeyMatches(two->mtls.certificate, two->mtls.key).has_value());
  EXPECT_EQ(addAgentFile(second, kNow).error().code, Code::AlreadyExists);
}

TEST(AgentConfig, ErrorsTellFileLineAndKey) {
  EXPECT_EQ(errorOf("pollInterval: 5s\n"), "");
  EXPECT_NE(errorOf("pollIntervall: 5s\n").find("unknown key"), std::string::npos);
  EXPECT_NE(errorOf("pollInterval: soon\n").find("pollInterval: 'soon' is not a duration"), std::string::npos);
  EXPECT_NE(errorOf("cluster: a\ncluster: b\n").find("is there twice"), std::string::npos);
  EXPECT_NE(errorOf("hub:\n  secrets: never\n").find("hub.secrets"), std::string::npos)
      << errorOf("hub:\n  secrets: never\n");
  EXPECT_NE(errorOf("hub: [1]\n").find("hub: must be a mapping"), std::string::npos);
  const std::string broken = errorOf("a: [\n");
  EXPECT_TRUE(broken.starts_with("agent.yaml:")) << broken;
}

TEST(AgentConfig, ABadRegexNamesItsLine) {
  const std::string text = "endpoint: a:1\nslurmConfig:\n  filter:\n    nodeRegex: 'x('\n";
  const auto parsed = parseAgentConfig(text, "agent.yaml");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_TRUE(parsed.error().message.find("mTLSConfig") != std::string::npos ||
              parsed.error().message.starts_with("agent.yaml:4:"))
      << parsed.error().message;
}

TEST(AgentConfig, OneRegexAloneLeavesTheOtherOpen) {
  GenerateOptions wanted = options();
  wanted.filter_partition = "standard";
  const auto agent = parseAgentConfig(generate(wanted, kNow)->agent_yaml, "a");
  ASSERT_TRUE(agent.has_value());
  EXPECT_TRUE(matches(agent->filter.node_regex, "anything"));
}

TEST(AgentConfig, EveryCutOfTheFileIsAnErrorOrAConfig) {
  const std::string whole = generate(options(), kNow)->agent_yaml;
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto parsed = parseAgentConfig(whole.substr(0, size), "agent.yaml");
    if (!parsed) EXPECT_FALSE(parsed.error().message.empty());
  }
}

TEST(ControllerConfig, ReadsDurationsAsSupernetesWritesThem) {
  GenerateOptions wanted = options();
  wanted.controller_secret = false;
  std::string text = generate(wanted, kNow)->controller_yaml;
  text = replaceAll(text, "nodeInterval: 1m", "nodeInterval: 60000000000");
  const auto parsed = parseControllerConfig(text, "c");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->node_interval, 1min);
  EXPECT_FALSE(parseControllerConfig(replaceAll(text, "60000000000", "0"), "c").has_value());
}

}  // namespace
}  // namespace slipway::config
