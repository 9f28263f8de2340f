#include "tests/model/litmus_slices.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tests/model/slice_steps.hpp"

namespace rategate::model {
namespace {

using Broken = std::function<bool(const std::vector<Result>&)>;

uint64_t with(int64_t end, int64_t permits) { return rg_word_make(end, permits, false); }
uint64_t exhausted(int64_t end) { return rg_word_make(end, 0, true); }

// One reader beside a daemon.
Program beside(std::string name, const SharedSlot& slot, Pool wanted, SliceReader reader,
               std::function<void(rg_slot&)> daemon, Broken broken) {
  Program program;
  program.name = std::move(name);
  program.threads.push_back(
      [slot, wanted, reader] { return check_slices(*slot, wanted, 1, reader); });
  program.threads.push_back([slot, daemon = std::move(daemon)] {
    daemon(*slot);
    return Result{};
  });
  program.broken = std::move(broken);
  return program;
}

// Whatever decided was in a word of the pool that was asked for.
Broken decided_for_another(Pool wanted) {
  return [wanted](const std::vector<Result>& results) {
    const Result& result = results[0];
    return result[0] != kMiss && std::any_of(result.begin() + 1, result.end(), [&](int64_t end) {
             return end != 0 && pool_of_end(end) != wanted;
           });
  };
}

bool denied(const std::vector<Result>& results) { return results[0][0] == kDenied; }

std::string asking(const char* litmus, Pool wanted) {
  return std::string(litmus) + (wanted == kA ? ", asked for A" : ", asked for B");
}

Program allow_from_second(Pool wanted) {
  return beside(
      asking("allow from the second word beside a hand-over", wanted),
      slot_of(kA, with(1, 0), with(2, 1)), wanted, SliceReader::kRight,
      [](rg_slot& slot) {
        give_slot(slot, {0, 1}, kB);
        rg_word_publish(&slot.word[0], with(3, 0));
        rg_word_publish(&slot.word[1], with(4, 1));
      },
      decided_for_another(wanted));
}

Program deny_by_two(Pool wanted, SliceReader reader) {
  return beside(
      asking("denial by two words beside a hand-over", wanted),
      slot_of(kA, with(1, 0), exhausted(2)), wanted, reader,
      [](rg_slot& slot) {
        give_slot(slot, {0, 1}, kB);
        rg_word_publish(&slot.word[0], with(3, 0));
        rg_word_publish(&slot.word[1], exhausted(4));
      },
      decided_for_another(wanted));
}

// The permits of the second word are in it or in hand all the time, so nobody may be denied.
// "Exhausted" is taken away by a swap, or a denial by a void.
Program hand_beside_exhausted(const char* name, bool denial, SliceReader reader) {
  return beside(
      name, slot_of(kA, exhausted(1), with(2, 1)), kA, reader,
      [denial](rg_slot& slot) {
        if (denial) {
          rg_word_void(&slot.word[0]);
        } else {
          take_in_hand(slot, 0, exhausted(1));
        }
        put_back(slot, 1, 2, take_in_hand(slot, 1, with(2, 1)));
      },
      denied);
}

// The denial comes when there is a permit in the other word, which stays: who sees the one sees the
// other.
Program denial_beside_top_up(const char* name, uint64_t first, SliceReader reader) {
  return beside(
      name, slot_of(kA, first, RG_WORD_VOID), kA, reader,
      [first](rg_slot& slot) {
        if (first == RG_WORD_VOID) {
          rg_word_publish(&slot.word[0], with(1, 1));
        } else {
          top_up(slot, 0, 1);
        }
        rg_word_publish(&slot.word[1], exhausted(2));
      },
      denied);
}

// Every permit is spent, or in hand, or in the word when it is voided.
Program put_back_beside_void() {
  const SharedSlot slot = slot_of(kA, with(1, 1), RG_WORD_VOID);
  Program count;
  count.name = "put back beside void, every permit counted";
  for (int i = 0; i < 2; ++i) {
    count.threads.push_back([slot] { return check_slices(*slot, kA, 1); });
  }
  count.threads.push_back([slot] {
    const int64_t in_hand = take_in_hand(*slot, 0, with(1, 1));
    const int64_t lost = in_hand - put_back(*slot, 0, 1, in_hand);
    return Result{rg_word_permits(rg_word_void(&slot->word[0])) + lost};
  });
  count.broken = [](const std::vector<Result>& results) {
    int64_t spent = 0;
    for (size_t i = 0; i < 2; ++i) spent += results[i][0] == kAllowed ? 1 : 0;
    return spent + results[2][0] != 1;
  };
  return count;
}

// Nor does what comes back, when the slot is another pool's.
Program put_back_then_hand_over(Pool wanted) {
  return beside(
      asking("put back, then a hand-over", wanted), slot_of(kA, with(1, 0), with(2, 1)), wanted,
      SliceReader::kRight,
      [](rg_slot& slot) {
        put_back(slot, 1, 2, take_in_hand(slot, 1, with(2, 1)));
        give_slot(slot, {0, 1}, kB);
        rg_word_publish(&slot.word[1], with(4, 1));
      },
      decided_for_another(wanted));
}

}  // namespace

std::vector<Program> slice_programs() {
  std::vector<Program> all;
  for (const Pool wanted : {kA, kB}) {
    all.push_back(allow_from_second(wanted));
    all.push_back(deny_by_two(wanted, SliceReader::kRight));
    all.push_back(put_back_then_hand_over(wanted));
  }
  all.push_back(put_back_beside_void());
  all.push_back(hand_beside_exhausted("in hand beside exhausted", false, SliceReader::kRight));
  all.push_back(hand_beside_exhausted("in hand beside a denial", true, SliceReader::kRight));
  all.push_back(
      denial_beside_top_up("a denial published beside a top-up", with(1, 0), SliceReader::kRight));
  all.push_back(denial_beside_top_up("a denial published beside a new slice", RG_WORD_VOID,
                                     SliceReader::kRight));
  return all;
}

std::vector<Program> slice_mistakes() {
  std::vector<Program> all = {
      deny_by_two(kB, SliceReader::kNoSecondLook),
      hand_beside_exhausted("in hand beside exhausted", false, SliceReader::kNoSecondLook),
      denial_beside_top_up("a denial beside a top-up", with(1, 0), SliceReader::kNoSecondLook),
      denial_beside_top_up("a denial beside a new slice", RG_WORD_VOID,
                           SliceReader::kVoidNotLookedAt),
  };
  for (size_t i = 0; i < 3; ++i) all[i].name += ", no second look";
  all[3].name += ", the void word not looked at";
  return all;
}

}  // namespace rategate::model
