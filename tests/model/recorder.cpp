#include "tests/model/recorder.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace rategate::model {

// The code under test consists of free functions, so what they call has to be found somewhere.
Recorder*& Recorder::current() {
  static Recorder* recorder = nullptr;
  return recorder;
}

Recorder& Recorder::running() {
  if (current() == nullptr) throw std::logic_error("an atomic operation outside of a litmus");
  return *current();
}

std::vector<Trace> Recorder::runs(const Thread& thread) {
  std::vector<Trace> all;
  choices_.clear();
  current() = this;
  while (true) {
    next_choice_ = 0;
    events_.clear();
    Result result = thread();
    all.push_back({events_, std::move(result)});
    // The next combination, the last choice first.
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().of) {
      choices_.pop_back();
    }
    if (choices_.empty()) break;
    ++choices_.back().taken;
  }
  current() = nullptr;
  return all;
}

bool Recorder::learn(const std::vector<Trace>& runs) {
  bool anything = false;
  for (const Trace& run : runs) {
    for (const Event& event : run.events) {
      if (!event.writes()) continue;
      std::vector<uint64_t>& known = values_[static_cast<size_t>(event.location)];
      if (std::find(known.begin(), known.end(), event.written) != known.end()) continue;
      known.push_back(event.written);
      anything = true;
    }
  }
  return anything;
}

int Recorder::location(const void* at, uint64_t value) {
  const auto [found, is_new] = locations_.try_emplace(at, static_cast<int>(initial_.size()));
  if (is_new) {
    initial_.push_back(value);
    values_.push_back({value});
  } else if (initial_[static_cast<size_t>(found->second)] != value) {
    throw std::logic_error("shared memory was written without an atomic operation");
  }
  return found->second;
}

uint64_t Recorder::choose(int location) {
  const std::vector<uint64_t>& known = values_[static_cast<size_t>(location)];
  if (next_choice_ == choices_.size()) choices_.push_back({0, known.size()});
  return known[choices_[next_choice_++].taken];
}

int Recorder::order_at(const char* function, const char* operation, int order) {
  if (order != __ATOMIC_RELAXED && order != __ATOMIC_ACQUIRE && order != __ATOMIC_RELEASE &&
      order != __ATOMIC_ACQ_REL) {
    throw std::logic_error(std::string(function) + ": an order that the axioms here do not cover");
  }
  const Site site{function, operation, order};
  sites_.insert(site);
  return weakening_ != nullptr && weakening_->site == site ? weakening_->order : order;
}

uint64_t Recorder::load(const void* at, uint64_t value, int order, const char* function) {
  const int where = location(at, value);
  const uint64_t read = choose(where);
  events_.push_back({Kind::kRead, order_at(function, "load", order), where, read, 0});
  return read;
}

void Recorder::store(const void* at, uint64_t value, uint64_t next, int order,
                     const char* function) {
  const int where = location(at, value);
  events_.push_back({Kind::kWrite, order_at(function, "store", order), where, 0, next});
}

uint64_t Recorder::exchange(const void* at, uint64_t value, uint64_t next, int order,
                            const char* function) {
  const int where = location(at, value);
  const uint64_t read = choose(where);
  events_.push_back({Kind::kUpdate, order_at(function, "exchange", order), where, read, next});
  return read;
}

uint64_t Recorder::swap(const void* at, uint64_t value, uint64_t expected, uint64_t next,
                        int success, int failure, const char* function) {
  const int where = location(at, value);
  const uint64_t read = choose(where);
  const int won = order_at(function, "swap", success);
  const int lost = order_at(function, "failed swap", failure);
  if (read == expected) {
    events_.push_back({Kind::kUpdate, won, where, read, next});
  } else {
    events_.push_back({Kind::kRead, lost, where, read, 0});
  }
  return read;
}

void Recorder::fence(int order, const char* function) {
  const int as = order_at(function, "fence", order);
  if (as != kNoFence) events_.push_back({Kind::kFence, as, -1, 0, 0});
}

}  // namespace rategate::model
