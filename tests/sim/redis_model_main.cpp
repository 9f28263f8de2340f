// sim_redis_model: the simulation's model of Redis on standard input and output, for
// test_redis_model.py. A line is what TIME says (us), a command and its words; so is its answer.
#include <iostream>
#include <sstream>
#include <string>

#include "tests/sim/redis_model.hpp"

using namespace rategate;

namespace {

std::string text_of(const sim::RedisModel::Number& number) {
  return number.error.empty() ? std::to_string(number.value) : "!" + number.error;
}

std::string reserve(sim::RedisModel& model, std::istream& words, std::int64_t now_us) {
  Reservation request;
  int runs = 0;
  words >> request.counter >> request.window.start_ms >> request.window.end_ms >> request.limit >>
      request.ahead_ms >> request.expire_at_ms >> request.lease >> runs;
  for (int i = 0; i < runs; ++i) {
    CostRun run;
    words >> run.cost >> run.count;
    request.costs.push_back(run);
  }
  const ReserveAnswer answer = model.reserve(request, now_us);
  std::string text = std::to_string(static_cast<int>(answer.status)) + " " +
                     std::to_string(answer.counter) + " " + std::to_string(answer.leased);
  for (const std::int64_t granted : answer.granted) text += " " + std::to_string(granted);
  return text;
}

std::string command(sim::RedisModel& model, const std::string& line) {
  std::istringstream words(line);
  std::int64_t now_us = 0;
  std::int64_t number = 0;
  std::string name, key, value;
  words >> now_us >> name;
  if (name == "RESERVE") return reserve(model, words, now_us);
  if (name == "EDGE") {
    words >> number;
    return model.edge_within(number, now_us) ? "1" : "0";
  }
  words >> key;
  if (name == "GET") return model.get(key, now_us).value_or("(nil)");
  if (name == "SET") {
    words >> value >> number;
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
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << command(model, line) << '\n' << std::flush;
  }
}
