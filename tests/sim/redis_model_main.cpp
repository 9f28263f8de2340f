// sim_redis_model: the simulation's model of Redis, and the daemon's memory store, on standard
// input and output, for test_redis_model.py. A line is what TIME says (us), a command and its
// words; after MEMORY the command is the memory store's. An answer is a line, too.
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/limit/group.hpp"
#include "daemon/store/model/memory_counters.hpp"
#include "daemon/store/model/memory_holds.hpp"
#include "tests/sim/redis_model.hpp"

using namespace rategate;

namespace {

std::string text_of(const sim::RedisModel::Number& number) {
  return number.error.empty() ? std::to_string(number.value) : "!" + number.error;
}

CostRuns runs_of(std::istream& words, int count) {
  CostRuns runs;
  for (int i = 0; i < count; ++i) {
    CostRun run;
    words >> run.cost >> run.count;
    runs.push_back(run);
  }
  return runs;
}

Reservation reservation_of(std::istream& words) {
  Reservation request;
  words >> request.counter >> request.window.start_ms >> request.window.end_ms >> request.limit >>
      request.ahead_ms >> request.expire_at_ms >> request.lease >> request.in_hand;
  int runs = 0;
  words >> runs;
  request.costs = runs_of(words, runs);
  return request;
}

// The words of BUCKET or LOG: those of its row in the script, and of the bucket.
Reservation bucket_reservation_of(std::istream& words, bool is_log) {
  Reservation request;
  BucketAsked asked;
  words >> request.counter;
  if (is_log) {
    words >> asked.log.period_ms >> asked.log.stamp_ms;
  } else {
    words >> asked.rate.permits >> asked.rate.us;
  }
  words >> asked.burst >> asked.slices.slice_ms >> asked.slices.least_ms >> asked.known.us >>
      asked.known_settled >> asked.emptied.us >> asked.back >> request.lease >> asked.raisable >>
      request.in_hand >> asked.hand_ends_ms;
  if (asked.back > 0) asked.back_ms = asked.hand_ends_ms;  // one word of the script's
  request.window = kBucketWindow;
  request.algorithm = &kTokenBucket;
  request.bucket = asked;
  int runs = 0;
  int bookings = 0;
  words >> runs >> bookings;
  request.costs = runs_of(words, runs);
  for (int i = 0; i < bookings; ++i) {
    BookingAsked& booking = request.bookings.emplace_back();
    words >> booking.cost >> booking.until.us;
  }
  return request;
}

std::string numbers_text(std::initializer_list<std::int64_t> numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += " " + std::to_string(number);
  return text;
}

// As the script says it.
std::string text_of(const Bucket& bucket) {
  if (const auto* const log = std::get_if<SlidingLog>(&bucket)) {
    return " " + text_of(log->entries) + numbers_text({log->ever, permits_of(log->entries)});
  }
  const auto& token = std::get<TokenBucket>(bucket);
  return numbers_text({token.full_us, token.taken, token.settled});
}

std::string text_of(const ReserveAnswer& answer, bool is_bucket, bool has_block) {
  std::string text = std::to_string(static_cast<int>(answer.status));
  if (answer.status == ReserveAnswer::Status::Blocked) {
    return text + numbers_text({answer.blocked_until_ms});
  }
  if (answer.status != ReserveAnswer::Status::Looked) return text;
  text += is_bucket ? text_of(answer.bucket) + numbers_text({answer.ends_ms, answer.leased})
                    : numbers_text({answer.counter, answer.leased});
  for (const std::int64_t granted : answer.granted) text += " " + std::to_string(granted);
  for (const StoreTime booked : answer.booked) text += " " + std::to_string(booked.us);
  return has_block ? text + numbers_text({answer.blocked_until_ms}) : text;
}

// The answer to RESERVE, BUCKET or LOG, or to BLOCK, its name, how long it lasts, and one of those;
// nothing where it is none of them.
template <class Reserve>
std::optional<std::string> reserved(std::string name, std::istream& words, const Reserve& reserve) {
  std::optional<BlockAsked> block;
  if (name == "BLOCK") {
    block.emplace();
    words >> block->name >> block->lasts_ms >> name;
  }
  const bool is_bucket = name == "BUCKET" || name == "LOG";
  if (!is_bucket && name != "RESERVE") return std::nullopt;
  Reservation request =
      is_bucket ? bucket_reservation_of(words, name == "LOG") : reservation_of(words);
  request.block = block;
  return text_of(reserve(request), is_bucket, block.has_value());
}

// The words of CLEAR, behind the counter's name.
Clear clear_of(const std::string& counter, std::istream& words) {
  Clear clear;
  clear.counter = counter;
  words >> clear.mark >> clear.window.end_ms >> clear.expire_at_ms >> clear.block;
  return clear;
}

// As the script says it.
std::string text_of(const ClearAnswer& answer) {
  if (answer.status == ClearAnswer::Status::WindowOver) return "-1";
  if (answer.status == ClearAnswer::Status::NotThere) return "-2";
  return std::to_string(answer.number);
}

struct Memory {
  MemoryCounters counters;
  MemoryHolds holds;
};

std::string text_of(const HoldAnswer& answer) {
  return std::to_string(static_cast<int>(answer.status)) +
         numbers_text(
             {answer.held, answer.others, answer.until.us / 1000, answer.sharing, answer.least});
}

HoldAsked hold_of(std::istream& words) {
  HoldAsked asked;
  words >> asked.counter >> asked.host >> asked.sequence >> asked.limit >> asked.ttl_ms >>
      asked.used >> asked.kept >> asked.wanted;
  return asked;
}

// Counters that are decided together, of those stores: how many, and of each how much it holds at
// least, and what is asked of it.
template <class Reserve>
std::string of_group(std::istream& words, const Reserve& reserve) {
  int count = 0;
  words >> count;
  std::vector<Reservation> group;
  for (int i = 0; i < count; ++i) {
    std::int64_t known = 0;
    std::string form;
    words >> known >> form;
    group.push_back(form == "RESERVE" ? reservation_of(words)
                                      : bucket_reservation_of(words, form == "LOG"));
    group.back().group = 1;
    group.back().known = known;
  }
  std::vector<ReserveAnswer> answers;
  reserve_all(group, reserve, answers);
  std::string text;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    text += (i > 0 ? " ; " : "") + text_of(answers[i], group[i].bucket.has_value(), false);
  }
  return text;
}

std::string of_memory(Memory& all, std::istream& words, StoreTime now) {
  MemoryCounters& memory = all.counters;
  std::string name;
  words >> name;
  if (name == "HOLD") return text_of(all.holds.hold(hold_of(words), now));
  const auto reserve = [&](const Reservation& request) { return memory.reserve(request, now); };
  if (const auto answer = reserved(name, words, reserve)) return *answer;
  if (name == "GROUP") return of_group(words, reserve);
  std::string counter;
  words >> counter;
  if (name == "CLEAR") return text_of(memory.clear(clear_of(counter, words), now));
  Release release{counter};
  words >> release.permits;
  return std::to_string(memory.release(release, now));
}

std::string of_model(sim::RedisModel& model, const std::string& name, std::istream& words,
                     std::int64_t now_us) {
  std::int64_t number = 0;
  std::string key, value;
  const auto reserve = [&](const Reservation& request) { return model.reserve(request, now_us); };
  if (const auto answer = reserved(name, words, reserve)) return *answer;
  if (name == "GROUP") return of_group(words, reserve);
  if (name == "EDGE") {
    words >> number;
    return model.edge_within(number, now_us) ? "1" : "0";
  }
  words >> key;
  if (name == "GET") {
    return model.holds_list(key, now_us) ? text_of(model.incr_by(key, 0, now_us))
                                         : model.get(key, now_us).value_or("(nil)");
  }
  if (name == "RECORD") {
    std::getline(words >> std::ws, value);
    model.set(key, value, 0, now_us);
    return "OK";
  }
  if (name == "REIGN") {
    sim::RedisModel::Greets greets;
    words >> greets.replid >> greets.token >> greets.promoted;
    std::getline(words >> std::ws, greets.knew);
    if (greets.knew == "none") greets.knew.clear();
    return model.reign(key, greets, true, now_us).value_or("!");
  }
  if (name == "RECOUNT") {
    Recount recount;
    recount.counter = key;
    words >> recount.known >> recount.expire_at_ms >> value;
    const ReserveAnswer answer = model.recount(recount, value, now_us);
    return answer.status == ReserveAnswer::Status::Looked ? std::to_string(answer.counter) : "!";
  }
  if (name == "CLEAR") {
    const auto answer = model.clear(clear_of(key, words), now_us);
    return answer ? text_of(*answer) : "!";
  }
  if (name == "RPUSH") return text_of(model.push(key, now_us));
  if (name == "SET") {
    words >> number;
    std::getline(words >> std::ws, value);
    model.set(key, value, number, now_us);
    return "OK";
  }
  if (name == "INCR") return text_of(model.incr_by(key, 1, now_us));
  if (name == "DEL") return model.del(key, now_us) ? "1" : "0";
  if (name == "PTTL") return std::to_string(model.pttl(key, now_us));
  words >> number;
  if (name == "INCRBY") return text_of(model.incr_by(key, number, now_us));
  if (name == "DECRBY") return text_of(model.incr_by(key, -number, now_us));
  if (name == "EXPIRE") {
    return model.expire_at(key, now_us / 1000 + number * 1000, now_us) ? "1" : "0";
  }
  if (name == "PEXPIREAT") return model.expire_at(key, number, now_us) ? "1" : "0";
  if (name == "RELEASE") return std::to_string(model.release({key, number}, now_us));
  return "!not known: " + name;
}

}  // namespace

int main() {
  sim::RedisModel model;
  Memory memory;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::int64_t now_us = 0;
    std::string name;
    words >> now_us >> name;
    std::cout << (name == "MEMORY" ? of_memory(memory, words, StoreTime{now_us})
                                   : of_model(model, name, words, now_us))
              << '\n'
              << std::flush;
  }
}
