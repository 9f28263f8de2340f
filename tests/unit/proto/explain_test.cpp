// EXPLAIN: its sentences, its fields, and its words.
#include <algorithm>
#include <memory>
#include <string>

#include "daemon/core/explanation.hpp"
#include "daemon/proto/verbs/explain_text.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/proto/fake_daemon.hpp"
#include "tests/unit/proto/resp_reply.hpp"
#include "tests/unit/protocol_page.hpp"

namespace rategate::test {
namespace {

Limit limit_of(std::int64_t permits, const Algorithm* algorithm = &kFixedWindow) {
  Limit limit = *api_limit().limit;
  limit.permits = permits;
  limit.algorithm = algorithm;
  return limit;
}

// A check of one limit with one counter.
Explanation of(const Limit& limit, const Decision& decision, std::int64_t cost = 1) {
  Explanation told;
  told.name = limit.name;
  told.answer.decision = decision;
  told.now = StoreTime{1'700'000'000'588'000};
  ExplainedLimit& only = told.limits.emplace_back();
  only.limit = std::make_shared<const Limit>(limit);
  only.key = "alice";
  only.cost = cost;
  only.leased = true;
  only.why_leased = "large limit";
  only.answer = told.answer;
  ExplainedCounter& counter = only.counters.emplace_back();
  counter.name = "rategate:{api:alice}:1s:1700000000000";
  counter.window = Window{1'700'000'000'000, 1'700'000'001'000};
  counter.left = 0;
  counter.full_in_ms = 412;
  return told;
}

Decision denied(Reason reason, std::int64_t remaining, std::int64_t retry_after_ms) {
  Decision decision{false, reason, 100, remaining, retry_after_ms, 412};
  decision.by = DecidedBy::Host;
  return decision;
}

Explanation without_store(OnStoreDown policy, StoreState store, DecidedBy by = DecidedBy::Policy) {
  Limit limit = limit_of(100);
  limit.on_store_down = policy;
  Explanation told = of(limit, denied(Reason::StoreAway, -1, 250));
  told.answer.decision.by = by;
  told.limits.front().counters.front().store = store;
  return told;
}

// Of a limit of concurrency, of which this host has that.
Explanation of_slots(const Decision& decision, const HoldState& hold, std::int64_t cost = 1) {
  Explanation told = of(limit_of(9, &kConcurrency), decision, cost);
  ExplainedCounter& counter = told.limits.front().counters.front();
  counter.hold = hold;
  counter.left.reset();
  if (hold.others) counter.left = std::max<std::int64_t>(0, 9 - hold.entered - *hold.others);
  counter.waiting = hold.waiting;
  return told;
}

HoldState hold_of(std::int64_t entered, std::int64_t held, std::int64_t others) {
  HoldState hold;
  hold.known = true;
  hold.entered = entered;
  hold.held = hold.usable = held;
  hold.others = others;
  return hold;
}

Decision slots(bool allowed, Reason reason, std::int64_t remaining,
               DecidedBy by = DecidedBy::Host) {
  Decision decision{allowed, reason, 9, remaining, allowed ? 0 : 50, 0};
  decision.by = by;
  return decision;
}

}  // namespace

TEST_CASE("why somebody would enter is said") {
  const Decision here = slots(true, Reason::Counted, 4);
  HoldState hold = hold_of(2, 5, 3);
  CHECK(why_text(of_slots(here, hold)) ==
        "allowed: this host holds 5 of 9 slots, and 2 are entered");
  hold.usable = 4;
  hold.entered = 1;
  CHECK(why_text(of_slots(here, hold)) ==
        "allowed: this host holds 5 of 9 slots, may use 4 of them for now, and 1 is entered");
  CHECK(next_text(of_slots(here, hold)) ==
        "4 such entries can begin as it is now; the one after is denied, unless somebody leaves "
        "before");
  const Decision asked = slots(true, Reason::Counted, 4, DecidedBy::Store);
  CHECK(why_text(of_slots(asked, hold_of(2, 2, 3))) ==
        "allowed: 4 of 9 slots are free, as the store told last; this host does not hold enough of "
        "them, so the store is asked first");
  const Explanation blind =
      of_slots(slots(true, Reason::Counted, -1, DecidedBy::Store), HoldState{});
  CHECK(
      why_text(blind) ==
      "allowed: nothing is entered on this host, which does not know how many of the 9 slots other "
      "hosts hold; the store is asked first");
  CHECK(next_text(blind) == "known once somebody enters, as only then the store is asked");
}

TEST_CASE("why somebody would not enter is said") {
  const Decision no = slots(false, Reason::OverLimit, 0);
  CHECK(why_text(of_slots(no, hold_of(9, 9, 0))) == "denied: all 9 slots are entered on this host");
  CHECK(next_text(of_slots(no, hold_of(9, 9, 0))) ==
        "may be allowed as soon as somebody leaves, for which ENTER waits with a TIMEOUT; without "
        "one it is worth asking again in 50 ms");
  CHECK(why_text(of_slots(no, hold_of(1, 1, 8))) ==
        "denied: 1 of 9 slots is entered on this host, and other hosts held 8 as the store told "
        "last");
  CHECK(why_text(of_slots(no, hold_of(7, 7, 0), 3)) ==
        "denied: 7 of 9 slots are entered on this host, and the cost of 3 is more than what is "
        "left");
  HoldState hold = hold_of(5, 5, 1);
  hold.share = 4;
  CHECK(why_text(of_slots(no, hold)) ==
        "denied: other hosts need slots as well, so that this host lets in no more than its share "
        "of 4, and 5 are entered");
  hold = hold_of(9, 9, 0);
  hold.waiting = 1;
  CHECK(why_text(of_slots(no, hold)) ==
        "denied: all 9 slots are entered on this host; 1 waits in ENTER already");
  hold = hold_of(1, 1, 0);
  hold.restrained_ms = 12'000;
  const Explanation lost = of_slots(slots(false, Reason::StoreAway, -1), hold);
  CHECK(why_text(lost).ends_with("for another 12 s, nobody is let in beside it"));
  CHECK(next_text(lost) == "may be allowed in 12 s");
  const Explanation never = of_slots(slots(false, Reason::NeverFits, -1), hold_of(0, 0, 0), 10);
  CHECK(why_text(never) == "denied: a cost of 10 never fits: the limit is 9");
  CHECK(next_text(never).starts_with("the same at any time"));
  Explanation crowded = of_slots(slots(false, Reason::OverLimit, 0), hold_of(9, 9, 0));
  crowded.answer.verdict = Verdict::Crowded;
  CHECK(why_text(crowded) == "error: as many have entered on this host, or wait in ENTER, as may");
  Explanation away =
      of_slots(slots(false, Reason::StoreAway, -1, DecidedBy::Policy), hold_of(0, 0, 0));
  away.limits.front().counters.front().store = StoreState::Away;
  CHECK(why_text(away) ==
        "denied: the store cannot be reached, and the limit's on_store_down is deny");
  CHECK(next_text(away) == "decided by what is entered and held once the store can be asked");
}

TEST_CASE("why a check is allowed or denied is said of each algorithm") {
  CHECK(why_text(of(limit_of(100), kAllowed)) ==
        "allowed: 99 of 100 are left in this window, which ends in 412 ms");
  CHECK(why_text(of(limit_of(100), denied(Reason::OverLimit, 0, 312))) ==
        "denied: 100 of 100 were given out in this window; the next window opens in 312 ms");
  CHECK(why_text(of(limit_of(100), denied(Reason::OverLimit, 3, 312), 5)) ==
        "denied: 97 of 100 were given out in this window, and the cost of 5 is more than what is "
        "left; the next window opens in 312 ms");
  Limit bucket = limit_of(100, &kTokenBucket);
  bucket.burst = 7;
  Decision some = kAllowed;
  some.remaining = 6;
  CHECK(why_text(of(bucket, some)) == "allowed: 6 of 7 are in the bucket, which is full in 412 ms");
  some.remaining = 7;
  CHECK(why_text(of(bucket, some)) == "allowed: all 7 are there");
  CHECK(why_text(of(bucket, denied(Reason::OverLimit, 2, 12'001), 4)) ==
        "denied: 2 of 7 are in the bucket, and the cost of 4 fits in 13 s");
  CHECK(why_text(of(bucket, denied(Reason::NeverFits, -1, -1), 8)) ==
        "denied: a cost of 8 never fits: the bucket holds 7");
  const Limit log = limit_of(100, &kSlidingWindow);
  CHECK(why_text(of(log, kAllowed)) ==
        "allowed: 99 of 100 are left within the last 1s, all of them in 412 ms");
  CHECK(why_text(of(log, denied(Reason::OverLimit, 0, 312))) ==
        "denied: 100 of 100 were given out within the last 1s; enough of them come back in 312 ms");
  CHECK(why_text(of(limit_of(100), denied(Reason::NeverFits, -1, -1), 101)) ==
        "denied: a cost of 101 never fits: the limit is 100");
  CHECK(why_text(of(limit_of(100), denied(Reason::ClockNotTrusted, -1, 250)))
            .starts_with("denied: the store's clock is not known well enough"));
}

TEST_CASE("spans are said in the largest unit of which there are some, rounded up") {
  const auto in = [](std::int64_t ms) {
    const std::string why = why_text(of(limit_of(100), denied(Reason::OverLimit, 0, ms)));
    return why.substr(why.rfind(" in ") + 4);
  };
  CHECK(in(1) == "1 ms");
  CHECK(in(9'999) == "9999 ms");
  CHECK(in(10'000) == "10 s");
  CHECK(in(10'001) == "11 s");
  CHECK(in(600'000) == "10 min");
  CHECK(in(36'000'001) == "11 h");
  CHECK(in(259'200'000) == "3 d");
  CHECK(in(31 * std::int64_t{86'400'000} - 1) == "31 d");
}

TEST_CASE("what the store has to do with it is said") {
  CHECK(why_text(without_store(OnStoreDown::Deny, StoreState::Away)) ==
        "denied: the store cannot be reached, and the limit's on_store_down is deny");
  CHECK(why_text(without_store(OnStoreDown::Deny, StoreState::Refuses)) ==
        "denied: the store refuses to count this limit, and the limit's on_store_down is deny");
  CHECK(why_text(without_store(OnStoreDown::Deny, StoreState::Up))
            .starts_with("denied: the store has not answered in time"));
  CHECK(why_text(without_store(OnStoreDown::Deny, StoreState::Nowhere))
            .starts_with("denied: no part of the store has the counter"));
  Explanation share = without_store(OnStoreDown::Share, StoreState::Away);
  share.answer.decision.remaining = 5;
  CHECK(why_text(share).ends_with("on_store_down is share: 5 are left of this host's part"));
  Explanation error = without_store(OnStoreDown::Error, StoreState::Away);
  error.answer.verdict = Verdict::StoreDown;
  CHECK(why_text(error).starts_with("error: the store cannot be reached"));
  CHECK(next_text(error) == "a check is decided once the store can be asked");
  Explanation lost = without_store(OnStoreDown::Deny, StoreState::Up, DecidedBy::Host);
  CHECK(why_text(lost).starts_with("denied: the store has lost the count of this window"));
  lost.limits.front().counters.front().state = WindowState::Telling;
  CHECK(why_text(lost).find("the hosts are still telling") != std::string::npos);
}

TEST_CASE("rules for keys and shadows are said") {
  Limit limit = limit_of(100);
  limit.key_rule = "bot-*\n";
  limit.kind = KeyRuleKind::Blocked;
  const Explanation blocked = of(limit, denied(Reason::Blocked, 0, -1));
  CHECK(why_text(blocked) == "denied: the rule for 'bot-*\\n' blocks this key");
  CHECK(next_text(blocked) == "the same, until the configuration is another one");
  const Explanation for_a_while = of(limit_of(100), denied(Reason::Blocked, 0, 61'000));
  CHECK(why_text(for_a_while) ==
        "denied: a check before was denied, which blocks this key for another 61 s (block_for)");
  CHECK(next_text(for_a_while) ==
        "counted again in 61 s, or once the limit is cleared for this key");
  Decision decision = kAllowed;
  decision.reason = Reason::Unlimited;
  decision.remaining = -1;
  CHECK(why_text(of(limit, decision)).ends_with("lets this key pass, and nothing is counted"));
  Decision shadow{true, Reason::OverLimit, 100, 0, 0, 412};
  shadow.shadow = true;
  const Explanation tried = of(limit_of(100), shadow);
  CHECK(why_text(tried) ==
        "allowed: the limit is a shadow, which would deny it: 100 of 100 were "
        "given out in this window; the next window opens in 412 ms");
  CHECK(next_text(tried) == "always allowed, as long as the limit is a shadow");
  CHECK(more_checks(tried.answer, 1) == 0);
}

TEST_CASE("when the answer is another one is said") {
  CHECK(next_text(of(limit_of(100), kAllowed, 7)) ==
        "14 such checks can be allowed as it is now; the one after is denied, unless permits come "
        "back before");
  CHECK(next_text(of(limit_of(100), denied(Reason::OverLimit, 0, 312))) ==
        "may be allowed in 312 ms, unless others take the permits before");
  CHECK(next_text(of(limit_of(100), denied(Reason::NeverFits, -1, -1)))
            .starts_with("the same at any time"));
  Decision blind = kAllowed;
  blind.reason = Reason::StoreAway;
  blind.remaining = -1;
  CHECK(next_text(of(limit_of(100), blind)) == "counted again once the store can be asked");
}

TEST_CASE("of several limits the one that decides is named") {
  Explanation told = of(limit_of(100), denied(Reason::OverLimit, 0, 312));
  told.limits.insert(told.limits.begin(), told.limits.front());
  told.limits.front().answer.reset();
  told.decides = 1;
  CHECK(why_text(told).starts_with("denied: by 'api' 100/1s, 100 of 100 were given out"));
  CHECK(why_text(told.limits.front()).starts_with("not known: another limit denies"));
}

TEST_CASE("docs/protocol.md names each field of EXPLAIN, in its order, and no others") {
  FakeService service;
  service.explanation = std::make_shared<Explanation>(of(limit_of(100), kAllowed));
  for (const int resp : {2, 3}) {
    Connection connection(service);
    connection.session.resp = resp;
    const std::string answer = connection.ask("EXPLAIN api alice COST 3\r\n");
    Reply told;
    ReplyReader reader(answer, resp);
    REQUIRE(reader.read(&told));
    REQUIRE(reader.at_end());
    const Reply& limit = told.at("limits").items.at(0);
    const Reply& counter = limit.at("counters").items.at(0);
    const auto has_fields_of = [&](const std::string& heading, const Reply& map) {
      CHECK(map.type == (resp == 3 ? '%' : '*'));
      const auto rows = page_table(heading);
      REQUIRE(map.items.size() == 2 * rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        INFO(rows[i][0]);
        const Reply& value = map.items[2 * i + 1];
        CHECK(map.items[2 * i].text == rows[i][0]);
        const bool may_be_null = rows[i][1].ends_with(" or null");
        const std::string type = value.type == ':'   ? "integer"
                                 : value.type == '$' ? "bulk string"
                                                     : "array of maps";
        CHECK(((value.null && may_be_null) || rows[i][1].starts_with(type)));
      }
    };
    has_fields_of("## EXPLAIN", told);
    has_fields_of("### A limit in EXPLAIN", limit);
    has_fields_of("### A counter in EXPLAIN", counter);
    CHECK(told.at("more").number == 99);
    CHECK(told.at("now_ms").number == 1'700'000'000'588);
    CHECK(limit.at("mode_why").text == "large limit");
    CHECK(counter.at("window_end_ms").number == 1'700'000'001'000);
    CHECK(counter.at("told_ms_ago").null);
    const SeenCheck& seen = service.seen.back();
    CHECK((seen.limit == "api" && seen.key == "alice" && seen.cost == 3 && !seen.takes));
  }
}

TEST_CASE("of slots it is told what this host has, and of permits that there is no such thing") {
  FakeService service;
  HoldState hold = hold_of(9, 9, 0);
  hold.good_ms = 4711;
  service.explanation =
      std::make_shared<Explanation>(of_slots(slots(false, Reason::OverLimit, 0), hold));
  Connection connection(service);
  const auto ask = [&] {
    const std::string answer = connection.ask("EXPLAIN api\r\n");
    Reply told;
    ReplyReader reader(answer, 2);
    REQUIRE(reader.read(&told));
    return told;
  };
  const Reply told = ask();
  const Reply& counter = told.at("limits").items.at(0).at("counters").items.at(0);
  CHECK(told.at("changes_in_ms").null);
  CHECK(told.at("limits").items.at(0).at("mode").text == "hold");
  CHECK((counter.at("known").number == 1 && counter.at("entered").number == 9));
  CHECK((counter.at("good_ms").number == 4711 && counter.at("others").number == 0));
  CHECK((counter.at("share").null && counter.at("asked_in_ms").null));
  service.explanation = std::make_shared<Explanation>(of(limit_of(100), kAllowed));
  const Reply permits = ask();
  const Reply& window = permits.at("limits").items.at(0).at("counters").items.at(0);
  for (const char* field : {"known", "entered", "usable", "good_ms", "others", "restrained_ms"}) {
    CHECK(window.at(field).null);
  }
}

TEST_CASE("an error has no numbers of a decision") {
  FakeService service;
  auto told = std::make_shared<Explanation>(of(limit_of(100), Decision{}));
  told->answer.verdict = Verdict::StoreDown;
  service.explanation = told;
  Connection connection(service);
  const std::string answer = connection.ask("EXPLAIN api\r\n");
  Reply reply;
  ReplyReader reader(answer, 2);
  REQUIRE(reader.read(&reply));
  CHECK((reply.at("verdict").text == "error" && reply.at("allowed").number == 0));
  for (const char* field : {"limit", "remaining", "retry_after_ms", "reason", "changes_in_ms"}) {
    CHECK(reply.at(field).null);
  }
}

TEST_CASE("what is wrong with EXPLAIN's words is said") {
  FakeService service;
  Connection connection(service);
  CHECK(connection.ask("EXPLAIN\r\n").starts_with("-ERR wrong number"));
  CHECK(connection.ask("EXPLAIN api COST 0 k\r\n").starts_with("-"));
  CHECK(connection.ask("EXPLAIN apj\r\n").find("did you mean 'api'") != std::string::npos);
}

}  // namespace rategate::test
