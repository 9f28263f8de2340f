#include "tests/model/litmus_bans.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tests/model/ban_steps.hpp"

namespace rategate::model {
namespace {

using Daemon = std::function<void(rg_slot&)>;

// A word's end tells whose it is: pool_of_end(), and a ban's where it is even.
constexpr int64_t kPoolA = 1;
constexpr int64_t kBanA = 2;
constexpr int64_t kPoolB = 3;
constexpr int64_t kBanB = 4;
bool is_ban(int64_t end) { return end % 2 == 0; }

uint64_t exhausted(int64_t end) { return rg_word_make(end, 0, true); }

// The slot with A's word in it, as it is before the daemon does anything.
SharedSlot slot_of_a(int64_t end) {
  auto slot = std::make_shared<rg_slot>();
  slot->identity = identity_of(kA);
  if (is_ban(end)) {
    slot->identity.rule |= RG_RULE_IS_BLOCKED;
    slot->left = kA;
  }
  slot->word[0] = exhausted(end);
  return slot;
}

void show_exhausted(rg_slot& slot, int64_t end) { rg_word_publish(&slot.word[0], exhausted(end)); }

// A denial is by a word of the key that was asked for; it says "blocked" where that word is a ban's
// and nowhere else, and tells the rest of that block.
bool is_wrong(Pool wanted, const Result& result) {
  if (result[0] != kDenied) return false;
  const int64_t end = result[1];
  if (pool_of_end(end) != wanted || (result[2] != 0) != is_ban(end)) return true;
  return is_ban(end) && result[3] != wanted;
}

Program beside(std::string name, int64_t first, Pool wanted, Daemon daemon,
               BanReader reader = BanReader::kRight) {
  const SharedSlot slot = slot_of_a(first);
  Program program;
  program.name = std::move(name);
  program.threads.push_back([slot, wanted, reader] { return check_ban(*slot, wanted, reader); });
  program.threads.push_back([slot, daemon = std::move(daemon)] {
    daemon(*slot);
    return Result{};
  });
  program.broken = [wanted](const std::vector<Result>& results) {
    return is_wrong(wanted, results[0]);
  };
  return program;
}

void pool_to_ban_of_b(rg_slot& slot) {
  hand_to_ban(slot, kB);
  show_ban(slot, kB, kBanB);
}
void ban_to_pool_of_b(rg_slot& slot) {
  hand_to_pool(slot, kB);
  show_exhausted(slot, kPoolB);
}
void lift(rg_slot& slot) { hand_to_pool(slot, kNobody); }

std::string asking(const char* litmus, Pool wanted) {
  return std::string(litmus) + (wanted == kA ? ", asked for A" : ", asked for B");
}

// Nothing is spent of a ban that comes where a pool had a permit: who asks for the key that is
// blocked takes none of the other key's, either.
Program permit_beside_ban(Pool wanted) {
  const SharedSlot slot = slot_of_a(kPoolA);
  slot->word[0] = rg_word_make(kPoolA, 1, false);
  Program program;
  program.name = asking("a permit beside a ban of B", wanted);
  program.threads.push_back([slot, wanted] { return check(*slot, 0, wanted, 2); });
  program.threads.push_back([slot] {
    pool_to_ban_of_b(*slot);
    return Result{};
  });
  program.broken = [wanted](const std::vector<Result>& results) {
    return results[0][0] == kAllowed && (wanted != kA || results[0][1] != kPoolA);
  };
  return program;
}

}  // namespace

std::vector<Program> ban_programs() {
  std::vector<Program> all;
  for (const Pool wanted : {kA, kB}) {
    all.push_back(
        beside(asking("a ban of B after A's pool", wanted), kPoolA, wanted, pool_to_ban_of_b));
    all.push_back(
        beside(asking("B's pool after a ban of A", wanted), kBanA, wanted, ban_to_pool_of_b));
    all.push_back(
        beside(asking("a ban of B after one of A", wanted), kBanA, wanted, pool_to_ban_of_b));
    all.push_back(beside(asking("a ban of A lifted, then B's pool", wanted), kBanA, wanted,
                         [](rg_slot& slot) {
                           lift(slot);
                           ban_to_pool_of_b(slot);
                         }));
    all.push_back(permit_beside_ban(wanted));
  }
  // The identity is the same but for the bit.
  all.push_back(beside("a ban of A after its pool", kPoolA, kA, [](rg_slot& slot) {
    hand_to_ban(slot, kA);
    show_ban(slot, kA, kBanA);
  }));
  all.push_back(beside("A's pool after its ban", kBanA, kA, [](rg_slot& slot) {
    hand_to_pool(slot, kA);
    show_exhausted(slot, kPoolA);
  }));
  all.push_back(beside("a ban of A lifted", kBanA, kA, lift));
  return all;
}

std::vector<Program> ban_mistakes() {
  const Daemon b_after_a = ban_to_pool_of_b;
  return {
      beside("blocked is looked at after the second look", kBanA, kA, b_after_a,
             BanReader::kBitAfterSecondLook),
      beside("the rest is looked at after the second look", kBanA, kA, b_after_a,
             BanReader::kRestAfterSecondLook),
      beside("a denial by a ban without a second look", kBanA, kA, b_after_a,
             BanReader::kNoSecondLook),
      beside("blocked is written after the ban's word", kPoolA, kB,
             [](rg_slot& slot) {
               hand_to_pool(slot, kB);
               show_ban(slot, kB, kBanB);
               rg_identity_store(&slot.identity.rule, identity_of(kB).rule | RG_RULE_IS_BLOCKED);
             }),
      beside("a ban over words that are not voided", kPoolA, kB,
             [](rg_slot& slot) { write_identity(slot, kB, RG_RULE_IS_BLOCKED); }),
      beside("a ban lifted, its words not voided", kBanA, kA,
             [](rg_slot& slot) { write_identity(slot, kNobody, 0); }),
      // The pool's word was there, and so nobody who reads by it finds the slot changed.
      beside("a ban with an end that a pool's word had", kPoolA, kA,
             [](rg_slot& slot) {
               hand_to_ban(slot, kB);
               show_ban(slot, kB, kPoolA);
             }),
  };
}

}  // namespace rategate::model
