#include "slurm/states.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace slipway::slurm {
namespace {

struct Alias {
  std::string_view said;
  std::string_view meant;
};

constexpr std::array kNodeAliases = {
    Alias{"ALLOC", "ALLOCATED"},
    Alias{"MIX", "MIXED"},
    Alias{"FAILING", "FAIL"},
    Alias{"MAINT", "MAINTENANCE"},
    Alias{"NO_RESPOND", "NOT_RESPONDING"},
    Alias{"POWER_DOWN", "POWER_DOWN"},
    Alias{"POWER_UP", "POWERING_UP"},
    Alias{"REBOOT", "REBOOT_REQUESTED"},
    Alias{"RES", "RESERVED"},
    Alias{"RESV", "RESERVED"},
    Alias{"UNK", "UNKNOWN"},
    Alias{"PLND", "PLANNED"},
    Alias{"POW_DN", "POWERING_DOWN"},
    Alias{"POW_UP", "POWERING_UP"},
};

/// Words that sinfo prints for a base state and DRAIN together.
constexpr std::array kDrainWords = {Alias{"DRAINED", "IDLE"}, Alias{"DRAINING", "ALLOCATED"},
                                    Alias{"DRNG", "ALLOCATED"}, Alias{"DRAIN", "IDLE"}};

std::string_view flagOfSuffix(char c) {
  switch (c) {
    case '*':
      return "NOT_RESPONDING";
    case '~':
      return "POWERED_DOWN";
    case '#':
      return "POWERING_UP";
    case '!':
      return "POWER_DOWN";
    case '%':
      return "POWERING_DOWN";
    case '$':
      return "MAINTENANCE";
    case '@':
      return "REBOOT_REQUESTED";
    case '^':
      return "REBOOT_ISSUED";
    case '-':
      return "PLANNED";
    default:
      return {};
  }
}

struct FlagWord {
  std::string_view flag;
  std::string_view base;  ///< shown when the flag stands alone
};

/// Flags that job_state_string() prints instead of the base state.
constexpr std::array kJobFlags = {
    FlagWord{"COMPLETING", "RUNNING"},    FlagWord{"CONFIGURING", "RUNNING"},   FlagWord{"RESIZING", "RUNNING"},
    FlagWord{"SIGNALING", "RUNNING"},     FlagWord{"STAGE_OUT", "RUNNING"},     FlagWord{"STOPPED", "RUNNING"},
    FlagWord{"POWER_UP_NODE", "RUNNING"}, FlagWord{"RECONFIG_FAIL", "RUNNING"}, FlagWord{"UPDATE_DB", "RUNNING"},
    FlagWord{"REQUEUED", "PENDING"},      FlagWord{"REQUEUE", "PENDING"},       FlagWord{"REQUEUE_FED", "PENDING"},
    FlagWord{"REQUEUE_HOLD", "PENDING"},  FlagWord{"SPECIAL_EXIT", "PENDING"},  FlagWord{"RESV_DEL_HOLD", "PENDING"},
    FlagWord{"LAUNCH_FAILED", "PENDING"}, FlagWord{"EXPEDITING", "PENDING"},    FlagWord{"REVOKED", "CANCELLED"},
};

const FlagWord* jobFlag(std::string_view word) {
  const auto found =
      std::find_if(kJobFlags.begin(), kJobFlags.end(), [&](const FlagWord& f) { return f.flag == word; });
  return found == kJobFlags.end() ? nullptr : &*found;
}

void addFlag(State& state, std::string_view flag) {
  if (!flag.empty() && !state.has(flag)) state.flags.emplace_back(flag);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return out;
}

}  // namespace

bool State::has(std::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

State parseNodeState(std::string_view text) {
  State state;
  const std::string all = upper(trim(text));
  for (std::string_view word : split(all, '+')) {
    std::vector<std::string_view> suffixes;
    while (!word.empty() && !flagOfSuffix(word.back()).empty()) {
      suffixes.push_back(flagOfSuffix(word.back()));
      word.remove_suffix(1);
    }
    for (const Alias& alias : kNodeAliases) {
      if (word == alias.said) word = alias.meant;
    }
    if (state.base.empty()) {
      for (const Alias& drain : kDrainWords) {
        if (word != drain.said) continue;
        addFlag(state, "DRAIN");
        word = drain.meant;
      }
      state.base = std::string(word);
    } else {
      addFlag(state, word);
    }
    for (auto it = suffixes.rbegin(); it != suffixes.rend(); ++it) addFlag(state, *it);
  }
  state.base = toValidUtf8(state.base.empty() ? "UNKNOWN" : state.base);
  for (std::string& flag : state.flags) flag = toValidUtf8(flag);
  return state;
}

State parseJobState(std::string_view text) {
  State state;
  // "CANCELLED by 1000" of sacct.
  const std::string all = upper(splitOnce(trim(text), ' ').first);
  std::string_view rest = all;
  while (!rest.empty()) {
    const size_t end = rest.find_first_of("+,");
    const std::string_view word = rest.substr(0, end);
    if (jobFlag(word) != nullptr) {
      addFlag(state, word == "REQUEUE" ? "REQUEUED" : word);
    } else if (state.base.empty()) {
      state.base = word == "NODE_FAILED" ? "NODE_FAIL" : std::string(word);
    } else {
      addFlag(state, word);
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  if (state.base.empty()) {
    state.base = state.flags.empty() ? "UNKNOWN" : std::string(jobFlag(state.flags.front())->base);
  }
  state.base = toValidUtf8(state.base);
  for (std::string& flag : state.flags) flag = toValidUtf8(flag);
  return state;
}

bool isFinal(const State& state) {
  static constexpr std::array<std::string_view, 9> kFinal = {"COMPLETED", "CANCELLED", "FAILED",
                                                             "TIMEOUT",   "NODE_FAIL", "PREEMPTED",
                                                             "BOOT_FAIL", "DEADLINE",  "OUT_OF_MEMORY"};
  for (const std::string& flag : state.flags) {
    const FlagWord* known = jobFlag(flag);
    if (known != nullptr && known->base != "CANCELLED" && flag != "UPDATE_DB" && flag != "RECONFIG_FAIL") return false;
  }
  return std::find(kFinal.begin(), kFinal.end(), state.base) != kFinal.end();
}

}  // namespace slipway::slurm
