// Members of combined checks that are asked for by one call, which grants all of them or none:
// docs/combined.md. Each waits in the line of its counter, and is answered there, like any other
// check; only what is composed of them is composed of all their lines at once.
#include <algorithm>
#include <utility>

#include "daemon/core/reserver.hpp"

namespace rategate {
namespace {

// Checks of the same members in one call.
constexpr std::size_t kMostTogether = 128;

}  // namespace

void Reserver::group(std::uint64_t check, std::vector<WaiterId> members) {
  Group group;
  for (const WaiterId& member : members) {
    Waiter& waiter = room_.waiters()[member.place];
    waiter.group = check;
    group.counters.push_back(waiter.counter);
  }
  group.members = std::move(members);
  groups_[check] = std::move(group);
}

void Reserver::ungroup(std::uint64_t check) {
  queue_group(check);
  groups_.erase(check);
}

void Reserver::queue_group(std::uint64_t check) {
  const auto found = groups_.find(check);
  if (found == groups_.end()) return;
  for (const CounterId id : found->second.counters) {
    if (counters_.is_live(id)) room_.queue(id);
  }
}

// Its members are asked for one by one.
void Reserver::break_up(std::uint64_t check) {
  const auto found = groups_.find(check);
  if (found == groups_.end()) return;
  for (const WaiterId& member : found->second.members) {
    Waiter* const waiter = room_.waiters().find(member);
    if (waiter != nullptr && !waiter->asked) waiter->group = 0;
  }
  ungroup(check);
}

// How much a check of the line must have left to be asked for.
std::int64_t Reserver::least_left_us(const Line& line, const Pull& pull) {
  return line.retried ? pull.least_left_retried_us : pull.least_left_us;
}

// The first of those that are due which has; none: there is none.
WaiterPlace Reserver::first_in_time(const Line& line, std::int64_t least_us, Mono now) {
  WaiterPlace at = line.due.first;
  while (!at.is_none() && room_.waiters()[at].stands != Stands::Asking &&
         room_.waiters()[at].deadline.us - now.us < least_us) {
    at = room_.waiters()[at].next;
  }
  return at;
}

bool Reserver::is_grouped(const Line& line) {
  return !line.asked.empty() && room_.waiters()[line.asked.first].group != 0;
}

// Its answer has charged nothing and says nothing of what there is: those are as if they had never
// been asked for.
void Reserver::spare_all(const Counter& counter, Line& line) {
  CheckResult spared;
  spared.spared = true;
  room_.end_reservation(line);
  room_.answer_all(counter, line.asked, [&](const Ask&) { return spared; });
}

// How many reservations go together with that which would be composed of the line.
std::size_t Reserver::group_size(const Line& line) {
  if (line.due.empty()) return 1;
  const auto found = groups_.find(room_.waiters()[line.due.first].group);
  return found == groups_.end() ? 1 : found->second.members.size();
}

// Each has its one check, where it is ready.
Reserver::GroupState Reserver::group_state(std::uint64_t check, Mono now,
                                           std::vector<GroupMember>& into) {
  const auto found = groups_.find(check);
  if (found == groups_.end()) return GroupState::Broken;
  const Group& group = found->second;
  const ShardId shard = counters_[group.counters.front()].shard;
  GroupState state = GroupState::Ready;
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    const CounterId id = group.counters[i];
    const Waiter* waiter = room_.waiters().find(group.members[i]);
    if (waiter == nullptr || waiter->group != check || waiter->counter != id || waiter->asked) {
      return GroupState::Broken;
    }
    const Counter& counter = counters_[id];
    const Line& line = *counters_.line(counter);
    if (counter.shard != shard || counter.use->leased || line.acquire || rides_alone(line)) {
      return GroupState::Broken;
    }
    if (line.reservation != 0) {
      state = GroupState::Waits;
      continue;
    }
    const auto window = decide_due(id, now);
    if (room_.waiters().find(group.members[i]) == nullptr) return GroupState::Broken;
    if (!window) state = GroupState::Waits;
    into.push_back({id, window.value_or(Window{}), {group.members[i].place}});
  }
  return state;
}

// The next check in the line, where it is of the same members, and has time.
bool Reserver::add_to_batch(const Waiter& lead, const Pull& pull, Mono now,
                            std::vector<GroupMember>& members) {
  const auto found = groups_.find(lead.group);
  if (found == groups_.end() || found->second.members.size() != members.size()) return false;
  if (lead.deadline.us - now.us < pull.least_left_us) return false;
  const Group& group = found->second;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Waiter* const waiter = room_.waiters().find(group.members[i]);
    const Waiter& first = room_.waiters()[members[i].waiters.front()];
    if (waiter == nullptr || waiter->group != lead.group || waiter->asked ||
        waiter->counter != members[i].counter || waiter->ask.cost != first.ask.cost) {
      return false;
    }
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    members[i].waiters.push_back(group.members[i].place);
  }
  return true;
}

// Of one of the line's checks, and of those behind it that are like it. Where it gives none, the
// lines that are to be looked at again are queued, or will be.
Reserver::Composed Reserver::compose_group(CounterId id, WaiterPlace lead, const Pull& pull,
                                           Mono now, Reservation& into) {
  const std::uint64_t check = room_.waiters()[lead].group;
  std::vector<GroupMember> members;
  const GroupState state = group_state(check, now, members);
  if (state == GroupState::Waits) return Composed::No;
  if (state == GroupState::Broken) {
    Waiter& alone = room_.waiters()[lead];
    if (alone.live && alone.group == check) alone.group = 0;
    break_up(check);
    room_.queue(id);
    return Composed::No;
  }
  for (WaiterPlace next = room_.waiters()[lead].next; !next.is_none();
       next = room_.waiters()[next].next) {
    if (members.front().waiters.size() == kMostTogether) break;
    if (!add_to_batch(room_.waiters()[next], pull, now, members)) break;
  }
  for (const GroupMember& member : members) {
    rest_of_group_.push_back(begin_member(member, now));
    rest_of_group_.back().group = rest_of_group_.front().id;
  }
  into = std::move(rest_of_group_.front());
  rest_of_group_.pop_front();
  return Composed::Yes;
}

Reservation Reserver::begin_member(const GroupMember& member, Mono now) {
  Counter& counter = counters_[member.counter];
  Line& line = *counters_.line(counter);
  room_.take_out(member.counter);
  const Waiter& first = room_.waiters()[member.waiters.front()];
  line.flow = first.flow;
  Reservation asked;
  asked.costs = {{first.ask.cost, static_cast<std::int64_t>(member.waiters.size())}};
  begin(member.counter, member.window, now, asked);
  if (!asked.bucket) asked.known = LeaseKeeper::known_to_hold(counter, member.window);
  for (const WaiterPlace place : member.waiters) {
    Waiter& waiter = room_.waiters()[place];
    waiter.asked = waiter.ever_asked = true;
    room_.waiters().move(line.due, place, line.asked);
  }
  line.costs = asked.costs;
  line.alone = line.retried = false;
  room_.begin_reservation(line);
  return asked;
}

}  // namespace rategate
