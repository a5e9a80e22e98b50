#include "supervisor/container_state.h"

#include <gtest/gtest.h>

#include "supervisor/restart_backoff.h"

namespace slipway::supervisor {
namespace {

using S = ContainerState;
using E = ContainerEvent;

constexpr S kStates[] = {S::Waiting, S::Pulling,  S::PullBackOff,  S::Starting,
                         S::Running, S::Stopping, S::CrashBackOff, S::Exited};
constexpr E kEvents[] = {E::Turn,        E::ImageReady, E::ImageFailed, E::Started,
                         E::StartFailed, E::Ended,      E::StopWanted,  E::BackOffOver};

/// What changes; everything else stays. `crash` is where an end leads: back-off or exit by the restart policy.
std::map<std::pair<S, E>, S> expected(S crash) {
  return {{{S::Waiting, E::Turn}, S::Pulling},
          {{S::Pulling, E::ImageReady}, S::Starting},
          {{S::Pulling, E::ImageFailed}, S::PullBackOff},
          {{S::Starting, E::Started}, S::Running},
          {{S::Starting, E::StartFailed}, crash},
          {{S::Running, E::Ended}, crash},
          {{S::Stopping, E::Ended}, crash},
          {{S::PullBackOff, E::BackOffOver}, S::Pulling},
          {{S::CrashBackOff, E::BackOffOver}, S::Pulling},
          {{S::Running, E::StopWanted}, S::Stopping},
          {{S::Waiting, E::StopWanted}, S::Exited},
          {{S::Pulling, E::StopWanted}, S::Exited},
          {{S::PullBackOff, E::StopWanted}, S::Exited},
          {{S::Starting, E::StopWanted}, S::Exited},
          {{S::CrashBackOff, E::StopWanted}, S::Exited}};
}

TEST(ContainerState, EveryTransitionIsAsTheTableSays) {
  for (const bool restarts : {false, true}) {
    const auto table = expected(restarts ? S::CrashBackOff : S::Exited);
    for (const S state : kStates) {
      EXPECT_EQ(next(state, E::Broken, restarts), S::Exited);
      for (const E event : kEvents) {
        const auto found = table.find({state, event});
        EXPECT_EQ(next(state, event, restarts), found == table.end() ? state : found->second)
            << format_as(state) << " event " << static_cast<int>(event) << " restarts " << restarts;
      }
    }
  }
}

TEST(RestartRules, TheFirstThatMatchesDecides) {
  site::v1::Container container;
  EXPECT_FALSE(restartsByRule(container, 1));
  const auto add = [&](const char* name, std::vector<int32_t> codes) {
    site::v1::RestartRule& rule = *container.add_restart_rules();
    rule.set_action("Restart");
    rule.set_operator_(name);
    for (const int32_t code : codes) rule.add_exit_codes(code);
  };
  add("In", {42, 43});
  EXPECT_TRUE(restartsByRule(container, 42));
  EXPECT_FALSE(restartsByRule(container, 0));
  add("NotIn", {0, 1});
  EXPECT_TRUE(restartsByRule(container, 7));
  EXPECT_FALSE(restartsByRule(container, 1));
  container.mutable_restart_rules(0)->set_action("another");
  EXPECT_FALSE(restartsByRule(container, 42));
}

TEST(RestartBackoff, GrowsAsKubeletsAndStartsAfreshAfterALongRun) {
  using namespace std::chrono_literals;
  RestartBackoff backoff{Timing()};
  std::vector<std::chrono::nanoseconds> delays;
  for (int i = 0; i < 8; ++i) delays.push_back(backoff.next(1s));
  EXPECT_EQ(delays, (std::vector<std::chrono::nanoseconds>{0s, 10s, 20s, 40s, 80s, 160s, 300s, 300s}));
  EXPECT_EQ(backoff.next(11min), 0s);
}

}  // namespace
}  // namespace slipway::supervisor
