// The rategate command: its options, and which subcommand they ask for.
#include <rategate/rategate.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/cli/commands.hpp"
#include "client/cli/duration.hpp"

namespace {

using rategate::cli::Command;
using rategate::cli::parse_duration_ms;

constexpr const char* kExitCodes = R"(
Exit codes of check, acquire, checkall, peek, explain and enter --for: 0 allowed, 1 denied, 2 a
wrong question, 3 nobody could be asked. Of run and enter: the command's own; 75 no permit, or
slot, in time, 125 rategate failed, 126 the command cannot be run, 127 it is not found. Of stay and
leave: 0, 1 nobody has entered by that ticket, 2, 3. Of the others: 0, 2, 3.)";

struct Subcommand {
  CLI::App* app;
  int (*act)(const Command&);
};

// As the daemon takes them.
constexpr std::int64_t kMostReceipt = (std::int64_t{1} << 53) - 1;
constexpr std::int64_t kMostTicket = (std::int64_t{1} << 53) - 1;
constexpr std::int64_t kLeastForMs = 100;
constexpr std::int64_t kMostForMs = 86'400'000;

constexpr const char* kDurationHelp = "a duration such as 250ms, 5s, 2min, 1h or 1d";

void add_duration(CLI::App* app, const std::string& name, const std::string& help,
                  std::function<void(std::int64_t)> set) {
  app->add_option_function<std::string>(
         name,
         [name, set = std::move(set)](const std::string& text) {
           const auto ms = parse_duration_ms(text);
           if (!ms) throw CLI::ValidationError(name, "'" + text + "' is not " + kDurationHelp);
           set(*ms);
         },
         help)
      ->type_name("DURATION");
}

// In tens, as over the socket: CLI11 would take 010 for eight.
CLI::Option* add_number(CLI::App* app, const std::string& name, const std::string& help,
                        std::int64_t least, std::int64_t most, std::int64_t& into) {
  return app
      ->add_option_function<std::string>(
          name,
          [name, least, most, &into](const std::string& text) {
            const char* const end = text.data() + text.size();
            const auto [rest, failure] = std::from_chars(text.data(), end, into);
            if (failure == std::errc() && rest == end && into >= least && into <= most) return;
            throw CLI::ValidationError(name, "'" + text + "' is no number from " +
                                                 std::to_string(least) + " to " +
                                                 std::to_string(most));
          },
          help)
      ->type_name("N");
}

CLI::Option* add_permits(CLI::App* app, const std::string& name, const std::string& help,
                         std::int64_t& into, std::int64_t least = 1) {
  return add_number(app, name, help, least, RATEGATE_MAX_COST, into);
}

void add_names(CLI::App* app, Command& command) {
  app->add_option("LIMIT", command.question.limit, "The limit's name")->required()->type_name("");
  app->add_option("KEY", command.question.key,
                  "Whom it is counted for: a user, an address. Without one, all callers together")
      ->type_name("");
}

void add_subject(CLI::App* app, Command& command) {
  add_names(app, command);
  add_permits(app, "--limit",
              "Declare the limit, for a name that is not configured: permits per period",
              command.question.permits);
  add_duration(app, "--period", "The period of --limit (1s)",
               [&command](std::int64_t ms) { command.question.period_ms = ms; });
  app->get_option("--period")->needs("--limit");
}

void add_question(CLI::App* app, Command& command) {
  add_permits(app, "--cost", "How many permits the call takes (1)", command.question.cost);
  add_subject(app, command);
}

void add_receipt(CLI::App* app, Command& command) {
  add_number(app, "--receipt", "As check --json told it", 0, kMostReceipt,
             command.settlement.receipt)
      ->required();
  add_subject(app, command);
  app->add_flag("--json", command.json, "Print the answer as JSON");
}

std::vector<Subcommand> declare_settling(CLI::App& app, Command& command) {
  auto* settle = app.add_subcommand("settle", "Say what was used of permits that check took");
  add_permits(settle, "--took", "How many permits check took", command.settlement.took, 0)
      ->required();
  add_permits(settle, "--used", "How many were used; what is above --took is charged",
              command.settlement.used, 0)
      ->required();
  add_receipt(settle, command);
  settle->footer(
      "\nSay it once: settled twice, it gives back twice. Example:\n"
      "  rategate settle tokens alice --took 500 --used 120 --receipt 1700000001000");
  auto* refund = app.add_subcommand("refund", "Give permits back that check took in vain");
  add_permits(refund, "--cost", "How many permits to give back (1)", command.question.cost);
  add_receipt(refund, command);
  refund->footer(
      "\nSay it once: given back twice, they count twice. Example:\n"
      "  rategate refund api --cost 3 --receipt 1700000001000");
  return {{settle, rategate::cli::settle}, {refund, rategate::cli::refund}};
}

Subcommand declare_clear(CLI::App& app, Command& command) {
  auto* clear = app.add_subcommand("clear", "Let a limit begin anew on all hosts");
  add_subject(clear, command);
  clear->add_flag("--json", command.json, "Print the answer as JSON");
  clear->footer(
      "\nOther hosts may spend what they hold beside it. Example:\n  rategate clear api alice");
  return {clear, rategate::cli::clear};
}

Subcommand declare_reload(CLI::App& app, Command& command) {
  auto* reload = app.add_subcommand("reload", "Have the daemon load its configuration anew");
  reload->add_flag("--json", command.json, "Print the answer as JSON");
  reload->footer(
      "\nTakes effect as a whole, or not at all: then it says what is wrong, and exits with 2.\n"
      "Example:\n  rategated --check-config && rategate reload");
  return {reload, rategate::cli::reload};
}

Subcommand declare_explain(CLI::App& app, Command& command) {
  auto* explain = app.add_subcommand("explain", "Say why check would allow or deny, take nothing");
  add_question(explain, command);
  explain->add_flag("--json", command.json, "Print the explanation as JSON");
  explain->footer(
      "\nTells by which rule and which window or bucket, what is held where, and when the answer\n"
      "changes. Exits as check does. Example:\n  rategate explain login alice");
  return {explain, rategate::cli::explain};
}

Subcommand declare_checkall(CLI::App& app, Command& command) {
  auto* checkall = app.add_subcommand("checkall", "Ask once about several limits, all or none");
  checkall->add_option("MEMBERS", command.members, "LIMIT KEY COST of each; '' for no key")
      ->required()
      ->type_name("LIMIT KEY COST");
  checkall->add_flag("--json", command.json, "Print the decision as JSON");
  checkall->add_flag("-q,--quiet", command.quiet, "Print nothing: the exit code says it");
  checkall->footer(
      "\nTells of the limit that denies for longest, or of which least is left. Exits as check "
      "does.\nExample:\n  rategate checkall user alice 1 total '' 1");
  return {checkall, rategate::cli::checkall};
}

// What stands behind "--" is not an option that CLI11 knows of.
class ProgramFormatter : public CLI::Formatter {
 public:
  explicit ProgramFormatter(std::string program = " -- COMMAND [ARGUMENTS]...")
      : program_(std::move(program)) {}
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    const std::size_t end = usage.find_last_not_of('\n');
    return usage.insert(end + 1, program_);
  }

 private:
  std::string program_;
};

std::vector<Subcommand> declare_entering(CLI::App& app, Command& command) {
  auto* enter = app.add_subcommand("enter", "Run a command as one of so many at a time");
  enter->formatter(
      std::make_shared<ProgramFormatter>(" -- COMMAND [ARGUMENTS]... | --for DURATION"));
  add_permits(enter, "--cost", "How many slots the command takes (1)", command.question.cost);
  add_names(enter, command);
  add_duration(enter, "--wait", "Wait so long for others to leave (0: ask once)",
               [&command](std::int64_t ms) { command.wait_ms = ms; });
  add_duration(enter, "--for", "Without COMMAND: enter for so long, and print the ticket",
               [&command](std::int64_t ms) {
                 if (ms < kLeastForMs || ms > kMostForMs) {
                   throw CLI::ValidationError("--for", "expected 100ms to 1d");
                 }
                 command.for_ms = ms;
               });
  enter->add_flag("--json", command.json, "Say as JSON that it was denied, or the ticket");
  enter->footer(
      "\nOf a limit with algorithm = \"concurrency\". The slot is given back when COMMAND ends, "
      "or\n"
      "rategate is killed, and COMMAND with it. Exits as COMMAND does, with 128 and the signal's\n"
      "number where one has ended it; with 75 when there was no slot in time, and else as run.\n"
      "With --for the slot is held for that time, until stay renews or leave ends it by the "
      "ticket,\n"
      "and enter exits as check does. Examples:\n"
      "  rategate enter report --wait 10min -- make report\n"
      "  if ticket=$(rategate enter report --for 1h); then make; rategate leave $ticket; fi");
  auto* stay = app.add_subcommand("stay", "Say that work goes on which has entered --for a time");
  auto* leave = app.add_subcommand("leave", "End work that has entered, by its ticket");
  for (auto* sub : {stay, leave}) {
    add_number(sub, "TICKET", "As enter --for printed it", 1, kMostTicket, command.ticket)
        ->required()
        ->type_name("");
    sub->add_flag("--json", command.json, "Print the answer as JSON");
  }
  stay->footer(
      "\nIt has the slot for as long again from now. Exits with 0, and with 1 where nobody has\n"
      "entered by that ticket: the time was over before. Example:\n  rategate stay $ticket");
  leave->footer(
      "\nThe slot is given back. Exits with 0, and with 1 where nobody has entered by that\n"
      "ticket: the time was over before. Example:\n  rategate leave $ticket");
  return {
      {enter, rategate::cli::enter}, {stay, rategate::cli::stay}, {leave, rategate::cli::leave}};
}

void add_timeout(CLI::App* app, Command& command) {
  add_duration(app, "--timeout", "Wait no longer than this (for ever); 0 asks once",
               [&command](std::int64_t ms) { command.timeout_ms = ms; });
}

void add_decision(CLI::App* app, Command& command) {
  add_question(app, command);
  app->add_flag("--json", command.json, "Print the decision as JSON");
  app->add_flag("-q,--quiet", command.quiet, "Print nothing: the exit code says it");
}

Subcommand declare_acquire(CLI::App& app, Command& command) {
  auto* acquire = app.add_subcommand("acquire", "Wait until a call is allowed");
  add_decision(acquire, command);
  add_timeout(acquire, command);
  acquire->footer(
      "\nPrints and exits as check does: with 1 when it was denied at the end of that time, or at\n"
      "once where waiting is no use; with 3 when nobody could be asked, or nothing was decided in\n"
      "time; with 2 also where as many wait as may. Without --timeout it waits for as long as it\n"
      "takes. A restart of the daemon is waited out for 5 s. Interrupted, it ends by the signal,\n"
      "and has left the line. Example:\n"
      "  if rategate acquire -q mail --timeout 30s; then send-mail; fi");
  return {acquire, rategate::cli::acquire};
}

Subcommand declare_run(CLI::App& app, Command& command) {
  auto* run = app.add_subcommand("run", "Wait for a permit, then run a command in its place");
  run->formatter(std::make_shared<ProgramFormatter>());
  add_question(run, command);
  add_timeout(run, command);
  run->add_flag("--json", command.json, "Print the denial as JSON, where it is denied");
  run->footer(
      "\nExits as COMMAND does; with 75 when there was no permit in time, 125 when rategate\n"
      "failed, or there can never be one, 126 when COMMAND cannot be run, 127 when it is not\n"
      "found. Example:\n"
      "  rategate run mail --timeout 30s -- sendmail -t");
  return {run, rategate::cli::run};
}

std::vector<Subcommand> declare(CLI::App& app, Command& command) {
  app.set_help_flag("-h,--help", "Show this help");
  app.set_version_flag("--version", std::string("rategate ") + rategate_version());
  app.add_option("--socket", command.socket_path,
                 std::string("Where the daemon listens ($RATEGATE_SOCKET, else ") +
                     RATEGATE_DEFAULT_SOCKET + ")")
      ->type_name("PATH");
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return std::string("rategate: ") + error.what() + "\nMore is told by: rategate --help\n";
  });
  app.fallthrough();
  app.footer(kExitCodes);

  auto* check = app.add_subcommand("check", "Ask once whether a call is allowed now");
  const Subcommand acquire = declare_acquire(app, command);
  const Subcommand checkall = declare_checkall(app, command);
  auto* peek = app.add_subcommand("peek", "Say what check would, and take nothing");
  for (auto* sub : {check, peek}) add_decision(sub, command);
  check->footer(
      "\nExits with 0 when allowed, 1 when denied, 2 when the question is wrong, 3 when "
      "nobody\ncould be asked. Examples:\n"
      "  rategate check api\n"
      "  rategate check login alice --limit 5 --period 1min\n"
      "  if rategate check -q mail; then send-mail; fi");
  peek->footer(
      "\nReserves nothing: the check after it may be denied. Exits as check does. Example:\n"
      "  rategate peek login alice --limit 5 --period 1min");

  const Subcommand explain = declare_explain(app, command);
  std::vector<Subcommand> changing = declare_settling(app, command);
  changing.push_back(declare_clear(app, command));
  changing.push_back(declare_reload(app, command));

  const Subcommand run = declare_run(app, command);
  const std::vector<Subcommand> entering = declare_entering(app, command);

  auto* limits = app.add_subcommand("limits", "List the daemon's limits and what they counted");
  limits->add_flag("--json", command.json, "Print them as JSON");
  auto* ping = app.add_subcommand("ping", "See whether the daemon answers");
  ping->add_flag("--json", command.json, "Print it as JSON");
  auto* info = app.add_subcommand("info", "Show what the daemon tells about itself");
  info->add_option("SECTION", command.sections,
                   "Only these: server, clients, store, leases, limits, stats")
      ->type_name("");
  info->add_flag("--json", command.json, "Print it as JSON");
  for (auto* sub : {limits, ping, info}) sub->footer("");
  std::vector<Subcommand> all{
      {check, rategate::cli::check}, acquire, checkall, {peek, rategate::cli::peek}, explain};
  all.insert(all.end(), changing.begin(), changing.end());
  all.push_back(run);
  all.insert(all.end(), entering.begin(), entering.end());
  all.push_back({limits, rategate::cli::limits});
  all.push_back({ping, rategate::cli::ping});
  all.push_back({info, rategate::cli::info});
  for (const Subcommand& sub : all) {
    sub.app->set_help_flag("-h,--help", "Show this help");
    sub.app->group("Commands");
  }
  return all;
}

// The word that names the subcommand, of the words from the program's name on; empty: there is
// none.
std::string command_word(const std::vector<std::string>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--socket") {
      ++i;
    } else if (!words[i].starts_with("-")) {
      return words[i];
    }
  }
  return {};
}

// CLI11 says then only that it wants a subcommand.
bool is_of_no_subcommand(const CLI::ParseError& error, const std::string& word,
                         const std::vector<Subcommand>& subcommands) {
  return error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) &&
         !word.empty() &&
         std::none_of(subcommands.begin(), subcommands.end(),
                      [&](const Subcommand& sub) { return sub.app->get_name() == word; });
}

int complain_of_word(const std::string& word, const std::vector<Subcommand>& subcommands) {
  std::cerr << "rategate: there is no command '" << word << "'; there are";
  const char* before = " ";
  for (const Subcommand& sub : subcommands) {
    std::cerr << std::exchange(before, ", ") << sub.app->get_name();
  }
  std::cerr << '\n';
  return rategate::cli::kError;
}

// Those that hold a command back.
bool takes_program(const std::string& word) { return word == "run" || word == "enter"; }

// Takes what stands behind their first "--" out of `words`: it is not ours to interpret.
std::vector<std::string> take_program(std::vector<std::string>& words) {
  const auto mark = std::find(words.begin(), words.end(), "--");
  if (mark == words.end()) return {};
  std::vector<std::string> program(mark + 1, words.end());
  words.erase(mark, words.end());
  return program;
}

// Those of enter --for say it in place of a program, and have the exit codes of a check.
bool is_by_time(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "--for" || word.starts_with("--for=");
  });
}

int complain_of_no_program(const std::string& word) {
  std::cerr << "rategate: there is no command to run: it goes behind '--', as in\n"
               "  rategate "
            << word << " api -- echo allowed\n";
  return rategate::cli::kRunFailed;
}

int dispatch(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  Command command;
  const std::string word = command_word(words);
  if (takes_program(word)) command.program = take_program(words);
  const bool by_time = word == "enter" && is_by_time(words) && command.program.empty();
  const bool running = takes_program(word) && !by_time;
  const int failed = running ? rategate::cli::kRunFailed : rategate::cli::kError;

  CLI::App app{"Ask this host's rategate daemon for permission.", "rategate"};
  const std::vector<Subcommand> subcommands = declare(app, command);
  try {
    // CLI11 takes them in reverse, without the program's name.
    app.parse(std::vector<std::string>(words.rbegin(), words.rend() - 1));
  } catch (const CLI::ParseError& error) {
    const bool extra = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    if (running && extra && command.program.empty()) return complain_of_no_program(word);
    if (is_of_no_subcommand(error, word, subcommands)) return complain_of_word(word, subcommands);
    return app.exit(error) == 0 ? 0 : failed;
  }
  if (running && command.program.empty()) return complain_of_no_program(word);
  if (running && command.for_ms != 0) {
    std::cerr
        << "rategate: --for is said where there is no command: its slot lasts as long as it\n";
    return failed;
  }
  const auto chosen = std::find_if(subcommands.begin(), subcommands.end(),
                                   [](const Subcommand& sub) { return sub.app->parsed(); });
  return chosen->act(command);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "rategate: " << error.what() << '\n';
    return rategate::cli::kError;
  }
}
