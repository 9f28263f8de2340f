// Reservations that are decided together, as the store's script does it in one step: as many checks
// are granted as fit into each counter, and the same number of all of them. A check that does not
// fit into one takes nothing of any: docs/combined.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "daemon/limit/reservation.hpp"

namespace rategate {

// How many reservations, from the first on, are one group; 1 where the first is in none. There is a
// first one.
std::size_t group_size(std::span<const Reservation> reservations);

// The same as `grouped`, but that it only looks: it takes nothing.
Reservation look_of(const Reservation& grouped);
// The same, of so many checks.
Reservation of_checks(const Reservation& grouped, std::int64_t checks);
// How many of the checks fit, by the answer to the look: from 0 on.
std::int64_t fitting_checks(const Reservation& grouped, const ReserveAnswer& looked);
// None of its checks is granted.
void grant_nothing(ReserveAnswer& looked);

// Asks `reserve` (of a const Reservation&, it gives a ReserveAnswer) for each of them in order, and
// for groups as the script does; adds the answers to `into`. At one moment, and nothing is refused
// to a counter that had room by the look.
template <class Reserve>
void reserve_all(std::span<const Reservation> reservations, const Reserve& reserve,
                 std::vector<ReserveAnswer>& into) {
  while (!reservations.empty()) {
    const auto group = reservations.first(group_size(reservations));
    reservations = reservations.subspan(group.size());
    if (group.front().group == 0) {
      into.push_back(reserve(group.front()));
      continue;
    }
    const std::size_t first = into.size();
    std::int64_t fits = group.front().costs.front().count;
    for (const Reservation& each : group) {
      into.push_back(reserve(look_of(each)));
      const std::int64_t own = fitting_checks(each, into.back());
      if (own < fits) fits = own;
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      ReserveAnswer& answer = into[first + i];
      if (fits == 0) {
        grant_nothing(answer);
      } else {
        answer = reserve(of_checks(group[i], fits));
      }
    }
  }
}

}  // namespace rategate
