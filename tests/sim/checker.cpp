#include "tests/sim/checker.hpp"

#include <algorithm>
#include <limits>

#include "daemon/limit/group.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate::sim {
namespace {
// Whether no check was refused.
bool has_granted_all(const CostRuns& costs, const ReserveAnswer& answer) {
  return std::equal(answer.granted.begin(), answer.granted.end(), costs.begin(), costs.end(),
                    [](std::int64_t granted, const CostRun& run) { return granted == run.count; });
}

}  // namespace

Checker::Share& Checker::Account::share(int daemon) {
  const auto place =
      std::lower_bound(shares.begin(), shares.end(), daemon,
                       [](const Share& share, int sought) { return share.daemon < sought; });
  if (place != shares.end() && place->daemon == daemon) return *place;
  return *shares.insert(place, Share{daemon});
}

void Checker::fail(std::string what) {
  if (failure_.empty()) failure_ = std::move(what);
}

Checker::Account* Checker::open(std::string name, int limit, const Window& window) {
  Account*& account = by_name_[name];
  if (account == nullptr) {
    account = &accounts_.emplace_back();
    account->name = std::move(name);
    account->window = window;
  }
  // The store does not know whose counter it is; who decides does.
  if (limit >= 0) account->limit = limit;
  return account;
}

Checker::Account* Checker::find(const std::string& name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void Checker::add_sub(Account& account, const std::string& name, std::int64_t permits) {
  Account* const sub = open(name, -1, account.window);
  sub->spread = &account;
  account.subs.push_back({sub, permits});
}

// And not given back; of a limit that is spread in all of its counters.
std::int64_t Checker::reserved_by(Account& account, int daemon) {
  const Share& own = account.share(daemon);
  std::int64_t reserved = own.granted - own.released;
  for (const Account::Sub& sub : account.subs) reserved += reserved_by(*sub.account, daemon);
  return reserved;
}

// Whether the counter, or one of them, always had room for that cost.
bool Checker::had_room(const Account& account, std::int64_t cost, std::int64_t limit) {
  if (account.subs.empty()) return account.most + cost <= limit;
  return std::any_of(account.subs.begin(), account.subs.end(), [&](const Account::Sub& sub) {
    return had_room(*sub.account, cost, sub.permits);
  });
}

void Checker::in_force(int limit, std::int64_t permits, std::int64_t from_us) {
  forces_[limit].push_back({permits, from_us, std::numeric_limits<std::int64_t>::max()});
}

void Checker::out_of_force(int limit, std::int64_t permits, std::int64_t until_us) {
  for (Force& force : forces_[limit]) {
    if (force.permits != permits || force.until_us != std::numeric_limits<std::int64_t>::max()) {
      continue;
    }
    force.until_us = until_us;
    return;
  }
}

void Checker::counted(Account& account, bool existed, std::int64_t by, std::int64_t value,
                      std::int64_t now_us) {
  if (!existed) {
    const bool inside = now_us < account.window.end_ms * 1000;
    if (promised_ && account.granted > 0 && inside && !account.lost) {
      fail(account.name + ": expired inside its window, with permits of it out");
    }
    account.counter = 0;
    account.lost = false;
  } else if (account.lost) {
    // It has what a replica had of it.
    account.counter = value - by;
    account.lost = false;
  }
  account.counter += by;
  account.most = std::max(account.most, account.counter);
  if (promised_ && value != account.counter) {
    fail(account.name + ": the counter is " + std::to_string(value) + ", reserved and called are " +
         std::to_string(account.counter));
  }
}

void Checker::reserved(int daemon, const Reservation& request, const ReserveAnswer& answer,
                       bool existed, std::int64_t value, std::int64_t now_us) {
  judge_block(request, answer, now_us);
  if (answer.status != ReserveAnswer::Status::Looked) return;
  if (answer.leased > 0 && !has_granted_all(request.costs, answer)) {
    fail(request.counter + ": a lease came with a refusal");
  }
  if (request.bucket) return took_from_bucket(daemon, request, answer, now_us);
  const std::int64_t granted = charged_permits(request, answer);
  Account& account = *open(request.counter, -1, request.window);
  if (one_store_ && (existed || value != 0)) counted(account, existed, granted, value, now_us);
  if (granted == 0) return;
  account.granted += granted;
  account.share(daemon).granted += granted;
  if (!promised_) return;
  if (now_us >= account.window.end_ms * 1000) {
    fail(account.name + ": granted after its window was over");
  }
  if (one_store_ && account.counter > request.limit) {
    fail(account.name + ": granted up to " + std::to_string(account.counter) + " of " +
         std::to_string(request.limit));
  }
}

// The store grants nothing while a block stands, which the first refusal sets and no other
// prolongs.
void Checker::judge_block(const Reservation& request, const ReserveAnswer& answer,
                          std::int64_t now_us) {
  if (!blocks_keys_ || !promised_ || !one_store_) return;
  if (!request.block) return fail(request.counter + ": asked for without its block");
  Block& block = blocks_[request.block->name];
  const std::int64_t now_ms = now_us / 1000;
  const bool stands = now_ms < block.until_ms;
  if (stands != (answer.status == ReserveAnswer::Status::Blocked)) {
    return fail(request.counter + (stands ? ": looked at while it is blocked"
                                          : ": blocked for longer than it was to be"));
  }
  if (answer.status != ReserveAnswer::Status::Looked) return;
  if (!refuses_some(request.costs, answer)) return;
  block.until_ms = block.latest_ms = now_ms + request.block->lasts_ms;
  if (answer.blocked_until_ms != block.until_ms)
    fail(request.counter + ": not blocked by a denial");
}

void Checker::told(int daemon, const std::string& name, const Decision& decision) {
  if (!blocks_keys_ || !promised_ || !one_store_ || decision.by != DecidedBy::Host) return;
  Block& block = blocks_[name];
  const std::int64_t now_us = clock_();
  if (decision.allowed && now_us < block.heard_ms[daemon] * 1000) {
    fail(name + ": allowed by a host that knows of the block");
  }
  if (decision.reason == Reason::Blocked && now_us >= block.latest_ms * 1000) {
    fail(name + ": a host denies for a block that is over");
  }
  if (decision.reason == Reason::OverLimit) fail(name + ": a host denies, and no block was set");
}

// Of a group either all have granted as many checks, or none has, and no counter is another one
// then.
void Checker::decided_together(std::span<const Reservation> reservations,
                               std::span<const ReserveAnswer> answers, const Held& held) {
  for (std::size_t at = 0, size = 0; at < reservations.size(); at += size) {
    size = group_size(reservations.subspan(at));
    if (reservations[at].group == 0) continue;
    std::int64_t least = kMaxPermits;
    std::int64_t most = 0;
    for (std::size_t i = at; i < at + size; ++i) {
      const bool looked = answers[i].status == ReserveAnswer::Status::Looked;
      const std::int64_t granted = looked ? answers[i].granted.front() : 0;
      least = std::min(least, granted);
      most = std::max(most, granted);
    }
    ++(most == 0 ? groups_denied_ : groups_granted_);
    for (std::size_t i = at; i < at + size; ++i) {
      const Reservation& each = reservations[i];
      if (least != most) fail(each.counter + ": granted where others of its group were not");
      if (most == 0 && !each.bucket && held.before[i] != held.after[i]) {
        fail(each.counter + ": charged for a check that was denied");
      }
    }
  }
}

void Checker::took_from_bucket(int daemon, const Reservation& request, const ReserveAnswer& answer,
                               std::int64_t now_us) {
  Account& account = *open(request.counter, -1, kBucketWindow);
  if (!account.bucket) account.bucket.emplace();
  const std::int64_t granted = charged_permits(request, answer);
  account.granted += granted;
  account.share(daemon).granted += granted;
  for (std::size_t i = 0; i < answer.booked.size(); ++i) {
    if (answer.booked[i].us == 0) continue;
    account.bucket->booked(daemon, request.bookings[i].cost, answer.booked[i].us,
                           request.bucket->log, set_back_us_);
  }
  const std::int64_t taken = granted - answer.leased - booked_permits(request.bookings, answer);
  account.bucket->granted({daemon, now_us, taken, answer.leased, answer.ends_ms * 1000,
                           granted_permits(request.costs, answer) - taken, answer.bucket,
                           *request.bucket, puts_back_, set_back_us_});
}

void Checker::heard(int daemon, const Reservation& request, const ReserveAnswer& answer) {
  if (request.block) blocks_[request.block->name].heard_ms[daemon] = answer.blocked_until_ms;
  if (!request.bucket || answer.status != ReserveAnswer::Status::Looked) return;
  Account& account = *open(request.counter, -1, kBucketWindow);
  if (account.bucket) account.bucket->heard(daemon, answer.time.us, clock_());
}

void Checker::recounted(const Recount& recount, std::optional<std::int64_t> value) {
  if (!value) return;
  Account& account = *open(recount.counter, -1, recount.window);
  account.counter = *value;
  account.lost = false;
  account.most = std::max(account.most, *value);
  if (tells_late_) account.out = account.granted;
}

void Checker::released(int daemon, const std::string& name, std::int64_t asked,
                       std::int64_t taken) {
  Account* account = find(name);
  if (account == nullptr) return fail(name + ": given back, and never reserved");
  // Where the counter is gone, what was asked is not to be spent either.
  account->share(daemon).released += asked;
  account->counter -= taken;
  account->granted -= taken;
  Account& spent = account->spread != nullptr ? *account->spread : *account;
  if (promised_ && spent.share(daemon).spent > reserved_by(spent, daemon)) {
    fail(name + ": given back and spent");
  }
}

void Checker::charged(const std::string& name, std::int64_t permits) {
  Account* account = find(name);
  if (account == nullptr) return fail(name + ": charged, and never asked for");
  account->counter += permits;
  account->most = std::max(account->most, account->counter);
}

void Checker::taken_back(int daemon, Account& account, std::int64_t permits,
                         std::int64_t taken_us) {
  Share& share = account.share(daemon);
  share.spent -= permits;
  const auto then =
      std::find_if(account.before.begin(), account.before.end(),
                   [&](const Account::Before& before) { return taken_us <= before.until_us; });
  if (then == account.before.end()) {
    account.allowed -= permits;
  } else {
    then->allowed -= permits;
    // Into the pool of a host that has not heard of it.
    if (!settles_in_store_ && daemon != account.cleared_by) account.more += permits;
  }
  allowed_ -= permits;
  if (share.spent < 0) fail(account.name + ": more was taken back than was spent");
}

void Checker::settled(int daemon, const Reservation& nothing, const ReserveAnswer& answer,
                      std::int64_t back, std::int64_t now_us) {
  took_from_bucket(daemon, nothing, answer, now_us);
  const std::int64_t asked = nothing.bucket->back;
  if (asked < 0) return find(nothing.counter)->bucket->overdrawn();
  if (!settles_ && nothing.bucket->log.none() && back > 0) {
    fail(nothing.counter + ": " + std::to_string(back) + " came back, and nobody has settled them");
  }
  released(daemon, nothing.counter, asked, back);
  find(nothing.counter)
      ->bucket->came_back(daemon, back, nothing.bucket->back_ms, now_us + set_back_us_);
}

// What daemons hold of it, that one excepted: reserved, and neither spent nor given back.
std::int64_t Checker::held_beside(const Account& account, int daemon) {
  std::int64_t held = 0;
  for (const Share& share : account.shares) {
    if (share.daemon != daemon) held += share.granted - share.released - share.spent;
  }
  return held;
}

void Checker::cleared(int daemon, bool late, const std::string& name, std::int64_t held) {
  Account* const account = find(name);
  if (account == nullptr) return;
  if (one_store_ && held != account->counter && !account->lost && promised_) {
    fail(name + ": cleared, and held " + std::to_string(held) + " instead of " +
         std::to_string(account->counter));
  }
  account->counter = 0;
  account->lost = false;
  if (account->spread != nullptr) {  // what is spent is told of all of its counters together
    account->spread->more += held;
    return;
  }
  account->before.push_back({account->allowed, account->more, clock_()});
  account->allowed = 0;
  account->more = held_beside(*account, late || reloads_ ? -1 : daemon);
  account->cleared_by = late ? -1 : daemon;
}

void Checker::bucket_cleared(int daemon, bool late, const Reservation& nothing,
                             const ReserveAnswer& answer, std::int64_t now_us) {
  Account& account = *open(nothing.counter, -1, kBucketWindow);
  if (!account.bucket) account.bucket.emplace();
  account.bucket->cleared(daemon, late || reloads_, answer.bucket, now_us);
}

void Checker::counters_lost(std::int64_t now_us) {
  for (auto& [name, block] : blocks_) block.until_ms = 0;
  lost_any_ = true;
  for (Account& account : accounts_) {
    if (account.window.end_ms * 1000 > now_us) account.lost = true;
    if (account.bucket) account.bucket->lost();
  }
}

void Checker::recipe_called(Account& account, bool existed, std::int64_t value,
                            std::int64_t now_us) {
  counted(account, existed, 1, value, now_us);
}

void Checker::spent(int daemon, Account& account, std::int64_t cost, bool told,
                    std::int64_t now_us) {
  Share& share = account.share(daemon);
  share.spent += cost;
  if (told) account.allowed += cost;
  if (told) allowed_ += cost;
  if (!promised_) return;
  const std::int64_t reserved = reserved_by(account, daemon);
  if (share.spent > reserved) {
    fail(account.name + ": daemon " + std::to_string(daemon) + " and its clients spent " +
         std::to_string(share.spent) + " of " + std::to_string(reserved) + " reserved");
  }
  const std::int64_t ms = now_us / 1000;
  if (ms < account.window.start_ms || ms >= account.window.end_ms) {
    fail(account.name + ": allowed at " + std::to_string(now_us) + " us, outside the window");
  }
}

void Checker::denied(const Account& account, std::int64_t cost, std::int64_t limit) {
  std::int64_t spent = 0;
  for (const Share& share : account.shares) spent += share.spent;
  if (one_host_ && spent + cost <= limit) {
    fail(account.name + ": denied " + std::to_string(cost) + " with " + std::to_string(spent) +
         " of " + std::to_string(limit) + " allowed");
  }
  if (!promised_ || !one_store_ || !had_room(account, cost, limit)) return;
  fail(account.name + ": denied " + std::to_string(cost) + " with " + std::to_string(account.most) +
       " of " + std::to_string(limit) + " taken at most");
}

void Checker::denied_by_block(const std::string& name, std::int64_t asked_us) {
  if (!blocks_keys_ || !promised_ || !one_store_) return;
  if (asked_us >= blocks_[name].latest_ms * 1000) fail(name + ": denied for a block that is over");
}

// What he who is away has taken nobody knows until he has told it; until then there seems to be
// room for as much, here as for what is allowed. So that is judged at the end.
void Checker::seen(Account& account, std::int64_t permits) {
  if (tells_late_) {
    account.seen = std::max(account.seen, permits);
  } else {
    judge_seen(account, permits);
  }
}

void Checker::judge_seen(const Account& account, std::int64_t permits) {
  const std::int64_t most = std::max(account.out, most_in_force(account));
  if (!promised_ || permits <= most) return;
  fail(account.name + ": told that " + std::to_string(permits) + " fit into " +
       std::to_string(most));
}

void Checker::denied(int daemon, const Account& account, std::int64_t cost, const BucketNumbers& of,
                     std::int64_t asked_us, std::int64_t told_us) {
  if (!promised_ || !one_store_ || !account.bucket || set_back_us_ > 0) return;
  if (!account.bucket->had_room(daemon, of, cost, asked_us, told_us)) return;
  fail(account.name + ": denied " + std::to_string(cost) + " at " + std::to_string(told_us) +
       " us, for which there was room since " + std::to_string(asked_us) + " us");
}

void Checker::allowed(Account& account, std::int64_t cost, std::int64_t asked_us,
                      std::int64_t told_us) {
  if (account.bucket) account.bucket->allowed(cost, asked_us, told_us);
}

void Checker::spent_of_leases(int daemon, Account& account, std::int64_t cost,
                              std::int64_t now_us) {
  if (account.bucket) account.bucket->spent_of_leases(daemon, cost, now_us);
}

// The largest number that some host goes by in its window.
std::int64_t Checker::most_in_force(const Account& account) const {
  std::int64_t most = 0;
  const auto forces = forces_.find(account.limit);
  if (forces == forces_.end()) return most;
  for (const Force& force : forces->second) {
    if (force.until_us >= account.window.start_ms * 1000 &&
        force.from_us < account.window.end_ms * 1000) {
      most = std::max(most, force.permits);
    }
  }
  return most;
}

void Checker::finish() {
  if (!promised_) return;
  for (const Account& account : accounts_) {
    if (!account.bucket) continue;
    const BucketPromise& promise = promises_[account.limit];
    std::string wrong = one_store_ ? account.bucket->judge_granted(promise) : "";
    if (wrong.empty()) wrong = account.bucket->judge_allowed(promise);
    if (!wrong.empty()) fail(account.name + ": " + wrong);
  }
  for (const Account& account : accounts_) {
    if (account.bucket) continue;
    judge_seen(account, account.seen);
    const std::int64_t most = std::max(account.out, most_in_force(account));
    std::vector<Account::Before> times = account.before;
    times.push_back({account.allowed, account.more, 0});
    for (const Account::Before& time : times) {
      if (time.allowed == 0 || time.allowed <= most + time.more) continue;
      fail(account.name + ": allowed " + std::to_string(time.allowed) + " of " +
           std::to_string(most) +
           (times.size() > 1
                ? " and " + std::to_string(time.more) + " that were held when it was cleared"
                : ""));
    }
  }
}

}  // namespace rategate::sim
