#include "client/cli/commands.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <rategate/rategate.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/cli/advice.hpp"
#include "client/cli/explanation.hpp"
#include "client/cli/interruption.hpp"
#include "client/cli/output.hpp"
#include "client/cli/program.hpp"
#include "client/cli/reply_map.hpp"
#include "client/cli/verdict.hpp"

namespace rategate::cli {
namespace {

// False when it cannot be written: a script must not take silence for an answer.
bool print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return true;
  complain(std::string("cannot write the answer: ") + std::strerror(errno));
  return false;
}

// What the program exits with where nothing was decided. An outage is one thing and a mistake in
// the question another: whoever lets pass what nobody could decide must not let pass a key too
// long.
struct Failures {
  int mistake = kError;
  int unavailable = kUnavailable;
  bool may_declare = true;  // a limit that is not there could be declared in the call
};

// Runs `act` with a client; what it throws is told, with what to do about it.
template <class Act>
int with_client(const Command& command, const Failures& failures, Act act) {
  try {
    Options options;
    options.socket_path = command.socket_path;
    const Client client(options);
    try {
      return act(client);
    } catch (const NoDecision& failure) {
      const std::string text = failure.what();
      complain(text);
      const std::string lines = advice(failure.code().value(), std::string(client.socket_path()),
                                       text, failures.may_declare);
      std::fputs(lines.c_str(), stderr);
      if (dynamic_cast<const Unavailable*>(&failure) != nullptr) return failures.unavailable;
    }
  } catch (const std::invalid_argument& failure) {
    std::fprintf(stderr, "%s\n", failure.what());  // begins with the library's name, which is ours
  } catch (const std::exception& failure) {
    complain(failure.what());
  }
  return failures.mistake;
}

[[noreturn]] void refuse_answer(std::string_view verb) {
  throw Refused(-EPROTO, std::string(verb) + " was answered as rategated does not");
}

// The answer to a command, of the type that rategated answers it with.
Reply ask(const Client& client, const std::vector<std::string_view>& words,
          rategate_reply_type type) {
  Reply reply = client.command(words);
  if (reply->type != type) refuse_answer(words.front());
  return reply;
}

// `mood` stands before the verdict's words.
int tell(const Command& command, const std::string& mood, const Verdict& verdict) {
  if (!command.quiet &&
      !print(command.json ? verdict_json(verdict) : mood + verdict_text(verdict))) {
    return kError;
  }
  return verdict.decision.allowed ? kAllowed : kDenied;
}

int tell_verdict(const Command& command, const std::string& mood,
                 Verdict (*ask)(const Client&, const Question&)) {
  return with_client(command, {}, [&](const Client& client) -> int {
    return tell(command, mood, ask(client, command.question));
  });
}

bool is_never(const Decision& denial) { return denial.retry_after.count() < 0; }

std::optional<milliseconds> timeout_of(const Command& command) {
  if (!command.timeout_ms) return std::nullopt;
  return milliseconds(*command.timeout_ms);
}

// Nothing where the time is over and nothing was decided.
std::optional<Verdict> ask_in_time(const Client& client, const Command& command) {
  const auto asked = std::chrono::steady_clock::now();
  const std::optional<milliseconds> timeout = timeout_of(command);
  try {
    return ask_acquire(client, command.question, timeout);
  } catch (const Unavailable&) {
    const bool is_over = timeout && std::chrono::steady_clock::now() - asked >= *timeout;
    if (!is_over || timeout->count() == 0) throw;
    return std::nullopt;
  }
}

// What to exit with where a command that waited for its permit is not to run; nothing: it is.
std::optional<int> ask_to_run(const Client& client, const Command& command) {
  const Question& question = command.question;
  std::optional<Verdict> told;
  if (command.json) {
    told = ask_in_time(client, command);
    if (told && told->decision.allowed) return std::nullopt;
  } else {
    const Limit limit = resolve(client, question);
    if (limit.acquire(timeout_of(command), question.key, question.cost)) return std::nullopt;
  }
  if (!told) {
    complain("no permit of limit '" + question.limit + "' in " +
             std::to_string(command.timeout_ms.value_or(0)) + " ms");
    return kTimedOut;
  }
  if (!print(verdict_json(*told)) || is_never(told->decision)) return kRunFailed;
  return kTimedOut;
}

int tell_settled(const Command& command, const Settlement& settlement) {
  return with_client(command, {}, [&](const Client& client) -> int {
    const Question& question = command.question;
    const std::int64_t back =
        resolve(client, question)
            .settle(settlement.took, settlement.used, settlement.receipt, question.key);
    return print(command.json ? settled_json(back) : settled_text(back)) ? 0 : kError;
  });
}

Entry ask_to_enter(const Client& client, const Command& command) {
  const Question& question = command.question;
  return client.limit(question.limit)
      .enter(question.key, question.cost, milliseconds(command.wait_ms),
             milliseconds(command.for_ms));
}

// False when it cannot be written.
bool tell_not_entered(const Command& command, const Decision& denial) {
  const Question& question = command.question;
  if (command.json) return print(entry_json(denial));
  if (is_never(denial)) {
    complain("a cost of " + std::to_string(question.cost) + " never fits, with a limit of " +
             std::to_string(denial.limit));
  } else {
    complain("no slot of limit '" + question.limit + "' in " + std::to_string(command.wait_ms) +
             " ms");
  }
  return true;
}

// Whether the entry of that ticket stands, or stood; what a script goes by is the exit code.
int tell_of_ticket(const Command& command, std::string_view verb, std::string_view done) {
  const Failures failures{kError, kUnavailable, false};
  return with_client(command, failures, [&](const Client& client) -> int {
    const std::string ticket = std::to_string(command.ticket);
    const bool known = ask(client, {verb, ticket}, RATEGATE_REPLY_INTEGER)->integer == 1;
    if (!print(command.json ? ticket_json(done, known) : ticket_text(done, known))) return kError;
    return known ? kAllowed : kDenied;
  });
}

// Ends by the signal that has come before the ticket was told, if one has.
void heed(Interruption& interruption, Entry* entry) {
  const int number = interruption.finish();
  if (number == 0) return;
  if (entry != nullptr) entry->leave();
  end_by(number);
}

// Who is interrupted while it enters has not entered.
Entry enter_or_end(const Client& client, const Command& command) {
  Interruption interruption([&client] { client.cancel(); });
  try {
    Entry entry = ask_to_enter(client, command);
    heed(interruption, &entry);
    return entry;
  } catch (const NoDecision&) {
    heed(interruption, nullptr);
    throw;
  }
}

// By time, without a program.
int enter_for(const Command& command) {
  signal(SIGPIPE, SIG_IGN);  // where nobody reads the ticket, it is to leave
  return with_client(command, {kError, kUnavailable, false}, [&](const Client& client) -> int {
    Entry entry = enter_or_end(client, command);
    if (!entry) return tell_not_entered(command, entry.decision()) ? kDenied : kError;
    const Decision decision = entry.decision();
    const std::string ticket = std::to_string(entry.detach());
    if (print(command.json ? entry_json(decision, ticket) : ticket + "\n")) return kAllowed;
    client.command({"LEAVE", ticket});  // nobody knows it who could
    return kError;
  });
}

}  // namespace

int check(const Command& command) { return tell_verdict(command, "", ask_check); }

int acquire(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    return tell(command, "", ask_acquire(client, command.question, timeout_of(command)));
  });
}

int checkall(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    const Named named = ask_all(client, command.members);
    const std::string text =
        command.json ? named_json(named) : named.limit + ": " + verdict_text({named.decision, {}});
    if (!command.quiet && !print(text)) return kError;
    return named.decision.allowed ? kAllowed : kDenied;
  });
}

int peek(const Command& command) { return tell_verdict(command, "would be ", ask_peek); }

int explain(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    const Reply reply = ask_explain(client, command.question);
    const Explained verdict = verdict_of(*reply);
    if (!print(command.json ? explanation_json(*reply) : explanation_text(*reply))) return kError;
    if (verdict == Explained::Undecided) return kUnavailable;
    return verdict == Explained::Allowed ? kAllowed : kDenied;
  });
}

int settle(const Command& command) { return tell_settled(command, command.settlement); }

int refund(const Command& command) {
  return tell_settled(command, {command.question.cost, 0, command.settlement.receipt});
}

int clear(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    const std::int64_t held = resolve(client, command.question).clear(command.question.key);
    return print(command.json ? cleared_json(held) : cleared_text(held)) ? 0 : kError;
  });
}

int reload(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    const Reply reply = ask(client, {"RELOAD"}, RATEGATE_REPLY_ARRAY);
    const rategate_reply* const limits = find(*reply, "limits");
    const rategate_reply* const waiting = find(*reply, "needs_restart");
    if (limits == nullptr || waiting == nullptr) refuse_answer("RELOAD");
    const std::string count = text_of(*limits);
    const std::string names = text_of(*waiting);
    return print(command.json ? reloaded_json(count, names) : reloaded_text(count, names)) ? 0
                                                                                           : kError;
  });
}

int run(const Command& command) {
  return with_client(command, {kRunFailed, kRunFailed}, [&](const Client& client) -> int {
    if (const std::optional<int> code = ask_to_run(client, command)) return *code;
    return become(command.program);
  });
}

int enter(const Command& command) {
  if (command.program.empty()) return enter_for(command);
  return with_client(command, {kRunFailed, kRunFailed, false}, [&](const Client& client) -> int {
    const Question& question = command.question;
    Entry entry = ask_to_enter(client, command);
    if (!entry) {
      if (!tell_not_entered(command, entry.decision())) return kRunFailed;
      return is_never(entry.decision()) ? kRunFailed : kTimedOut;
    }
    bool is_told = false;
    const int code = run_beside(command.program, [&] {
      if (is_told || entry.stay()) return;
      is_told = true;
      complain("the daemon has ended, and limit '" + question.limit +
               "' with it: the command goes on, and is not counted");
    });
    if (!entry.leave() && !is_told) {
      complain("the slot of limit '" + question.limit + "' was lost before the command ended");
    }
    return code;
  });
}

int stay(const Command& command) { return tell_of_ticket(command, "STAY", "stays"); }

int leave(const Command& command) { return tell_of_ticket(command, "LEAVE", "left"); }

int limits(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    const Reply reply = ask(client, {"LIMITS"}, RATEGATE_REPLY_ARRAY);
    return print(command.json ? limits_json(*reply) : limits_text(*reply)) ? 0 : kError;
  });
}

int ping(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    using std::chrono::steady_clock;
    const auto asked = steady_clock::now();
    const Reply reply = ask(client, {"PING"}, RATEGATE_REPLY_STATUS);
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - asked);
    if (std::string_view(reply->text, reply->size) != "PONG") refuse_answer("PING");
    const auto told = command.json ? pong_json : pong_text;
    return print(told(client.socket_path(), took)) ? 0 : kError;
  });
}

int info(const Command& command) {
  return with_client(command, {}, [&](const Client& client) -> int {
    std::vector<std::string_view> words{"INFO"};
    words.insert(words.end(), command.sections.begin(), command.sections.end());
    const Reply reply = ask(client, words, RATEGATE_REPLY_STRING);
    const std::string_view text(reply->text, reply->size);
    if (text.empty() && !command.sections.empty()) {
      complain("INFO has no such section; 'rategate info' shows all there are");
      return kError;
    }
    return print(command.json ? info_json(text) : info_text(text)) ? 0 : kError;
  });
}

}  // namespace rategate::cli
