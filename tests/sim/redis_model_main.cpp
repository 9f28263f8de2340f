// sim_redis_model: the simulation's model of Redis, and the daemon's memory store, on standard
// input and output, for test_redis_model.py. A line is what TIME says (us), a command and its
// words; after MEMORY the command is the memory store's. An answer is a line, too.
#include <iostream>
#include <sstream>
#include <string>

#include "daemon/store/model/memory_counters.hpp"
#include "tests/sim/redis_model.hpp"

using namespace rategate;

namespace {

std::string text_of(const sim::RedisModel::Number& number) {
  return number.error.empty() ? std::to_string(number.value) : "!" + number.error;
}

CostRuns runs_of(std::istream& words) {
  CostRuns runs;
  int count = 0;
  words >> count;
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
  request.costs = runs_of(words);
  return request;
}

// The words of BUCKET: those of its row in the script, and of the bucket.
Reservation bucket_reservation_of(std::istream& words) {
  Reservation request;
  BucketAsked asked;
  words >> request.counter >> asked.rate.permits >> asked.rate.us >> asked.burst >>
      asked.slices.slice_ms >> asked.slices.least_ms >> asked.known.us >> asked.emptied.us >>
      request.lease >> asked.raisable >> request.in_hand >> asked.hand_ends_ms;
  request.window = kBucketWindow;
  request.algorithm = &kTokenBucket;
  request.bucket = asked;
  request.costs = runs_of(words);
  return request;
}

std::string text_of(const ReserveAnswer& answer, bool is_bucket) {
  std::string text = std::to_string(static_cast<int>(answer.status));
  if (answer.status != ReserveAnswer::Status::Looked) return text;
  const std::int64_t first = is_bucket ? answer.bucket.full_us : answer.counter;
  const std::int64_t second = is_bucket ? answer.bucket.taken : answer.leased;
  text += " " + std::to_string(first) + " " + std::to_string(second);
  if (is_bucket) text += " " + std::to_string(answer.ends_ms) + " " + std::to_string(answer.leased);
  for (const std::int64_t granted : answer.granted) text += " " + std::to_string(granted);
  return text;
}

std::string of_memory(MemoryCounters& memory, std::istream& words, StoreTime now) {
  std::string name;
  words >> name;
  if (name == "RESERVE") return text_of(memory.reserve(reservation_of(words), now), false);
  if (name == "BUCKET") return text_of(memory.reserve(bucket_reservation_of(words), now), true);
  Release release;
  words >> release.counter >> release.permits;
  return std::to_string(memory.release(release, now));
}

std::string of_model(sim::RedisModel& model, const std::string& name, std::istream& words,
                     std::int64_t now_us) {
  std::int64_t number = 0;
  std::string key, value;
  if (name == "RESERVE") return text_of(model.reserve(reservation_of(words), now_us), false);
  if (name == "BUCKET") return text_of(model.reserve(bucket_reservation_of(words), now_us), true);
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
  MemoryCounters memory;
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
