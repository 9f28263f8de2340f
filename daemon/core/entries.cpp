#include "daemon/core/entries.hpp"

#include <cstring>
#include <string_view>

namespace rategate {
namespace {

template <class Flows>
void remove_from(Flows& flows, std::uint32_t flow, std::uint64_t ticket) {
  const auto of_flow = flows.find(flow);
  if (of_flow == flows.end()) return;
  of_flow->second.erase(ticket);
  if (of_flow->second.empty()) flows.erase(of_flow);
}

}  // namespace

std::uint64_t Entries::add(Entry entry, Mono now) {
  std::uint64_t ticket = 0;
  while (ticket == 0 || entries_.contains(ticket)) {
    char number[sizeof number_];
    ++number_;
    std::memcpy(number, &number_, sizeof number);
    ticket = sip_hash(seed_, std::string_view(number, sizeof number)) >> 11;
  }
  if (entry.for_us > 0) {
    entry.until = after(now, entry.for_us);
    by_time_.emplace(entry.until, ticket);
    untold_[entry.flow].insert(ticket);
  } else {
    by_flow_[entry.flow].insert(ticket);
  }
  entries_.emplace(ticket, entry);
  return ticket;
}

const Entry* Entries::find(std::uint64_t ticket) const {
  const auto found = entries_.find(ticket);
  return found == entries_.end() ? nullptr : &found->second;
}

void Entries::renew(std::uint64_t ticket, Mono now) {
  Entry& entry = entries_.at(ticket);
  by_time_.erase({entry.until, ticket});
  entry.until = after(now, entry.for_us);
  by_time_.emplace(entry.until, ticket);
}

Entry Entries::remove(std::uint64_t ticket) {
  const Entry entry = entries_.at(ticket);
  entries_.erase(ticket);
  if (entry.for_us > 0) {
    by_time_.erase({entry.until, ticket});
    remove_from(untold_, entry.flow, ticket);
  } else {
    remove_from(by_flow_, entry.flow, ticket);
  }
  return entry;
}

std::uint64_t Entries::any_of(std::uint32_t flow) const {
  for (const Flows* const flows : {&by_flow_, &untold_}) {
    const auto found = flows->find(flow);
    if (found != flows->end()) return *found->second.begin();
  }
  return 0;
}

std::uint64_t Entries::any_over(Mono now) const {
  return next_over() <= now ? by_time_.begin()->second : 0;
}

}  // namespace rategate
