// A decision as it is shown: with what the daemon tells of how it came about.
#pragma once

#include <cstdint>
#include <optional>
#include <rategate/rategate.hpp>
#include <string>
#include <vector>

#include "client/cli/question.hpp"

namespace rategate::cli {

// By what was decided, in CHECKX's words.
struct Rule {
  std::string name;       // of the limit, or what names the key in its rules
  std::string algorithm;  // "fixed-window" or "gcra"; later daemons may have more
  std::int64_t period_ms = 0;
  std::int64_t burst = 0;  // permits that a full bucket holds; of a fixed window those of a period
  std::string source;      // who has decided: "host", "store" or "policy"
  std::int64_t receipt = 0;  // of the permits that were taken; 0: none were
  bool near = false;         // little of the limit is left
  bool shadow = false;       // it would be denied, if the limit were no shadow
};

struct Verdict {
  Decision decision;
  std::optional<Rule> rule;  // nothing: the daemon does not tell it
};

// A decision about several limits, and the name of the one that it is of.
struct Named {
  std::string limit;
  Decision decision;
};

// The limit as a handle of the library. Throws std::invalid_argument where there can be none.
Limit resolve(const Client& client, const Question& question);

// Each asks the daemon once, over the socket: what is in shared memory is of no use to a program
// that ends after it. Throws NoDecision, and std::invalid_argument as resolve does.
Verdict ask_check(const Client& client, const Question& question);
Verdict ask_peek(const Client& client, const Question& question);  // takes nothing
// Waits for it, in the daemon's line, for no longer than the time-out; none: for ever. A restart of
// the daemon is waited out.
Verdict ask_acquire(const Client& client, const Question& question,
                    std::optional<milliseconds> timeout);
// The answer to EXPLAIN.
Reply ask_explain(const Client& client, const Question& question);
// About all of them: limit, key (or an empty text) and cost in turn. Throws std::invalid_argument
// also where they are no such list.
Named ask_all(const Client& client, const std::vector<std::string>& members);

}  // namespace rategate::cli
