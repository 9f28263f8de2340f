#include "tests/sim/store.hpp"

#include <cstdlib>

namespace rategate::sim {

void Store::serve(EventQueue::Event command) {
  if (events_.now() >= stalled_until_) return command();
  events_.at(stalled_until_,
             [this, command = std::move(command)]() mutable { serve(std::move(command)); });
}

std::vector<ReserveAnswer> Store::reserve(int daemon, const std::vector<Reservation>& requests) {
  std::vector<ReserveAnswer> answers;
  const std::int64_t now = events_.now();
  for (const Reservation& request : requests) {
    const bool existed = model_.get(request.counter, now).has_value();
    answers.push_back(model_.reserve(request, now));
    const auto value = model_.get(request.counter, now);
    checker_.reserved(daemon, request, answers.back(), existed,
                      value ? std::atoll(value->c_str()) : 0, now);
  }
  return answers;
}

void Store::release(int daemon, const Release& release) {
  const std::int64_t taken = model_.release(release, events_.now());
  checker_.released(daemon, release.counter, release.permits, taken);
}

void Store::recipe(Checker::Account& account, std::int64_t expire_s) {
  const std::int64_t now = events_.now();
  const bool existed = model_.get(account.name, now).has_value();
  const std::int64_t value = model_.incr_by(account.name, 1, now).value;
  if (model_.pttl(account.name, now) == -1) {
    model_.expire_at(account.name, now / 1000 + expire_s * 1000, now);
  }
  checker_.recipe_called(account, existed, value, now);
}

void Store::restart() {
  model_.forget_all();
  ++run_;
}

}  // namespace rategate::sim
