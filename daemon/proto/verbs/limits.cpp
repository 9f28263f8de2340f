// LIMITS: each limit, and what was counted of it.
#include <algorithm>

#include "daemon/metrics/table.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

void write_value(ReplyWriter& reply, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    reply.integer(*number);
  } else {
    reply.bulk(to_text(value));
  }
}

Handled handle_limits(Caller& caller, const Services& services, const Args&, std::string& out) {
  const Snapshot snapshot = services.state.snapshot(true);
  const auto fields = limit_metrics();
  const auto shown = std::count_if(fields.begin(), fields.end(),
                                   [](const LimitMetric& field) { return field.in_limits; });
  ReplyWriter reply(out, caller.session.resp);
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

}  // namespace

constinit const Verb kLimitsVerb = {
    .name = "limits",
    .min_words = 1,
    .max_words = 1,
    .heavy = true,
    .handler = handle_limits,
    .group = "rategate",
    .summary = "Lists the limits, configured and declared, with their counts",
};

}  // namespace rategate
