// LIMITS and INFO: what the daemon does, for people and for programs that watch it.
#include <algorithm>

#include "daemon/metrics/info.hpp"
#include "daemon/metrics/table.hpp"
#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/handlers.hpp"

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

void write_value(ReplyWriter& reply, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    reply.integer(*number);
  } else {
    reply.bulk(to_text(value));
  }
}

}  // namespace

Handled handle_info(Session& session, Service& service, const Args& args, std::string& out) {
  const Snapshot snapshot = service.snapshot();
  std::string text;
  for (const std::string_view section : info_sections()) {
    if (!wanted(args, section)) continue;
    if (!text.empty()) text += "\r\n";
    text += info_section(section, snapshot);
  }
  ReplyWriter(out, session.resp).text(text);
  return Handled::Replied;
}

Handled handle_limits(Session& session, Service& service, const Args&, std::string& out) {
  const Snapshot snapshot = service.snapshot();
  const auto fields = limit_metrics();
  const auto shown = std::count_if(fields.begin(), fields.end(),
                                   [](const LimitMetric& field) { return field.in_limits; });
  ReplyWriter reply(out, session.resp);
  reply.array(snapshot.limits.size());
  for (const LimitFacts& limit : snapshot.limits) {
    reply.map(static_cast<std::size_t>(shown));
    for (const LimitMetric& field : fields) {
      if (!field.in_limits) continue;
      reply.bulk(field.name);
      write_value(reply, field.read(limit));
    }
  }
  return Handled::Replied;
}

}  // namespace rategate
