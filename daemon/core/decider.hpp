// What a decision says (remaining, retry-after, reset-after, reason), and the counts of decisions.
// Where something is decided without the store, it says by what: the pool, a window that is used up
// or lost, the limit's policy while the store is away. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/random.hpp"
#include "daemon/core/ask.hpp"
#include "daemon/core/counters.hpp"
#include "daemon/core/known_blocks.hpp"
#include "daemon/core/local_shares.hpp"
#include "daemon/core/request.hpp"
#include "daemon/core/shard.hpp"
#include "daemon/core/slot_losses.hpp"
#include "daemon/core/stats.hpp"

namespace rategate {

// What this host knows of a counter's window, beside the permits it holds.
enum class WindowState : std::uint8_t {
  Open,       // the store may have more
  Exhausted,  // the counter has reached the limit
  Lost,       // the store has lost its count: denied to its end
  Telling,    // the same, until all hosts have told what they know of it
  Uncounted,  // they have, and this one is to tell before it asks for anything
};

// The store's count is what was granted, so that what it grants may be used.
inline bool has_counted(WindowState state) {
  return state == WindowState::Open || state == WindowState::Exhausted;
}

// What is known of a counter of use to who asked: a Decision's numbers.
struct Prospect {
  std::int64_t remaining = 0;
  std::int64_t retry_after_ms = 0;  // if the check is denied
  std::int64_t reset_after_ms = 0;
  // Of CL.THROTTLE the same, as of the moment that the rest is of.
  std::int64_t retry_after_us = 0;  // -1: never
  std::int64_t reset_after_us = 0;
};

class Decider {
 public:
  // `command_timeout_us`: the longest that a check waits for the store.
  // `hosts_min`: so many hosts there are at least.
  Decider(std::vector<Shard>& shards, Losses& losses, GateStats& stats,
          std::int64_t command_timeout_us, std::int64_t hosts_min, std::uint64_t seed)
      : shards_(shards),
        losses_(losses),
        stats_(stats),
        command_timeout_us_(command_timeout_us),
        hosts_min_(hosts_min),
        random_(seed) {}

  // Of the cluster's slots, that which the counter is in, wherever that is.
  static std::uint16_t slot_of(const Counter& counter);
  // Whether the store has lost its count, and all hosts are to tell what they know of it.
  bool is_retold(const Counter& counter, const Window& window) const;
  // Whether this host has told it to the shard that the counter is in. What another one was told
  // may have been lost here, while the slot was on its way.
  static bool is_recounted(const Counter& counter, const Window& window);
  WindowState state_of(const Counter& counter, const Window& window, Mono now) const;
  // The store has lost the count of that window of the counter.
  void lose(const Counter& counter, const Window& window);
  // The highest cost that the window can still pay, as far as this host knows: what the pool and
  // the counter have left together. That can become no more in short windows, because nothing is
  // given back there; in a long one it can, up to the limit. Of a bucket what may be in it now.
  std::int64_t most_left(const Counter& counter, const Window& window, Mono now) const;
  // Permits that this host holds for the window, or of a bucket until some slices end.
  std::int64_t held(const Counter& counter, const Window& window, Mono now) const;
  // What the counter, a bucket, may have now, as far as this host knows; all of it where it does
  // not.
  std::int64_t left_in_bucket(const Counter& counter, Mono now) const;
  // What was taken of the counter, a bucket, before that moment may not be counted any more; 0: all
  // of it is, or it does not matter any more.
  StoreTime emptied_at(const Counter& counter, Mono now) const;
  // What the store is told of the counter, a bucket, whatever it is asked for.
  BucketAsked asked_of_bucket(const Counter& counter, Mono now) const;

  // Until the window that is open at `now` ends: a Decision's reset_after_ms.
  std::int64_t reset_after_ms(const Counter& counter, Mono now) const {
    return reset_after_ms(*counter.use, shard_of(counter), now);
  }
  // Of permits of the counter that are good until then: see Receipt.
  static std::int64_t receipt_of(const Counter& counter, std::int64_t until_ms);
  // Of permits of a bucket that the store has given at that moment, for it.
  static std::int64_t receipt_of(const Counter& counter, StoreTime taken);
  // By the store's answer: counted, or over the limit there.
  static CheckResult counted(const Counter& counter, bool allowed, const Prospect& prospect);
  // Of a check of that cost, by a bucket that the store has told of at `told`, of which the host
  // holds so many permits.
  Prospect prospect(const Counter& counter, const Bucket& bucket, std::int64_t held,
                    std::int64_t cost, StoreTime told, Mono now) const;
  CheckResult allow_from_pool(const Counter& counter, const Window& window, Mono now) const;
  // Exhausted, Lost or Telling; or there is not as much as that.
  CheckResult deny_locally(const Counter& counter, WindowState state, const Window& window,
                           std::int64_t cost, Mono now);
  // What is denied of the counter at this moment, as far as this host knows.
  CheckResult deny_now(const Counter& counter, std::int64_t cost, Mono now);
  static CheckResult never_fits(LimitUse& use, const Shard& shard, Mono now);
  CheckResult deny_untrusted(const Counter& counter, Mono now);
  // The store cannot be asked: on_store_down says what that means.
  CheckResult by_policy(const Counter& counter, const Ask& ask, Mono now);
  // By a rule for keys that counts nothing.
  static CheckResult by_rule(const LimitUse& use);

  // ---- Blocks: docs/blocking.md.

  // What may stand of the counter's, by what is known: until it is over for certain, its pool pays
  // nothing. Null: nothing does.
  const KnownBlock* may_be_blocked(const Counter& counter, Mono now) const {
    return counter.use->blocks && !blocks_.empty() ? find_block(counter, now) : nullptr;
  }
  // What stands for certain, and denies. Null: nothing does.
  const KnownBlock* block_of(const Counter& counter, Mono now) const;
  // For how long, from 1 on.
  std::int64_t blocked_for_ms(const Counter& counter, const KnownBlock& known, Mono now) const;
  // The store has told of it, or of none (0).
  void learn_block(const Counter& counter, std::int64_t until_ms, Mono now);
  void forget_block(const Counter& counter);
  // What all checks of the counter are told while one is known; nothing where there is none, or the
  // store is to be asked whether it still stands.
  std::optional<CheckResult> deny_blocked(const Counter& counter, Mono now) const;
  // The same by the store's answer that it stands.
  CheckResult blocked_by_store(const Counter& counter, const ReserveAnswer& answer, Mono now) const;
  // Who is denied when it is set does not come before it ends.
  void wait_for_block(const Counter& counter, CheckResult& denied, Mono now) const {
    if (counter.use->blocks && !denied.decision.allowed) come_after_block(counter, denied, now);
  }

  // It is told to who asked, and counted if that was a check: those above only say what it would
  // be, as nobody may want it. Here it becomes what a shadow limit says, and whether that is near.
  void conclude(LimitUse& use, const Ask& ask, CheckResult& result);
  // The same of a member of a combined check, which counts for its limit; and, where the answer
  // names it, as one check.
  void conclude_member(LimitUse& use, CheckResult& result, bool is_named);
  // The store is asked again.
  void store_up() { shares_.forget_buckets(); }
  // So many hosts there are, this one included.
  void hosts_seen(std::int64_t hosts) { hosts_ = hosts; }
  std::int64_t hosts() const { return hosts_; }
  // The longest that a check waits for the store.
  std::int64_t command_timeout_us() const { return command_timeout_us_; }
  // So many more of a decision that was made, and concluded, at this same moment.
  void repeated(LimitUse& use, const Decision& decided, std::int64_t cost, std::int64_t times);

 private:
  const Shard& shard_of(const Counter& counter) const { return shards_[counter.shard.value]; }
  // What the pool and the counter have together, as far as this host knows.
  static std::int64_t left(const Counter& counter, const Window& window);
  Prospect prospect(const Counter& counter, const Window& window, std::int64_t cost,
                    Mono now) const;
  bool is_doubted(const Counter& counter, const Window& window, Mono now) const;
  WindowState loss_state_of(const Counter& counter, const Window& window, Mono now) const;
  WindowState recount_state_of(const Counter& counter, const LostThrough& lost,
                               const Window& window, Mono now) const;
  // What its shard has lost, and the shards that its slot has left.
  LostThrough lost_of(const Counter& counter, const Window& window) const;
  static std::int64_t reset_after_ms(LimitUse& use, const Shard& shard, Mono now);
  std::int64_t told_in_ms(const Counter& counter, const Window& window, Mono now);
  CheckResult blocked(const Counter& counter, std::int64_t for_ms, Mono now) const;
  const KnownBlock* find_block(const Counter& counter, Mono now) const;
  void come_after_block(const Counter& counter, CheckResult& denied, Mono now) const;
  static Decision decide(const LimitUse& use, Reason reason, bool allowed,
                         const Prospect& prospect);
  Decision decide_without_store(LimitUse& use, const Shard& shard, Reason reason, bool allowed,
                                Mono now);
  static void mark(const LimitUse& use, CheckResult& result);
  void count_for_limit(LimitUse& use, const CheckResult& told);
  void count_check(const CheckResult& told);
  void count_near(LimitTally& tally, std::uint64_t times);
  std::int64_t part_of(std::int64_t permits, const Share& share) const;
  bool take_share(const Counter& counter, const Ask& ask, Mono now, std::int64_t& left);
  bool take_share_of_bucket(const Counter& counter, const Ask& ask, StoreTime now,
                            std::int64_t& left);

  std::vector<Shard>& shards_;
  Losses& losses_;
  GateStats& stats_;
  std::int64_t command_timeout_us_;
  std::int64_t hosts_min_;
  std::int64_t hosts_ = 0;  // 0: not known
  LocalShares shares_;
  KnownBlocks blocks_;
  Random random_;
};

}  // namespace rategate
