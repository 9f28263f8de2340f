// INFO: the daemon's state, for people and for programs that watch it.
#include "daemon/metrics/info.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "daemon/metrics/table.hpp"
#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/begin_answer.hpp"
#include "daemon/proto/verbs/long_text.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

// Whether the words behind INFO ask for the section. Unknown names ask for nothing, as in Redis.
bool wanted(const Args& args, std::string_view section) {
  if (args.size() == 1) return true;
  return std::any_of(args.words.begin() + 1, args.words.end(), [section](std::string_view word) {
    return is_word(word, section) || is_word(word, "all") || is_word(word, "everything") ||
           is_word(word, "default");
  });
}

// Sections as they stand in the table, and behind that of the limits a line for each of them.
class InfoText final : public LongText {
 public:
  InfoText(const Args& args, Snapshot snapshot, StateService& state, int resp)
      : LongText(state, resp) {
    for (const std::string_view section : info_sections()) {
      if (!wanted(args, section)) continue;
      std::string& text = limits_.empty() ? before_ : behind_;
      if (!before_.empty()) text += "\r\n";
      text += info_section(section, snapshot);
      if (section == "limits") limits_.swap(snapshot.limits);
    }
  }

 private:
  bool next_lines(std::string& text) override {
    if (done_ == 0) text += before_;
    const std::size_t some = std::min(limits_.size() - done_, kLines);
    append_limit_lines(text, std::span(limits_).subspan(done_, some));
    done_ += some;
    if (done_ < limits_.size()) return true;
    text += behind_;
    return false;
  }

  std::vector<LimitFacts> limits_;
  std::size_t done_ = 0;  // of them
  std::string before_;    // what stands before their lines
  std::string behind_;
};

Handled handle_info(Caller& caller, const Services& services, const Args& args, std::string& out) {
  StateService& state = services.state;
  return begin_answer(caller,
                      std::make_unique<InfoText>(
                          args, state.snapshot(wanted(args, "limits") || wanted(args, "leases")),
                          state, caller.session.resp),
                      out);
}

}  // namespace

constinit const Verb kInfoVerb = {
    .name = "info",
    .min_words = 1,
    .max_words = kAnyNumber,
    .heavy = true,
    .handler = handle_info,
    .group = "server",
    .arguments = "[<section> ...]",
    .summary = "Tells the daemon's state, as lines of field:value",
};

}  // namespace rategate
