#include "async/loop.h"
#include "base/files.h"
#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "slurm/job_script.h"
#include "slurm/slurm_driver.h"

namespace slipway::slurm {
namespace {

using async::Command;
using async::ProcessResult;
using Kind = SubmitOutcome::Kind;

/// Answers by program and first arguments; remembers the commands.
class FakeRunner final : public async::ProcessRunner {
 public:
  std::map<std::string, Result<ProcessResult>> answers;
  std::vector<Command> commands;

  Task<Result<ProcessResult>> run(Command command) override {
    std::string line = join(command.argv, " ");
    commands.push_back(command);
    for (const auto& [prefix, answer] : answers) {
      if (!line.starts_with(prefix)) continue;
      if (command.on_output && answer) {
        command.on_output(answer->output);
      }
      co_return answer;
    }
    co_return failure(Code::NotFound, "start {}: No such file", command.argv[0]);
  }

 private:
  static std::string join(const std::vector<std::string>& words, std::string_view separator) {
    std::string out;
    for (const std::string& word : words) out += out.empty() ? word : fmt::format("{}{}", separator, word);
    return out;
  }
};

struct CountingSink final : InventorySink {
  size_t nodes = 0, jobs = 0;
  void node(const NodeRecord&) override { ++nodes; }
  void job(const JobRecord&) override { ++jobs; }
};

class DriverTest : public ::testing::Test {
 protected:
  static std::string capture(std::string_view name) {
    return readFile(fmt::format("{}/22.05/{}.txt", SLIPWAY_TEST_DATA, name)).value();
  }
  Result<PollSummary> poll() { return async::runToEnd(driver.poll(sink)); }

  FakeRunner runner;
  testing::ManualClock clock;
  SystemRandom random;
  SlurmDriver driver{{}, runner, clock, random};
  CountingSink sink;
};

TEST_F(DriverTest, APollIsTwoCommands) {
  runner.answers["scontrol show node"] = ProcessResult{.output = capture("scontrol-show-node-o")};
  runner.answers["scontrol show job"] = ProcessResult{.output = capture("scontrol-show-job-d-o")};
  const auto summary = poll();
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(summary->nodes, 4U);
  EXPECT_EQ(summary->jobs, 24U);
  EXPECT_EQ(sink.jobs, 24U);
  ASSERT_EQ(runner.commands.size(), 2U);
  EXPECT_EQ(runner.commands[1].environment.at("TZ"), "UTC");
  EXPECT_EQ(runner.commands[1].environment.at("LC_ALL"), "C");
}

TEST_F(DriverTest, ASiteWithoutJobsIsFine_OneWithoutAnswerIsNot) {
  runner.answers["scontrol show node"] = ProcessResult{.output = "NodeName=n1 State=IDLE\n"};
  runner.answers["scontrol show job"] = ProcessResult{.output = "No jobs in the system\n"};
  EXPECT_TRUE(poll().has_value());
  runner.answers["scontrol show job"] = ProcessResult{.output = ""};
  ASSERT_FALSE(poll().has_value());
  runner.answers["scontrol show node"] = ProcessResult{.output = ""};
  EXPECT_NE(poll().error().message.find("no conclusion"), std::string::npos);
  runner.answers["scontrol show node"] = ProcessResult{.output = "<html>busy</html>"};
  EXPECT_FALSE(poll().has_value());
}

TEST_F(DriverTest, FailuresSayWhatAndTheMend) {
  auto error = poll().error();
  EXPECT_TRUE(error.is(Code::NotFound));
  EXPECT_NE(error.message.find("not in PATH"), std::string::npos);
  runner.answers["scontrol show node"] = ProcessResult{
      .exit_code = 1, .errors = "slurm_load_node error: Unable to contact slurm controller (connect failure)\n"};
  error = poll().error();
  EXPECT_TRUE(error.is(Code::ServiceUnavailable));
  EXPECT_NE(error.message.find("is slurmctld up"), std::string::npos) << error.message;
  EXPECT_TRUE(driver.budget().quiet());
  clock.advance(std::chrono::minutes(5));
  EXPECT_FALSE(driver.budget().quiet());
}

TEST_F(DriverTest, ASlurmctldThatIsDownIsLookedForEvery20Seconds_AnOverloadedOneIsLeftAlone) {
  const auto quietFor = [this] {
    std::chrono::seconds waited(0);
    for (; driver.budget().quiet() && waited < std::chrono::minutes(10); ++waited) {
      clock.advance(std::chrono::seconds(1));
    }
    return waited;
  };
  runner.answers["scontrol show node"] = ProcessResult{
      .exit_code = 1, .errors = "slurm_load_node error: Unable to contact slurm controller (connect failure)\n"};
  for (int failures = 0; failures < 30; ++failures) {
    EXPECT_FALSE(poll().has_value());
    EXPECT_LE(quietFor(), std::chrono::seconds(20));
  }
  runner.answers["scontrol show node"] =
      ProcessResult{.exit_code = 1, .errors = "scontrol: error: RPC rate limit exceeded\n"};
  std::chrono::seconds last(0);
  for (int failures = 0; failures < 10; ++failures) {
    EXPECT_FALSE(poll().has_value());
    last = quietFor();
  }
  EXPECT_GE(last, std::chrono::seconds(90));
  runner.answers["scontrol show node"] = ProcessResult{.output = "NodeName=n1 State=IDLE\n"};
  runner.answers["scontrol show job"] = ProcessResult{.output = "No jobs in the system\n"};
  EXPECT_TRUE(poll().has_value());
  runner.answers["scontrol show node"] = ProcessResult{.exit_code = 1, .errors = "scontrol: error: RPC rate limit\n"};
  EXPECT_FALSE(poll().has_value());
  EXPECT_LE(quietFor(), std::chrono::seconds(7)) << "a success begins anew";
}

TEST_F(DriverTest, TroublesOfAccountingAreNoneOfSlurmctld) {
  runner.answers["sacct"] =
      ProcessResult{.exit_code = 1,
                    .errors = "sacct: error: slurm_persist_conn_open: Unable to contact slurmdbd: Connection refused"};
  for (int asked = 0; asked < 50; ++asked) EXPECT_FALSE(async::runToEnd(driver.accountedSince(0)).has_value());
  EXPECT_FALSE(driver.budget().quiet());
  EXPECT_EQ(runner.commands.size(), 1U) << "the rest failed at once";
  clock.advance(std::chrono::minutes(3));
  runner.answers["sacct"] = ProcessResult{.output = "12|COMPLETED|0:0|Unknown|Unknown|n1|/d|c\n"};
  EXPECT_EQ(async::runToEnd(driver.accountedSince(0))->at(0).work_dir, "/d");
}

TEST_F(DriverTest, OneJobIsFoundByItsId_AndOnlySlurmctldSaysThatThereIsNone) {
  runner.answers["scontrol show job -o -a 7"] = ProcessResult{
      .output = "JobId=7 JobName=x UserId=a(1) GroupId=b(1) JobState=PENDING Command=/x WorkDir=/d Comment=c Power=\n"};
  const auto found = async::runToEnd(driver.find(7));
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(found->state, "PENDING");
  EXPECT_EQ(found->work_dir, "/d");
  EXPECT_EQ(found->comment, "c");
  runner.answers["scontrol show job -o -a 7"] =
      ProcessResult{.exit_code = 1, .errors = "slurm_load_jobs error: Invalid job id specified\n"};
  EXPECT_TRUE(async::runToEnd(driver.find(7)).error().is(Code::NotFound));
  runner.answers["scontrol show job -o -a 7"] = ProcessResult{.output = "No jobs in the system\n"};
  EXPECT_TRUE(async::runToEnd(driver.find(7)).error().is(Code::ServiceUnavailable));
}

TEST(JobScript, KeepsTheTokenOfSbatchFromThePod) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(writeFileAtomic(directory.path() / "plan.pb", "plan", 0600).has_value());
  async::SystemProcessRunner system;
  Command command{
      .argv = {"bash"},
      .input = replaceAll(renderJobScript("/bin/true", directory.path().string()), "exec ",
                          "echo ${SLURM_JWT-none} ${KRB5CCNAME-none} ${OUR_SLURM_PASSWORD-none} $SLURM_JOB_ID; exec "),
      .environment = {
          {"SLURM_JOB_ID", "7"}, {"SLURM_JWT", "secret"}, {"KRB5CCNAME", "secret"}, {"OUR_SLURM_PASSWORD", "secret"}}};
  EXPECT_EQ(async::runToEnd(system.run(command))->output, "none none none 7\n");
}

TEST_F(DriverTest, SubmitsWithOptionsAsArgumentsAndTheScriptAsInput) {
  ::setenv("SLIPWAY_TEST_SECRET", "x", 1);
  runner.answers["sbatch"] = ProcessResult{.output = "4711\n"};
  Submission submission;
  submission.options.set_partition("gpu");
  submission.options.set_job_name("it's \"a\" $(name)");
  submission.options.set_memory_mib(512);
  submission.options.add_node_list("n1");
  submission.options.add_node_list("n2");
  submission.options.add_flags("--exclusive");
  submission.comment = commentOf("c", "uid", 2);
  submission.script = renderJobScript("/opt/a b/slipway", "/home/x/'q'");
  const SubmitOutcome outcome = async::runToEnd(driver.submit(submission));
  EXPECT_EQ(outcome.kind, Kind::Accepted);
  EXPECT_EQ(outcome.job_id, 4711U);
  const auto& argv = runner.commands.at(0).argv;
  for (const std::string expected :
       {"--partition=gpu", "--job-name=it's \"a\" $(name)", "--mem=512M", "--nodelist=n[1-2]", "--exclusive",
        "--comment=slipway:c:uid:2", "--signal=B:TERM@30", "--parsable", "--export=ALL"}) {
    EXPECT_NE(std::find(argv.begin(), argv.end(), expected), argv.end()) << expected;
  }
  // A list of names in --export would start a login shell.
  EXPECT_EQ(std::count(runner.commands.at(0).unset.begin(), runner.commands.at(0).unset.end(), "SLIPWAY_TEST_SECRET"),
            1);
  EXPECT_EQ(std::count(runner.commands.at(0).unset.begin(), runner.commands.at(0).unset.end(), "PATH"), 0);
  const std::string& script = runner.commands.at(0).input;
  EXPECT_TRUE(script.starts_with("#!/bin/bash\n"));
  EXPECT_EQ(script.find("#SBATCH"), std::string::npos);
  EXPECT_NE(script.find("exec '/opt/a b/slipway' supervise --dir \"$directory\""), std::string::npos) << script;
}

TEST_F(DriverTest, OnlyTheFirstJobOfADirectoryRuns) {
  const TemporaryDirectory directory;
  const std::string script = renderJobScript("/bin/echo", directory.path().string());
  async::SystemProcessRunner system;
  const auto run = [&](std::string id) {
    Command command{.argv = {"bash"}, .input = script, .environment = {{"SLURM_JOB_ID", id}}};
    return async::runToEnd(system.run(command)).value();
  };
  EXPECT_EQ(run("7").exit_code, 1) << "a pod that is over, or a directory that is not seen here";
  ASSERT_TRUE(writeFileAtomic(directory.path() / "plan.pb", "plan", 0600).has_value());
  EXPECT_EQ(run("7").output, fmt::format("supervise --dir {}\n", directory.path().string()));
  EXPECT_EQ(run("8").output, "");
  EXPECT_EQ(run("8").exit_code, 0);
  EXPECT_NE(run("7").output, "");
}

TEST(Outcomes, OfSbatch) {
  const auto kind = [](int code, std::string errors, std::string output = "") {
    return outcomeOfSbatch(ProcessResult{.exit_code = code, .output = output, .errors = errors}).kind;
  };
  EXPECT_EQ(kind(0, "sbatch: warning: x", "12;cluster\n"), Kind::Accepted);
  EXPECT_EQ(kind(0, "", "what?"), Kind::Unknown);
  EXPECT_EQ(kind(1, "sbatch: error: Batch job submission failed: Invalid partition name specified"), Kind::Refused);
  EXPECT_EQ(kind(1, "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"),
            Kind::Unknown);
  EXPECT_EQ(kind(1, "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)"),
            Kind::NotSubmitted);
  EXPECT_EQ(kind(1, "sbatch: error: Batch job submission failed: Unable to contact slurm controller (receive failure)"),
            Kind::Unknown);
  EXPECT_EQ(kind(1, "sbatch: error: Batch job submission failed: Unable to contact slurm controller (send failure)"),
            Kind::Unknown);
  EXPECT_EQ(
      kind(1, "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)"),
      Kind::NotSubmitted);
  EXPECT_EQ(outcomeOfSbatch(failure(Code::NotFound, "start sbatch")).kind, Kind::NotSubmitted);
  EXPECT_EQ(outcomeOfSbatch(failure(Code::Timeout, "sbatch: no answer")).kind, Kind::Unknown);
  EXPECT_EQ(outcomeOfSbatch(ProcessResult{.exit_code = 137, .signal = 9}).kind, Kind::Unknown);
}

TEST(Flags, CannotOverrideOrSwallow) {
  for (const std::string_view good :
       {"--exclusive", "--exclusive=user", "--constraint=a&b", "--mem-per-cpu=1G", "--gpus=2", "--no-requeue",
        "--dependency=afterok:12", "--licenses=a:1,b:2", "--hold"}) {
    EXPECT_TRUE(validateFlag(good).has_value()) << good;
  }
  for (const std::string_view bad : {"--comment=x", "--comm=x", "--output=/x", "-o/x", "--time", "script.sh", "--",
                                     "--wrap=id", "--job-name=x", "--jo=x", "--a b=c", "--mem=1\n2", "--parsable",
                                     "--test-only", "--wrap", "--array=1-10", "--uid=0", "--export=ALL", ""}) {
    EXPECT_FALSE(validateFlag(bad).has_value()) << bad;
  }
}

TEST(Options, AreValuesAndNothingElse) {
  site::v1::SlurmOptions options;
  options.set_partition("main,gpu");
  options.set_constraint("[a*2&b]|c");
  EXPECT_TRUE(validateOptions(options).has_value());
  options.set_partition("a b");
  EXPECT_NE(validateOptions(options).error().message.find("partition"), std::string::npos);
  options.set_partition("");
  options.set_job_name("a\nb");
  EXPECT_FALSE(validateOptions(options).has_value());
}

TEST(Config, IsRead) {
  for (const std::string_view version : {"22.05", "24.11", "26.05"}) {
    const auto config =
        parseConfig(readFile(fmt::format("{}/{}/scontrol-show-config.txt", SLIPWAY_TEST_DATA, version)).value());
    EXPECT_EQ(config.cluster_name, "cap");
    EXPECT_TRUE(config.version.starts_with(version));
    EXPECT_TRUE(config.accounting);
  }
}

TEST(Sacct, IsRead) {
  const auto jobs = parseSacct(
      "12|CANCELLED by 1000|0:15|2026-01-01T00:00:00|Unknown|n[1-2]|/state/pods/u/0|slipway:c:u:0\nrubbish\n|x|\n");
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].state, "CANCELLED by 1000");
  EXPECT_EQ(jobs[0].exit_signal, 15);
  EXPECT_EQ(jobs[0].end_time, 0);
  EXPECT_EQ(jobs[0].work_dir, "/state/pods/u/0");
  EXPECT_EQ(jobs[0].comment, "slipway:c:u:0");
}

}  // namespace
}  // namespace slipway::slurm
