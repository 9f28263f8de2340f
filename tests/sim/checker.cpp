#include "tests/sim/checker.hpp"

#include <algorithm>
#include <limits>

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

void Checker::took_from_bucket(int daemon, const Reservation& request, const ReserveAnswer& answer,
                               std::int64_t now_us) {
  Account& account = *open(request.counter, -1, kBucketWindow);
  if (!account.bucket) account.bucket.emplace();
  const std::int64_t granted = charged_permits(request, answer);
  account.granted += granted;
  account.share(daemon).granted += granted;
  const TokenBucket bucket{answer.bucket.full_us, answer.bucket.taken, request.bucket->rate};
  const std::int64_t taken = granted - answer.leased;
  account.bucket->granted({daemon, now_us, taken, answer.leased, answer.ends_ms * 1000,
                           granted_permits(request.costs, answer) - taken, bucket,
                           request.bucket->burst});
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

void Checker::counters_lost(std::int64_t now_us) {
  for (Account& account : accounts_) {
    if (account.window.end_ms * 1000 > now_us) account.lost = true;
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

void Checker::denied(int daemon, const Account& account, std::int64_t cost, const BucketNumbers& of,
                     std::int64_t asked_us, std::int64_t told_us) {
  if (!promised_ || !one_store_ || !account.bucket) return;
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
    if (account.allowed == 0 || account.bucket) continue;
    std::int64_t most = account.out;
    for (const Force& force : forces_[account.limit]) {
      if (force.until_us >= account.window.start_ms * 1000 &&
          force.from_us < account.window.end_ms * 1000) {
        most = std::max(most, force.permits);
      }
    }
    if (account.allowed > most) {
      fail(account.name + ": allowed " + std::to_string(account.allowed) + " of " +
           std::to_string(most));
    }
  }
}

}  // namespace rategate::sim
