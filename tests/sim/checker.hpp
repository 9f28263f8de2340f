// What must be true of every schedule, held against what is seen from outside of the code under
// test: what the store did, and which decisions were handed out when, by true time.
//
//   allowed in a window of the store's clock  <=  the limit
//   spent by a daemon and its clients in a counter  <=  what that daemon reserved there, less what
//                                                      it gave back
//   a counter in the store  =  what was granted and not given back, and the recipe's calls
//   granted only below the limit, only to a window that is not over; a counter outlives its window
//   denied only what did not fit at some moment of the window
//
// The first that is not true is kept, in words.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/limit/reservation.hpp"
#include "tests/sim/bucket_watch.hpp"

namespace rategate::sim {

class Checker {
 public:
  // A (limit, key), by number.
  using Subject = int;

  struct Share {
    int daemon = 0;
    std::int64_t granted = 0;
    std::int64_t released = 0;
    std::int64_t spent = 0;
  };
  // One counter: a subject in one window.
  struct Account {
    std::string name;
    Window window;
    int limit = -1;
    std::vector<Share> shares;  // by daemon, in order
    std::int64_t allowed = 0;
    std::int64_t counter = 0;  // what the store must hold
    std::int64_t granted = 0;
    std::int64_t most = 0;  // the counter's highest value
    bool lost = false;      // the store has lost it since it was there last
    std::int64_t out = 0;   // so much had been granted when somebody told of it late
    // Where the limit is spread: what was reserved for this one is in those, of so many permits.
    struct Sub {
      Account* account;
      std::int64_t permits;
    };
    std::vector<Sub> subs;
    std::optional<BucketWatch> bucket;
    Account* spread = nullptr;  // of which this one is a sub
    Share& share(int daemon);
  };

  // Only crashes and missing answers count.
  void promise_nothing() { promised_ = false; }
  // Several servers count, one after another or beside each other: what one of them holds says
  // nothing of what is out.
  void many_stores() { one_store_ = false; }
  // Who is away for too long tells late what he knew. What was granted by then cannot be helped.
  void tell_late() { tells_late_ = true; }
  // There is one host, nothing is lost, and nobody else counts: what does not count as allowed may
  // be had, so that a cost that fits beside it is not to be denied.
  void one_host() { one_host_ = true; }
  void fail(std::string what);
  const std::string& failure() const { return failure_; }

  template <class Name>
  Account& account(Subject subject, int limit, const Window& window, const Name& name) {
    Account*& account = by_subject_[{subject, window.start_ms}];
    if (account == nullptr) account = open(name(), limit, window);
    return *account;
  }
  Account* find(const std::string& name);
  // That counter, of so many permits, is one of those over which the account's limit is spread.
  void add_sub(Account& account, const std::string& name, std::int64_t permits);
  template <class Visit>
  void each(const Visit& visit) const {
    for (const Account& account : accounts_) visit(account);
  }

  // The number of a limit that some host goes by, from then until the last window that it may have
  // reserved for is over.
  void in_force(int limit, std::int64_t permits, std::int64_t from_us);
  // The same of a limit whose counters are buckets; for good.
  void in_force(int limit, const BucketNumbers& numbers) { promises_[limit].add(numbers); }
  void out_of_force(int limit, std::int64_t permits, std::int64_t until_us);

  // `existed`: whether the store had the counter before.
  void reserved(int daemon, const Reservation& request, const ReserveAnswer& answer, bool existed,
                std::int64_t value, std::int64_t now_us);
  // A host has told what it knew of the counter, which is that now; it may not be there.
  void recounted(const Recount& recount, std::optional<std::int64_t> value);
  void released(int daemon, const std::string& name, std::int64_t asked, std::int64_t taken);
  // The store has nothing any more of the windows that are not over.
  void counters_lost(std::int64_t now_us);
  void recipe_called(Account& account, bool existed, std::int64_t value, std::int64_t now_us);
  // `told`: somebody got the answer.
  void spent(int daemon, Account& account, std::int64_t cost, bool told, std::int64_t now_us);
  void denied(const Account& account, std::int64_t cost, std::int64_t limit);
  // The same of a bucket, by who goes by those numbers, within that time.
  void denied(int daemon, const Account& account, std::int64_t cost, const BucketNumbers& of,
              std::int64_t asked_us, std::int64_t told_us);
  // A check of a bucket was told that it is allowed, and spent() of it.
  static void allowed(Account& account, std::int64_t cost, std::int64_t asked_us,
                      std::int64_t told_us);
  // The same of one that the daemon has allowed by itself.
  static void spent_of_leases(int daemon, Account& account, std::int64_t cost, std::int64_t now_us);
  // At the end.
  void finish();

  std::int64_t allowed() const { return allowed_; }

 private:
  static std::int64_t reserved_by(Account& account, int daemon);
  static bool had_room(const Account& account, std::int64_t cost, std::int64_t limit);
  struct Force {
    std::int64_t permits;
    std::int64_t from_us;
    std::int64_t until_us;
  };
  void took_from_bucket(int daemon, const Reservation& request, const ReserveAnswer& answer,
                        std::int64_t now_us);
  Account* open(std::string name, int limit, const Window& window);
  void counted(Account& account, bool existed, std::int64_t by, std::int64_t value,
               std::int64_t now_us);

  bool promised_ = true;
  bool one_host_ = false;
  bool one_store_ = true;
  bool tells_late_ = false;
  std::string failure_;
  std::deque<Account> accounts_;
  std::map<std::pair<Subject, std::int64_t>, Account*> by_subject_;
  std::unordered_map<std::string, Account*> by_name_;
  std::map<int, std::vector<Force>> forces_;
  std::map<int, BucketPromise> promises_;  // by limit
  std::int64_t allowed_ = 0;
};

}  // namespace rategate::sim
