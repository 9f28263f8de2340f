// INFO: the daemon's state, for people and for programs that watch it.
#include "daemon/metrics/info.hpp"

#include <algorithm>

#include "daemon/metrics/table.hpp"
#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
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

Handled handle_info(Caller& caller, const Services& services, const Args& args, std::string& out) {
  const Snapshot snapshot =
      services.state.snapshot(wanted(args, "limits") || wanted(args, "leases"));
  std::string text;
  for (const std::string_view section : info_sections()) {
    if (!wanted(args, section)) continue;
    if (!text.empty()) text += "\r\n";
    text += info_section(section, snapshot);
  }
  ReplyWriter(out, caller.session.resp).text(text);
  return Handled::Replied;
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
