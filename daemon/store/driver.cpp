#include "daemon/store/driver.hpp"

#include <algorithm>

namespace rategate {

Driver::Driver(const Gate::Options& options, SharedPools* shared, StoreEvents& events)
    : gate_(options, shared), events_(events) {}

Link& Driver::add(Link::Options options, Transport& transport) {
  options.shard = {static_cast<std::uint16_t>(links_.size())};
  links_.push_back(std::make_unique<Link>(options, gate_, transport, events_));
  return *links_.back();
}

void Driver::start(Mono now) {
  for (const auto& link : links_) link->start(now);
}

void Driver::stop(Mono now) {
  gate_.stop(now);
  for (const auto& link : links_) link->stop(now);
}

void Driver::pump(Mono now) {
  gate_.turn(now);
  for (const auto& link : links_) link->turn(now);
  do {
    for (const auto& link : links_) link->pump(now);
  } while (gate_.take_passed_on());
}

Mono Driver::next_turn() const {
  Mono next = gate_.next_turn();
  for (const auto& link : links_) next = std::min(next, link->next_turn());
  return next;
}

}  // namespace rategate
