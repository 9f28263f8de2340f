// LIMITS: each limit, and what was counted of it.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "daemon/metrics/table.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/begin_answer.hpp"
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

void write_limit(ReplyWriter& reply, const LimitFacts& limit) {
  const auto fields = limit_metrics();
  const auto shown = std::count_if(fields.begin(), fields.end(),
                                   [](const LimitMetric& field) { return field.in_limits; });
  reply.map(static_cast<std::size_t>(shown));
  for (const LimitMetric& field : fields) {
    if (!field.in_limits) continue;
    reply.bulk(field.name);
    write_value(reply, field.read(limit));
  }
}

class LimitMaps final : public LongAnswer {
 public:
  LimitMaps(std::vector<LimitFacts> limits, int resp) : limits_(std::move(limits)), resp_(resp) {}

  bool go_on(std::string& out) override {
    ReplyWriter reply(out, resp_);
    if (done_ == 0) reply.array(limits_.size());
    const std::size_t end = std::min(limits_.size(), done_ + kLines);
    for (; done_ < end; ++done_) write_limit(reply, limits_[done_]);
    return done_ == limits_.size();
  }
  std::size_t memory() const override { return limits_.size() * sizeof(LimitFacts); }

 private:
  const std::vector<LimitFacts> limits_;
  const int resp_;
  std::size_t done_ = 0;
};

Handled handle_limits(Caller& caller, const Services& services, const Args&, std::string& out) {
  return begin_answer(
      caller,
      std::make_unique<LimitMaps>(services.state.snapshot(true).limits, caller.session.resp), out);
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
