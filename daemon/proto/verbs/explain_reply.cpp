#include "daemon/proto/verbs/explain_reply.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/base/words.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/explain_text.hpp"

namespace rategate {

template <>
inline constexpr std::array kWords<StoreState>{
    Word{StoreState::Up, "up"},           Word{StoreState::Connecting, "connecting"},
    Word{StoreState::Away, "away"},       Word{StoreState::Refuses, "refuses"},
    Word{StoreState::Nowhere, "nowhere"},
};
template <>
inline constexpr std::array kWords<ClockState>{
    Word{ClockState::Good, "good"},
    Word{ClockState::Unknown, "unknown"},
    Word{ClockState::Vague, "vague"},
};
template <>
inline constexpr std::array kWords<WindowState>{
    Word{WindowState::Open, "open"},           Word{WindowState::Exhausted, "exhausted"},
    Word{WindowState::Lost, "lost"},           Word{WindowState::Telling, "telling"},
    Word{WindowState::Uncounted, "uncounted"},
};
template <>
inline constexpr std::array kWords<KeyRuleKind>{
    Word{KeyRuleKind::Limited, "counted"},
    Word{KeyRuleKind::Blocked, "blocked"},
    Word{KeyRuleKind::Unlimited, "unlimited"},
};
template <>
inline constexpr std::array kWords<DecidedBy>{
    Word{DecidedBy::Host, "host"},
    Word{DecidedBy::Store, "store"},
    Word{DecidedBy::Policy, "policy"},
};

namespace {

// A map whose length is known once all of it is written.
class MapBody {
 public:
  explicit MapBody(int resp) : resp_(resp), writer_(body_, resp) {}

  void number(std::string_view name, std::optional<std::int64_t> value) {
    name_next(name);
    value ? writer_.integer(*value) : writer_.null();
  }
  void count(std::string_view name, std::size_t value) {
    number(name, static_cast<std::int64_t>(value));
  }
  void flag(std::string_view name, bool value) { number(name, value ? 1 : 0); }
  void word(std::string_view name, std::optional<std::string_view> value) {
    name_next(name);
    value ? writer_.bulk(*value) : writer_.null();
  }
  // An array of maps, each of which `make` makes of one of them.
  template <class List, class Make>
  void maps(std::string_view name, const List& list, Make make) {
    name_next(name);
    writer_.array(list.size());
    for (const auto& each : list) make(each).append_to(body_);
  }
  void append_to(std::string& out) const {
    ReplyWriter(out, resp_).map(pairs_);
    out += body_;
  }
  int resp() const { return resp_; }

 private:
  void name_next(std::string_view name) {
    ++pairs_;
    writer_.bulk(name);
  }

  int resp_;
  std::size_t pairs_ = 0;
  std::string body_;
  ReplyWriter writer_;
};

std::string_view rule_kind_of(const Limit& limit) {
  if (limit.key_rule.empty()) return "none";
  return is_pattern(limit.key_rule) ? "pattern" : "exact";
}

// All of it null where there is none.
void put_hold(MapBody& map, const std::optional<HoldState>& hold) {
  const auto of = [&](const std::optional<std::int64_t>& value) {
    return hold ? value : std::nullopt;
  };
  const HoldState state = hold.value_or(HoldState{});
  map.number("known", of(state.known ? 1 : 0));
  map.number("entered", of(state.entered));
  map.number("usable", of(state.usable));
  map.number("good_ms", of(state.good_ms));
  map.number("others", of(state.others));
  map.number("share", of(state.share));
  map.number("asked_in_ms", of(state.asked_in_ms));
  map.number("restrained_ms", of(state.restrained_ms));
}

std::string_view mode_of(const ExplainedLimit& told) {
  if (is_concurrency(*told.limit)) return "hold";
  return told.leased ? "leased" : "exact";
}

void put_counter(MapBody& map, const ExplainedCounter& counter) {
  using Ms = std::optional<std::int64_t>;
  map.word("counter", counter.name);
  map.number("shard", counter.shard);
  map.word("store", to_text(counter.store));
  map.word("clock", to_text(counter.clock));
  map.word("state", to_text(counter.state));
  map.number("window_start_ms", counter.window ? Ms(counter.window->start_ms) : std::nullopt);
  map.number("window_end_ms", counter.window ? Ms(counter.window->end_ms) : std::nullopt);
  map.number("opens_in_ms", counter.opens_in_ms);
  map.number("left", counter.left);
  map.number("told_ms_ago", counter.told_ms_ago);
  map.number("fits_in_ms", counter.fits_in_ms);
  map.number("full_in_ms", counter.full_in_ms);
  map.number("blocked_ms", counter.blocked_ms);
  map.number("shown", counter.shown);
  map.number("kept", counter.kept);
  map.number("ahead", counter.ahead);
  map.number("held_first_end_ms", counter.held_first_end_ms);
  map.number("held_last_end_ms", counter.held_last_end_ms);
  map.flag("slot", counter.has_slot);
  map.count("waiting", counter.waiting);
  map.count("acquiring", counter.acquiring);
  put_hold(map, counter.hold);
}

void put_limit(MapBody& map, const ExplainedLimit& told) {
  const Limit& limit = *told.limit;
  const bool ruled = !limit.key_rule.empty();
  map.word("name", limit.name);
  map.word("key", told.key);
  map.number("cost", told.cost);
  map.word("verdict", told.answer ? verdict_word(*told.answer) : "unknown");
  map.word("why", why_text(told));
  map.word("rule", ruled ? std::optional<std::string_view>(limit.key_rule) : std::nullopt);
  map.word("rule_kind", rule_kind_of(limit));
  map.word("counts", to_text(limit.kind));
  map.word("algorithm", limit.algorithm->name);
  map.number("permits", limit.permits);
  map.word("period", period_text(limit));
  map.number("period_ms", limit.period_ms);
  map.number("burst", burst_of(limit));
  map.word("mode", mode_of(told));
  map.word("mode_why", told.why_leased);
  map.flag("shadow", limit.shadow);
  map.word("on_store_down", to_text(limit.on_store_down));
  map.maps("counters", told.counters, [&](const ExplainedCounter& counter) {
    MapBody body(map.resp());
    put_counter(body, counter);
    return body;
  });
}

}  // namespace

void write_explanation(std::string& out, const Explanation& explanation, int resp) {
  const ExplainedAnswer& answer = explanation.answer;
  const Decision& decision = answer.decision;
  const bool decided = answer.verdict == Verdict::Decided;
  const auto if_decided = [&](std::int64_t value) {
    return decided ? std::optional(value) : std::nullopt;
  };
  const std::int64_t more = more_checks(answer, explanation.limits[explanation.decides].cost);
  // What is entered does not end by itself.
  const bool by_others = is_concurrency(*explanation.limits[explanation.decides].limit) &&
                         decision.reason == Reason::OverLimit;
  const bool changes = !decision.allowed && decision.retry_after_ms >= 0 && !by_others;
  MapBody map(resp);
  map.word("name", explanation.name);
  map.word("verdict", verdict_word(answer));
  map.word("why", why_text(explanation));
  map.word("next", next_text(explanation));
  map.flag("allowed", decided && decision.allowed);
  map.number("limit", if_decided(decision.limit));
  map.number("remaining", if_decided(decision.remaining));
  map.number("retry_after_ms", if_decided(decision.retry_after_ms));
  map.number("reset_after_ms", if_decided(decision.reset_after_ms));
  map.number("reason", if_decided(static_cast<std::int64_t>(decision.reason)));
  map.word("source", to_text(decision.by));
  map.flag("near", decision.near);
  map.flag("shadow", decision.shadow);
  map.number("more", more < 0 ? std::nullopt : std::optional(more));
  map.number("changes_in_ms", changes ? if_decided(decision.retry_after_ms) : std::nullopt);
  map.number("now_ms", explanation.now ? std::optional(explanation.now->us / 1000) : std::nullopt);
  map.count("decides", explanation.decides);
  map.count("acquiring", explanation.acquiring);
  map.maps("limits", explanation.limits, [&](const ExplainedLimit& limit) {
    MapBody body(resp);
    put_limit(body, limit);
    return body;
  });
  map.append_to(out);
}

}  // namespace rategate
