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
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/limit/decision.hpp"
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
    std::int64_t seen = 0;  // the most that somebody was told to fit, while who tells late is away
    // Where the counter was cleared: what was allowed before, and may be in all; since when it
    // began anew, by whom, and what more may be allowed since then.
    struct Before {
      std::int64_t allowed;
      std::int64_t more;
      std::int64_t until_us;
    };
    std::vector<Before> before;
    std::int64_t more = 0;
    int cleared_by = -1;
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
  // A daemon that clears may have more on its way for checks by numbers of before.
  void reloads() { reloads_ = true; }
  // What hosts take for checks of several limits at once may come back to them.
  void puts_back() { puts_back_ = true; }
  // Nothing was ever lost: whoever takes a window for lost is wrong.
  // By numbers of before a reload he may be: docs/clearing.md.
  // By a store's clock that was set back a bucket may seem to have had more.
  bool is_all_there() const {
    return promised_ && one_store_ && !lost_any_ && !reloads_ && set_back_us_ == 0;
  }
  // By true time.
  void tell_time(std::function<std::int64_t()> clock) { clock_ = std::move(clock); }
  // Where permits go that come back: to the store, or to a host that may not have heard that the
  // counter was cleared since they were taken.
  void settles_in_store(bool in_store) { settles_in_store_ = in_store; }
  // What came back to a token bucket, up to what it lacks then, might be had twice: only what
  // takers say that they have not used comes back to one.
  void nobody_settles() { settles_ = false; }
  // Who is away for too long tells late what he knew. What was granted by then cannot be helped.
  void tell_late() { tells_late_ = true; }
  // A denial for lack of permits blocks the key: docs/blocking.md.
  void blocks_keys() { blocks_keys_ = true; }
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
  // The call was of those, with their answers; and what each counter held before and after it.
  struct Held {
    std::vector<std::string> before, after;
  };
  void decided_together(std::span<const Reservation> reservations,
                        std::span<const ReserveAnswer> answers, const Held& held);
  // How many groups were granted at least one check, and how many none.
  std::int64_t groups_granted() const { return groups_granted_; }
  std::int64_t groups_denied() const { return groups_denied_; }
  // The daemon has had that answer, and uses it.
  void heard(int daemon, const Reservation& request, const ReserveAnswer& answer);
  // A client has denied, since then, for that block.
  void denied_by_block(const std::string& block, std::int64_t asked_us);
  // A check was told that, whose key has that block.
  void told(int daemon, const std::string& block, const Decision& decision);
  // A host has told what it knew of the counter, which is that now; it may not be there.
  void recounted(const Recount& recount, std::optional<std::int64_t> value);
  void released(int daemon, const std::string& name, std::int64_t asked, std::int64_t taken);
  // So many were charged to the counter without a test, which are nobody's.
  void charged(const std::string& name, std::int64_t permits);
  // The daemon has taken back so many of what was spent of its permits in that window: nobody has
  // used them. Until the store has them, or the window is over, they may be spent again.
  // They had been taken at that moment.
  void taken_back(int daemon, Account& account, std::int64_t permits, std::int64_t taken_us);
  // The daemon has let the counter begin anew, which held so many. What it holds itself is worth
  // nothing then, unless it had given up waiting for it (`late`).
  void cleared(int daemon, bool late, const std::string& name, std::int64_t held);
  // The same of a bucket, by that reservation of nothing.
  void bucket_cleared(int daemon, bool late, const Reservation& nothing,
                      const ReserveAnswer& answer, std::int64_t now_us);
  // The store has given so many back to a bucket, or charged some to it, by that reservation of
  // nothing.
  void settled(int daemon, const Reservation& nothing, const ReserveAnswer& answer,
               std::int64_t back, std::int64_t now_us);
  // The store's clock was set back by so much. What is granted of buckets is held to its promise by
  // true time from then on; what is denied is not looked at, for that costs permits.
  void set_back(std::int64_t us) { set_back_us_ += us; }
  // The store has nothing any more of the windows that are not over.
  void counters_lost(std::int64_t now_us);
  void recipe_called(Account& account, bool existed, std::int64_t value, std::int64_t now_us);
  // `told`: somebody got the answer.
  void spent(int daemon, Account& account, std::int64_t cost, bool told, std::int64_t now_us);
  void denied(const Account& account, std::int64_t cost, std::int64_t limit);
  // Somebody was told that so many permits would be within the limit, those included that checks
  // had been allowed before he asked.
  void seen(Account& account, std::int64_t permits);
  // The same of a bucket, by who goes by those numbers, within that time.
  void denied(int daemon, const Account& account, std::int64_t cost, const BucketNumbers& of,
              std::int64_t asked_us, std::int64_t told_us);
  // A check of a bucket was told that it is allowed, and spent() of it.
  static void allowed(Account& account, std::int64_t cost, std::int64_t asked_us,
                      std::int64_t told_us);
  // The same of one in ACQUIRE, of a bucket, for which permits were booked.
  static void told_of_booking(int daemon, Account& account, std::int64_t cost, std::int64_t good_ms,
                              std::int64_t now_us) {
    if (account.bucket) account.bucket->told_of_booking(daemon, cost, good_ms, now_us);
  }
  // The same of one that the daemon has allowed by itself.
  static void spent_of_leases(int daemon, Account& account, std::int64_t cost, std::int64_t now_us);
  // At the end.
  void finish();

  std::int64_t allowed() const { return allowed_; }

 private:
  std::int64_t most_in_force(const Account& account) const;
  void judge_seen(const Account& account, std::int64_t permits);
  static std::int64_t reserved_by(Account& account, int daemon);
  static std::int64_t held_beside(const Account& account, int daemon);
  static bool had_room(const Account& account, std::int64_t cost, std::int64_t limit);
  struct Force {
    std::int64_t permits;
    std::int64_t from_us;
    std::int64_t until_us;
  };
  void judge_block(const Reservation& request, const ReserveAnswer& answer, std::int64_t now_us);
  void took_from_bucket(int daemon, const Reservation& request, const ReserveAnswer& answer,
                        std::int64_t now_us);
  Account* open(std::string name, int limit, const Window& window);
  void counted(Account& account, bool existed, std::int64_t by, std::int64_t value,
               std::int64_t now_us);

  bool promised_ = true;
  bool one_host_ = false;
  bool one_store_ = true;
  bool puts_back_ = false;
  bool tells_late_ = false;
  bool settles_ = true;
  bool settles_in_store_ = false;
  bool reloads_ = false;
  bool lost_any_ = false;
  bool blocks_keys_ = false;
  struct Block {
    std::int64_t until_ms = 0;             // it stands; 0: none does
    std::int64_t latest_ms = 0;            // the last one that was ever set ends then
    std::map<int, std::int64_t> heard_ms;  // by daemon, when the one ends that it was told of last
  };
  std::unordered_map<std::string, Block> blocks_;
  std::int64_t set_back_us_ = 0;  // the store's clock was, in all
  std::int64_t groups_granted_ = 0;
  std::int64_t groups_denied_ = 0;
  std::function<std::int64_t()> clock_;
  std::string failure_;
  std::deque<Account> accounts_;
  std::map<std::pair<Subject, std::int64_t>, Account*> by_subject_;
  std::unordered_map<std::string, Account*> by_name_;
  std::map<int, std::vector<Force>> forces_;
  std::map<int, BucketPromise> promises_;  // by limit
  std::int64_t allowed_ = 0;
};

}  // namespace rategate::sim
