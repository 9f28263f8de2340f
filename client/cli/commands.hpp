// What the subcommands do. Each returns the exit code of the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/exit_code.hpp"
#include "client/cli/question.hpp"

namespace rategate::cli {

struct Command {
  std::string socket_path;  // empty: the library's choice
  Question question;
  Settlement settlement;                   // of settle; of refund the receipt
  std::optional<std::int64_t> timeout_ms;  // of acquire and run; nothing: for ever
  std::int64_t wait_ms = 0;                // of enter; 0: asks once
  std::int64_t for_ms = 0;                 // of enter; 0: for as long as its program runs
  std::int64_t ticket = 0;                 // of stay and leave
  std::vector<std::string> program;        // of run and enter, with its arguments
  std::vector<std::string> sections;       // of info
  std::vector<std::string> members;        // of checkall: limit, key and cost of each
  bool json = false;
  bool quiet = false;
};

int check(const Command& command);
int acquire(const Command& command);
int checkall(const Command& command);
int peek(const Command& command);
int explain(const Command& command);
int settle(const Command& command);
int refund(const Command& command);  // question.cost permits
int clear(const Command& command);
int reload(const Command& command);
int run(const Command& command);    // returns only when it failed
int enter(const Command& command);  // without a program: for for_ms, and tells the ticket
int stay(const Command& command);
int leave(const Command& command);
int limits(const Command& command);
int ping(const Command& command);
int info(const Command& command);

}  // namespace rategate::cli
