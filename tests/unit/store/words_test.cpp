#include "daemon/store/redis/words.hpp"

#include <limits>
#include <random>

#include "daemon/limit/limit.hpp"
#include "daemon/store/redis/refusal.hpp"
#include "daemon/store/scripts/scripts.hpp"
#include "tests/reply_tree.hpp"
#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kFurthest = std::int64_t{1} << 53;

Reservation reservation(std::string counter, CostRuns costs, std::int64_t lease = 0) {
  Reservation result;
  result.counter = std::move(counter);
  result.window = {1000, 2000};
  result.limit = 10;
  result.ahead_ms = 100;
  result.expire_at_ms = 3000;
  result.lease = lease;
  result.costs = std::move(costs);
  return result;
}

// The words of a request, with a space between two.
std::string words(std::string_view request) {
  const auto tree = ReplyTree::read(request);
  std::string text;
  for (const ReplyTree& word : tree->replies) text += (text.empty() ? "" : " ") + word.bytes;
  return text;
}

ReplyTree reply_to(std::vector<ReplyTree> counters) {
  counters.insert(counters.begin(), {ReplyTree::of(1'700'000'000), ReplyTree::of(5)});
  return ReplyTree::of(std::move(counters));
}

bool parses(const ReplyTree& reply, const std::vector<ReserveAsked>& asked,
            std::vector<ReserveAnswer>& answers) {
  return parse_reserve_answers(reply.view(), asked, answers);
}
bool parses(const ReplyTree& reply, const std::vector<ReserveAsked>& asked) {
  std::vector<ReserveAnswer> answers;
  return parses(reply, asked, answers);
}

ReserveAsked asked(CostRuns costs, std::int64_t lease = 0) {
  return asked_of(reservation("c", std::move(costs), lease));
}

}  // namespace

TEST_CASE("counters of one limit and window are one row of a call") {
  std::vector<Reservation> asked{reservation("a", {{1, 2}}), reservation("b", {{1, 1}}),
                                 reservation("c", {{1, 1}, {5, 2}}, 4)};
  asked.back().in_hand = 9;
  asked.push_back(reservation("d", {{1, 1}}));
  asked.back().limit = 11;
  std::string request;
  append_reserve(request, asked, "", "sha", "text");
  CHECK(words(request) ==
        "EVALSHA sha 4 a b c d  2 checks 1000 2000 10 100 3000 2 1"
        " 1 costs 1000 2000 10 100 3000 4 9 2 1 1 5 2"
        " 1 checks 1000 2000 11 100 3000 1");
  std::size_t counted = 0;
  for (const Reservation& each : asked) counted += words_of(each);
  CHECK(counted == 4 + 3 + 7);

  request.clear();
  append_reserve(request, std::span(asked).first(1), "r", "", "text");
  CHECK(words(request) == "EVAL text 2 a rategate:reign r 1 checks 1000 2000 10 100 3000 2");
}

TEST_CASE("a counter that may be blocked is a row of its own, behind the word of its block") {
  std::vector<Reservation> asked{reservation("a", {{1, 2}}), reservation("b", {{1, 1}}),
                                 reservation("c", {{1, 1}}), reservation("d", {{3, 1}})};
  asked[0].names_base = true;
  asked[1].block = BlockAsked{"b:block", 60'000};
  asked[2].block = BlockAsked{"c:block", 0};
  asked[3].bucket = BucketAsked{{3, 50'000}, 7, {}, 0, 0, {}, {62, 16}, 0, 0};
  asked[3].block = BlockAsked{"d:block", 1000};
  std::string request;
  append_reserve(request, asked, "r", "sha", "");
  CHECK(words(request) ==
        "EVALSHA sha 9 a b c d a:base b:block c:block d:block rategate:reign r"
        " 1 checks 1000 2000 10 100 3000 2"
        " 1 block 6 60000 11 costs 1000 2000 10 100 3000 0 0 1 1 1"
        " 1 block 7 0 11 costs 1000 2000 10 100 3000 0 0 1 1 1"
        " 1 block 8 1000 18 bucket 3 50000 7 62 16 0 0 0 0 0 0 0 0 1 0 3 1");
  CHECK(words_of(asked[1]) == 2 + 4 + 5);
  std::size_t counted = 0;
  for (const Reservation& each : asked) counted += words_of(each);
  std::string_view rest = request;
  const auto tree = ReplyTree::read(rest);
  CHECK(tree->replies.size() == 5 + 4 * 7 + counted);

  const std::vector<ReserveAsked> of{asked_of(asked[1])};
  std::vector<ReserveAnswer> answers;
  REQUIRE(parses(reply_to({ReplyTree::of_numbers({5, 1'700'000'060'000})}), of, answers));
  CHECK(answers[0].status == ReserveAnswer::Status::Blocked);
  CHECK(answers[0].blocked_until_ms == 1'700'000'060'000);
  REQUIRE(parses(reply_to({ReplyTree::of_numbers({0, 3, 0, 0, 1'700'000'060'000})}), of, answers));
  CHECK(answers[0].blocked_until_ms == 1'700'000'060'000);
  CHECK(answers[0].granted == std::vector<std::int64_t>{0});
  REQUIRE(parses(reply_to({ReplyTree::of_numbers({0, 3, 0, 1, 0})}), of, answers));
  CHECK(answers[0].blocked_until_ms == 0);
  for (const auto& numbers : std::vector<std::vector<std::int64_t>>{{5},
                                                                    {5, -1},
                                                                    {5, kMost},
                                                                    {5, 1, 1},
                                                                    {0, 3, 0, 1},
                                                                    {0, 3, 0, 1, -1},
                                                                    {0, 3, 0, 1, 0, 0}}) {
    CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers(numbers)}), of));
  }
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({5, 1'700'000'060'000})}),
                     {asked_of(reservation("a", {{2, 1}}))}));
}

TEST_CASE("counters that are decided together are one row, with the words of each") {
  std::vector<Reservation> asked{reservation("a", {{2, 3}}), reservation("b", {{1, 3}}),
                                 reservation("c", {{1, 1}})};
  asked[0].group = asked[1].group = 7;
  asked[0].known = 4;
  asked[1].bucket = BucketAsked{};
  asked[1].bucket->rate = {1, 1000};
  asked[1].bucket->burst = 5;
  std::string request;
  append_reserve(request, asked, "", "sha", "text");
  CHECK(words(request) ==
        "EVALSHA sha 3 a b c  2 group 4 costs 1000 2000 10 100 3000 0 0 1 2 3"
        " 0 bucket 1 1000 5 0 0 0 0 0 0 0 0 0 0 1 0 1 3"
        " 1 checks 1000 2000 10 100 3000 1");
  std::size_t counted = 0;
  for (const Reservation& each : asked) counted += words_of(each);
  CHECK(counted == 3 + 12 + 19 + 1);
}

TEST_CASE("buckets of the same numbers are one row, and their answers are read as such") {
  std::vector<Reservation> asked{reservation("a", {{1, 2}}), reservation("b", {{3, 1}, {1, 1}}),
                                 reservation("c", {{1, 1}}), reservation("w", {{1, 1}})};
  for (std::size_t i = 0; i < 3; ++i) {
    asked[i].bucket = BucketAsked{{3, 50'000}, 7, {}, 0, 0, {}, {62, 16}, 0, 0};
  }
  asked[1].bucket->known = StoreTime{5};
  asked[1].bucket->known_settled = 4;
  asked[1].bucket->emptied = StoreTime{6};
  asked[1].bucket->back = -3;
  asked[1].lease = 16;
  asked[1].bucket->raisable = 15;
  asked[1].in_hand = 14;
  asked[1].bucket->hand_ends_ms = 13;
  asked[2].bucket->burst = 8;
  std::string request;
  append_reserve(request, asked, "", "sha", "");
  CHECK(words(request) ==
        "EVALSHA sha 4 a b c w  2 bucket 3 50000 7 62 16 0 0 0 0 0 0 0 0 1 0 1 2"
        " 5 4 6 -3 16 15 14 13 2 0 3 1 1 1"
        " 1 bucket 3 50000 8 62 16 0 0 0 0 0 0 0 0 1 0 1 1 1 checks 1000 2000 10 100 3000 1");
  CHECK(words_of(asked[1]) == 1 + 10 + 4);

  const std::vector<ReserveAsked> of{asked_of(asked[1])};
  std::vector<ReserveAnswer> answers;
  REQUIRE(parses(reply_to({ReplyTree::of_numbers({0, 1'700'000'000'000'000, 4, 2, 90, 3, 1, 0})}),
                 of, answers));
  CHECK(answers[0].bucket == Bucket(TokenBucket{1'700'000'000'000'000, 4, {3, 50'000}, 2}));
  CHECK(answers[0].ends_ms == 90);
  CHECK(answers[0].leased == 3);
  CHECK(answers[0].granted == std::vector<std::int64_t>{1, 0});
  for (const auto& numbers :
       {std::vector<std::int64_t>{0, -1, 4, 2, 90, 3, 1, 0},
        std::vector<std::int64_t>{0, std::int64_t{1} << 53, 4, 2, 90, 3, 1, 0},
        std::vector<std::int64_t>{0, 1, -4, 2, 90, 3, 1, 0},
        std::vector<std::int64_t>{0, 1, std::int64_t{1} << 43, 2, 90, 3, 1, 0},
        std::vector<std::int64_t>{0, 1, 4, -2, 90, 3, 1, 0},
        std::vector<std::int64_t>{0, 1, 4, kMostTaken + 1, 90, 3, 1, 0},
        std::vector<std::int64_t>{0, 1, 4, 2, -1, 3, 1, 0},
        std::vector<std::int64_t>{0, 1, 4, 2, 90, -3, 1, 0},
        std::vector<std::int64_t>{0, 1, 4, 90, 3, 1, 0},
        std::vector<std::int64_t>{0, 1, 4, 2, 90, 3, 1}}) {
    CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers(numbers)}), of, answers));
  }
  // A number alone is the answer to checks of a window.
  CHECK_FALSE(parses(reply_to({ReplyTree::of(3)}), {asked_of(asked[0])}, answers));
}

TEST_CASE(
    "logs of the same numbers are one row, and one that somebody has written into is spoilt") {
  std::vector<Reservation> asked{reservation("a", {{1, 2}}), reservation("b", {{1, 1}}),
                                 reservation("c", {{1, 1}})};
  for (Reservation& each : asked) {
    each.bucket = BucketAsked{};
    each.bucket->burst = 9;
    each.bucket->log = {1000, 17};
    each.bucket->slices = {17, 5};
  }
  asked[2].bucket->log = {2000, 34};
  asked[1].bucket->back = 3;
  asked[1].bucket->back_ms = 51;
  std::string request;
  append_reserve(request, asked, "", "sha", "");
  CHECK(words(request) ==
        "EVALSHA sha 3 a b c  2 log 1000 17 9 17 5 0 0 0 0 0 0 0 0 1 0 1 2"
        " 0 0 0 3 0 0 0 51 1 0 1 1 1 log 2000 34 9 17 5 0 0 0 0 0 0 0 0 1 0 1 1");

  const std::vector<ReserveAsked> of{asked_of(asked[1])};
  std::vector<ReserveAnswer> answers;
  const auto answer = [&](std::string_view entries, std::int64_t ever, std::int64_t used) {
    std::vector<ReplyTree> words{ReplyTree::of(0), ReplyTree::of(entries)};
    for (const std::int64_t number : std::vector<std::int64_t>{ever, used, 90, 3, 1})
      words.push_back(ReplyTree::of(number));
    return parses(reply_to({ReplyTree::of(std::move(words))}), of, answers);
  };
  REQUIRE(answer(" 17:2 34:1", 8, 3));
  CHECK(answers[0].bucket == Bucket(SlidingLog{1000, {{17, 2}, {34, 1}}, 8}));
  CHECK(answers[0].ends_ms == 90);
  CHECK(answers[0].leased == 3);
  CHECK(answers[0].granted == std::vector<std::int64_t>{1});
  REQUIRE(answer("", 0, 0));
  CHECK(answers[0].bucket == Bucket(SlidingLog{1000}));
  for (const auto& [entries, ever, used] :
       {std::tuple(" 17:2 17:1", 8, 3), {"x", 8, 0}, {" 17:2", -1, 2}, {" 17:2", 8, 1}}) {
    REQUIRE(answer(entries, ever, used));
    CHECK(answers[0].status == ReserveAnswer::Status::Spoilt);
    CHECK(answers[0].granted.empty());
  }
}

TEST_CASE("what comes back to a bucket is sent as a reservation of nothing") {
  Call call;
  call.kind = Call::Kind::Release;
  call.release = {"a", 4, 0, BucketAsked{{3, 50'000}, 7, {}, 0, 0, {}, {62, 16}, 0, 0}};
  call.script = "sha";
  call.reign = "r";
  const auto sent = [&] {
    std::string request;
    append_call(request, call, {}, "reserve", "release");
    return words(request);
  };
  CHECK(sent() == "EVALSHA sha 2 a rategate:reign r 1 bucket 3 50000 7 62 16 0 0 0 4 0 0 0 0 0 0");
  call.release.permits = -4;
  call.script.clear();
  CHECK(sent() ==
        "EVAL reserve 2 a rategate:reign r 1 bucket 3 50000 7 62 16 0 0 0 -4 0 0 0 0 0 0");
  // To a window: with the moment until which it lives at least.
  call.release = {"a", -4, 3000, std::nullopt};
  CHECK(sent() == "EVAL release 3 a a:c rategate:reign -4 r 3000");
}

TEST_CASE("a window is cleared by a script of its own, and a bucket by that of reservations") {
  Call call;
  call.kind = Call::Kind::Clear;
  call.reign = "r";
  call.clear = {1, "a", {1000, 2000}, 77, 3000, std::nullopt};
  const auto sent = [&] {
    std::string request;
    append_call(request, call, {}, "reserve", "release");
    std::string text = words(request);
    const std::size_t at = text.find(kClearScript);
    if (at != std::string::npos) text.replace(at, std::string_view(kClearScript).size(), "clear");
    return text;
  };
  CHECK(sent() == "EVAL clear 3 a a:c rategate:reign r 77 2000 3000");
  call.reign.clear();
  CHECK(sent() == "EVAL clear 2 a a:c  77 2000 3000");
  call.clear.bucket = BucketAsked{{3, 50'000}, 7, {}, 0, 0, {}, {62, 16}, 0, 0};
  call.clear.bucket->back_ms = 99;
  CHECK(sent() == "EVAL reserve 1 a  1 bucket 3 50000 7 62 16 0 0 0 4398046511104 0 0 0 99 0 0");
}

TEST_CASE("the answer to a clear is a number, or what stands in its place") {
  std::vector<ReserveAnswer> answers;
  const auto read = [&](const ReplyTree& reply) {
    return read_reply(reply.view(), Call::Kind::Clear, {}, answers);
  };
  const Reply done = read(ReplyTree::of_numbers({87}));
  CHECK((done.understood && done.clear.status == ClearAnswer::Status::Done));
  CHECK(done.clear.number == 87);
  CHECK(read(ReplyTree::of_numbers({-1})).clear.status == ClearAnswer::Status::WindowOver);
  CHECK(read(ReplyTree::of_numbers({-2})).clear.status == ClearAnswer::Status::NotThere);
  CHECK(read(ReplyTree::of_numbers({})).reign_over);
  for (const auto& numbers : {std::vector<std::int64_t>{-3}, std::vector<std::int64_t>{1, 2},
                              std::vector<std::int64_t>{(std::int64_t{1} << 53) + 1}}) {
    CHECK_FALSE(read(ReplyTree::of_numbers(numbers)).understood);
  }
  CHECK_FALSE(read(ReplyTree::of(3)).understood);
}

TEST_CASE("the base is a key of a reservation in a window that is counted on") {
  std::vector<Reservation> asked{reservation("a", {{1, 2}}), reservation("b", {{1, 1}})};
  asked.back().names_base = true;
  CHECK(words_of(asked.back()) == words_of(asked.front()) + 1);
  std::string request;
  append_reserve(request, asked, "r", "sha", "");
  CHECK(words(request) ==
        "EVALSHA sha 4 a b b:base rategate:reign r 2 checks 1000 2000 10 100 3000 2 1");
}

TEST_CASE("what is known of counters is told with the record, or with the replid") {
  std::string request;
  append_recount(request, std::vector<Recount>{{1, "a", {0, 9}, 7, 10}, {2, "b", {0, 9}, 8, 11}},
                 "r");
  const std::string all = words(request);
  CHECK(all.starts_with("EVAL -- Tells the store"));
  CHECK(all.ends_with(" 5 a a:base b b:base rategate:reign r 7 10 8 11"));

  request.clear();
  append_recount(request, std::vector<Recount>{{1, "a", {0, 9}, 7, 10}}, "abc 5 f", true);
  CHECK(words(request).ends_with(" 2 a a:base abc 5 f 7 10"));
}

TEST_CASE("what counters hold after they were told of, or why they could not be") {
  std::vector<ReserveAnswer> answers;
  const auto read = [&](const ReplyTree& reply) {
    return read_reply(reply.view(), Call::Kind::Recount, {}, answers);
  };
  const Reply told = read(reply_to({ReplyTree::of(7), ReplyTree::of("OOM no"), ReplyTree::of(0)}));
  REQUIRE(told.understood);
  REQUIRE(told.answers.size() == 3);
  CHECK_FALSE(told.reign_over);
  CHECK(told.answers[0].counter == 7);
  CHECK(told.answers[1].status == ReserveAnswer::Status::Refused);
  CHECK(told.answers[1].error == "OOM no");
  CHECK(told.answers[2].status == ReserveAnswer::Status::Looked);

  const Reply heard = read(reply_to({}));
  CHECK(heard.understood);
  CHECK_FALSE(heard.reign_over);
  CHECK(heard.answers.empty());
  CHECK(read(ReplyTree::of(std::vector<ReplyTree>{})).reign_over);
  for (const ReplyTree& odd :
       {ReplyTree::of(5), ReplyTree::of_numbers({1}), ReplyTree::of_numbers({-1, 0, 5}),
        reply_to({ReplyTree::of(std::vector<ReplyTree>{})})}) {
    CHECK_FALSE(read(odd).understood);
  }
}

TEST_CASE("answers are read in the form in which they were asked for") {
  std::vector<ReserveAnswer> answers;
  const auto reply = reply_to({ReplyTree::of(17), ReplyTree::of_numbers({0, 10, 0, 1}),
                               ReplyTree::of_numbers({0, 9, 4, 1, 0})});
  REQUIRE(parses(reply, {asked({{1, 3}}), asked({{1, 3}}), asked({{2, 1}, {3, 1}}, 4)}, answers));
  CHECK(answers[0].time.us == 1'700'000'000'000'005);
  CHECK(answers[0].counter == 17);
  CHECK(answers[0].granted == std::vector<std::int64_t>{3});
  CHECK(answers[1].counter == 10);
  CHECK(answers[1].granted == std::vector<std::int64_t>{1});
  CHECK(answers[2].leased == 4);
  CHECK(answers[2].granted == std::vector<std::int64_t>{1, 0});
}

TEST_CASE("what was not looked at is told by its status") {
  using Status = ReserveAnswer::Status;
  std::vector<ReserveAnswer> answers;
  const std::vector<ReserveAsked> call{asked({{1, 3}}), asked({{2, 1}}), asked({{2, 1}}),
                                       asked({{1, 1}})};
  const ReplyTree refused = ReplyTree::of({ReplyTree::of(4), ReplyTree::of("OOM no memory")});
  REQUIRE(parses(reply_to({ReplyTree::of(9), ReplyTree::of(9), ReplyTree::of(9), refused}),
                 {call[0], call[0], call[0], call[3]}, answers));
  // What an earlier call had is gone.
  REQUIRE(parses(reply_to({ReplyTree::of_numbers({1}), ReplyTree::of_numbers({2}),
                           ReplyTree::of_numbers({3}), refused}),
                 call, answers));
  CHECK(answers[0].status == Status::WindowOver);
  CHECK(answers[1].status == Status::TooFarAhead);
  CHECK(answers[2].status == Status::Spoilt);
  CHECK(answers[3].status == Status::Refused);
  CHECK(answers[3].error == "OOM no memory");
  for (const ReserveAnswer& answer : answers) {
    CHECK(answer.granted.empty());
    CHECK(answer.counter == 0);
    CHECK(answer.leased == 0);
  }
  REQUIRE(parses(reply_to({ReplyTree::of(9)}), {call[0]}, answers));
  CHECK(answers[0].error.empty());

  const auto text = ReplyTree::of(std::string(100'000, 'x'));
  REQUIRE(parses(reply_to({ReplyTree::of({ReplyTree::of(4), text})}), {call[0]}, answers));
  CHECK(answers[0].error.size() == 256);
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({4})}), {call[0]}));
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({4, 4})}), {call[0]}));
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({1, 0})}), {call[0]}));
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({5})}), {call[0]}));
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({})}), {call[0]}));
}

TEST_CASE("what is not of the form is no answer") {
  const std::vector<ReserveAsked> costs{asked({{2, 1}})};
  REQUIRE(parses(reply_to({ReplyTree::of_numbers({0, 9, 4, 1})}), costs));
  // All costs granted are told by a number alone only where one permit each was asked for.
  CHECK_FALSE(parses(reply_to({ReplyTree::of(17)}), costs));
  CHECK_FALSE(parses(reply_to({}), costs));
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({0, 9, 4})}), costs));
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({0, 9, 4, 1, 1})}), costs));
  CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({9, 9, 4, 1})}), costs));
  CHECK_FALSE(parses(reply_to({ReplyTree::of("many")}), costs));
  CHECK_FALSE(parses(reply_to({ReplyTree()}), costs));
  CHECK_FALSE(parses(ReplyTree::of(1), costs));
  CHECK_FALSE(parses(ReplyTree(), costs));
  for (const std::int64_t number : {kLeast, std::int64_t{-1}, kMaxPermits + 1, kMost}) {
    CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({0, 9, 4, number})}), costs));
    CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({0, 9, number, 1})}), costs));
    CHECK_FALSE(parses(reply_to({ReplyTree::of_numbers({number, 9, 4, 1})}), costs));
  }
}

TEST_CASE("a counter is taken no further than its distance from a limit says something") {
  std::vector<ReserveAnswer> answers;
  for (const std::int64_t number : {kLeast, -kFurthest - 1, -kFurthest, std::int64_t{-5}}) {
    REQUIRE(parses(reply_to({ReplyTree::of(number)}), {asked({{1, 1}})}, answers));
    CHECK(answers[0].counter == std::max(number, -kFurthest));
  }
  for (const std::int64_t number : {std::int64_t{5}, kFurthest, kFurthest + 1, kMost}) {
    REQUIRE(
        parses(reply_to({ReplyTree::of_numbers({0, number, 0, 0})}), {asked({{1, 1}})}, answers));
    CHECK(answers[0].counter == std::min(number, kFurthest));
  }
}

TEST_CASE("a time that is none is not taken for one") {
  const auto time = [](ReplyTree seconds, ReplyTree micros) {
    return parse_time(ReplyTree::of({std::move(seconds), std::move(micros)}).view());
  };
  const auto of = [](auto value) { return ReplyTree::of(value); };
  CHECK(time(of("1700000000"), of("123456"))->us == 1'700'000'000'123'456);
  CHECK(time(of(0), of(0))->us == 0);
  CHECK(time(of(std::int64_t{4'398'046'510}), of(999'999))->us == 4'398'046'510'999'999);
  for (const std::int64_t number : {kLeast, std::int64_t{-1}, std::int64_t{4'398'046'511}, kMost}) {
    CHECK_FALSE(time(of(number), of(0)));
    CHECK_FALSE(time(of(std::to_string(number)), of("0")));
  }
  for (const std::int64_t number : {kLeast, std::int64_t{-1}, std::int64_t{1'000'000}, kMost}) {
    CHECK_FALSE(time(of(1), of(number)));
  }
  for (const char* text : {"", "x", "1x", " 1", "1.5", "99999999999999999999"}) {
    CHECK_FALSE(time(of(text), of("0")));
  }
  CHECK_FALSE(time(ReplyTree(), of(0)));
  CHECK_FALSE(parse_time(of("1700000000").view()));
  CHECK_FALSE(parse_time(ReplyTree::of_numbers({1, 2, 3}).view()));
}

TEST_CASE("since when the data has its history is a moment, or nothing was lost") {
  const auto since = [](const char* record) { return parse_since(ReplyTree::of(record).view()); };
  CHECK(since("ab 1700000000000005 cd") == StoreTime{1'700'000'000'000'005});
  CHECK(since("ab 0 cd") == StoreTime{0});
  CHECK(since("") == StoreTime{0});
  const std::string too_long = "ab 5 " + std::string(300, 'c');
  for (const char* text : {"5", "ab 5", " ", "ab -1 cd", "ab x cd", "ab 1.5 cd", "ab  cd",
                           "ab 99999999999999999 cd", too_long.c_str()}) {
    CHECK_FALSE(parse_since(ReplyTree::of(text).view()));
  }
}

TEST_CASE("errors are of the script, of the connection, of a counter or of the store") {
  CHECK(refusal_of("NOSCRIPT No matching script.") == Refusal::NoScript);
  CHECK(refusal_of("READONLY You can't write against a read only replica.") == Refusal::Connection);
  CHECK(refusal_of("ERR Error running script: @user_script:1: WRONGTYPE Operation against a key"
                   " holding the wrong kind of value") == Refusal::Call);
  CHECK(refusal_of("NOPERM this user has no permissions to access one of the keys used as "
                   "arguments") == Refusal::Call);
  CHECK(refusal_of("ERR The user executing the script can't run this command or subcommand") ==
        Refusal::Call);
  CHECK(refusal_of("ERR ACL failure in script: User rategate has no permissions to run the 'set' "
                   "command") == Refusal::Call);
  CHECK(refusal_of("OOM command not allowed when used memory > 'maxmemory'.") == Refusal::Store);
  ReplyTree error = ReplyTree::of(std::string(1000, 'x'));
  error.kind = ReplyView::Kind::Error;
  CHECK(error_of(error.view()).size() == 256);
}

// Numbers replaced, parts left out, doubled and put elsewhere: what is read of it stays in its
// range.
TEST_CASE("no mutation of an answer is read for more than it may be") {
  std::minstd_rand random(1);
  const std::vector<std::int64_t> edges{kLeast,        -1,   0, 1, 4, 999'999, 1'000'000,
                                        kFurthest + 1, kMost};
  const std::vector<ReserveAsked> call{asked({{1, 3}}), asked({{2, 1}, {3, 1}}, 4)};
  const auto mutate = [&](auto& self, ReplyTree& tree) -> void {
    if (tree.kind != ReplyView::Kind::Array || tree.replies.empty() || random() % 8 == 0) {
      const auto number = edges[random() % edges.size()];
      switch (random() % 4) {
        case 0:
          tree = ReplyTree();
          return;
        case 1:
          tree = ReplyTree::of(std::to_string(number));
          return;
        default:
          tree = ReplyTree::of(number);
          return;
      }
    }
    const std::size_t at = random() % tree.replies.size();
    switch (random() % 8) {
      case 0:
        tree.replies.erase(tree.replies.begin() + static_cast<std::ptrdiff_t>(at));
        return;
      case 1:
        tree.replies.push_back(tree.replies[at]);
        return;
      default:
        self(self, tree.replies[at]);
    }
  };
  std::vector<ReserveAnswer> answers;
  int read = 0;
  for (int i = 0; i < 100'000; ++i) {
    ReplyTree reply = reply_to({ReplyTree::of(17), ReplyTree::of_numbers({0, 9, 4, 1, 0})});
    for (auto times = random() % 3; times > 0; --times) mutate(mutate, reply);
    if (!parses(reply, call, answers)) continue;
    ++read;
    for (std::size_t part = 0; part < call.size(); ++part) {
      REQUIRE(std::abs(answers[part].counter) <= kFurthest);
      REQUIRE(answers[part].time.us >= 0);
      REQUIRE(answers[part].time.us / 1000 < std::int64_t{1} << 42);
      REQUIRE(answers[part].leased <= kMaxPermits);
    }
  }
  CHECK(read > 1000);
  CHECK(read < 99'000);
}
