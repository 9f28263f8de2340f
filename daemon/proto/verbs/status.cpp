// LIMITS and INFO: what the daemon does, for people and for programs that watch it.
#include <algorithm>

#include "daemon/base/duration.hpp"
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

// A line of INFO ends at the first line end, so none may come from a value.
void append_value(std::string& text, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
}

}  // namespace

Handled handle_info(Session& session, Service& service, const Args& args, std::string& out) {
  std::string text;
  for (const InfoSection& section : service.info()) {
    if (!wanted(args, section.name)) continue;
    if (!text.empty()) text += "\r\n";
    std::string title = section.name;
    if (!title.empty()) title[0] = ascii_upper(title[0]);
    text.append("# ").append(title).append("\r\n");
    for (const auto& [name, value] : section.fields) {
      text.append(name).append(":");
      append_value(text, value);
      text += "\r\n";
    }
  }
  ReplyWriter(out, session.resp).text(text);
  return Handled::Replied;
}

Handled handle_limits(Session& session, Service& service, const Args&, std::string& out) {
  const std::vector<LimitStatus> limits = service.limits();
  ReplyWriter reply(out, session.resp);
  reply.array(limits.size());
  for (const LimitStatus& status : limits) {
    const Limit& limit = *status.limit;
    reply.map(12);
    reply.bulk("name");
    reply.bulk(limit.name);
    reply.bulk("limit");
    reply.integer(limit.permits);
    reply.bulk("period");
    reply.bulk(format_duration(limit.period_ms));
    reply.bulk("period_ms");
    reply.integer(limit.period_ms);
    reply.bulk("mode");
    reply.bulk(to_text(limit.mode));
    reply.bulk("leased");
    reply.integer(status.leased ? 1 : 0);
    reply.bulk("on_store_down");
    reply.bulk(to_text(limit.on_store_down));
    reply.bulk("redis_key");
    reply.bulk(limit.redis_key.text());
    reply.bulk("declared");
    reply.integer(limit.declared ? 1 : 0);
    reply.bulk("allowed");
    reply.integer(static_cast<std::int64_t>(status.allowed));
    reply.bulk("denied");
    reply.integer(static_cast<std::int64_t>(status.denied));
    reply.bulk("shared");
    reply.integer(static_cast<std::int64_t>(status.shared));
  }
  return Handled::Replied;
}

}  // namespace rategate
