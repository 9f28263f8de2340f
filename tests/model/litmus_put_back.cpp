#include "tests/model/litmus_put_back.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tests/model/put_back_steps.hpp"
#include "tests/model/slice_steps.hpp"

namespace rategate::model {
namespace {

uint64_t with(int64_t end, int64_t permits) { return rg_word_make(end, permits, false); }
int64_t void_and_count(rg_slot& slot) { return rg_word_permits(rg_word_void(&slot.word[0])); }

// Takes a permit as a check does, and puts it back: {end of what it took, end of what it put into}.
Result take_and_put_back(rg_slot& slot, Pool wanted) {
  const Result taken = check(slot, 0, wanted, 1);
  if (taken[0] != kAllowed) return {0, 0};
  return {taken[1], put_back_one(slot, {wanted, 0, taken[1]}, 1)};
}

Thread carrier(const SharedSlot& slot, const Carried& carried, int swaps, PutBack how) {
  return [slot, carried, swaps, how] { return Result{put_back_one(*slot, carried, swaps, how)}; };
}

// Of two permits that were put into the word, or three with a flow, each is spent, stranded with
// who carried it, or in the word when it is voided.
Program put_back_beside_spending(const char* name, bool flow, PutBack how) {
  const SharedSlot slot = slot_of(kA, with(1, 1));
  Program program;
  program.name = name;
  // A swap that is lost is tried again, where that keeps the runs few.
  program.threads.push_back(carrier(slot, {kA, 0, 1}, flow ? 1 : 2, how));
  program.threads.push_back([slot] { return check(*slot, 0, kA, 1); });
  program.threads.push_back([slot, flow] {
    const int64_t put = 2 + (flow ? top_up(*slot, 0, 1) : 0);
    return Result{put, void_and_count(*slot)};
  });
  program.broken = [](const std::vector<Result>& results) {
    const int64_t stranded = results[0][0] == 0 ? 1 : 0;
    const int64_t spent = results[1][0] == kAllowed ? 1 : 0;
    return spent + stranded + results[2][1] != results[2][0];
  };
  return program;
}

// Each window has what was put into it. `next` is the end of the one that follows in this word.
Program put_back_beside_next(const char* name, int64_t next, PutBack how) {
  const SharedSlot slot = slot_of(kA, with(1, 0));
  Program program;
  program.name = name;
  program.threads.push_back(carrier(slot, {kA, 0, 1}, 2, how));
  program.threads.push_back([slot, next] {
    const int64_t first = void_and_count(*slot);
    rg_word_publish(&slot->word[0], with(next, 1));
    return Result{first, void_and_count(*slot)};
  });
  program.broken = [](const std::vector<Result>& results) {
    const int64_t stranded = results[0][0] == 0 ? 1 : 0;
    return stranded + results[1][0] != 1 || results[1][1] != 1;
  };
  return program;
}

// The slot goes to another pool while a permit of the first one is carried.
Program put_back_beside_hand_over() {
  const SharedSlot slot = slot_of(kA, with(1, 0));
  Program program;
  program.name = "put back beside a hand-over";
  program.threads.push_back(carrier(slot, {kA, 0, 1}, 2, PutBack::kRight));
  program.threads.push_back([slot] {
    const int64_t first = void_and_count(*slot);
    give_slot(*slot, {}, kB);
    rg_word_publish(&slot->word[0], with(3, 1));
    return Result{first, void_and_count(*slot)};
  });
  program.broken = [](const std::vector<Result>& results) {
    const int64_t stranded = results[0][0] == 0 ? 1 : 0;
    return stranded + results[1][0] != 1 || results[1][1] != 1;
  };
  return program;
}

// The pool leaves its slot, and is given a permit of the same end in another one.
Program put_back_beside_clear() {
  const SharedSlot slot = slot_of(kA, with(1, 0));
  const SharedSlot other = slot_of(kNobody, RG_WORD_VOID);
  Program program;
  program.name = "put back beside a CLEAR";
  program.threads.push_back(carrier(slot, {kA, 0, 1}, 2, PutBack::kRight));
  program.threads.push_back([slot, other] {
    const int64_t before = void_and_count(*slot);
    give_slot(*slot, {}, kNobody);
    give_slot(*other, {}, kA);
    rg_word_publish(&other->word[0], with(1, 1));
    // What is in the slot that was left is nobody's, and stays so.
    return Result{before, void_and_count(*slot), void_and_count(*other)};
  });
  program.broken = [](const std::vector<Result>& results) {
    const int64_t stranded = results[0][0] == 0 ? 1 : 0;
    return stranded + results[1][0] != 1 || results[1][1] != 0 || results[1][2] != 1;
  };
  return program;
}

// Takes, and puts back, of the pool that was asked for and of no other one.
Program take_and_put_back_beside_hand_over(Pool wanted) {
  const SharedSlot slot = slot_of(kA, with(1, 1));
  Program program;
  program.name =
      std::string("taken and put back beside a hand-over, asked for ") + (wanted == kA ? "A" : "B");
  program.threads.push_back([slot, wanted] { return take_and_put_back(*slot, wanted); });
  program.threads.push_back([slot] {
    give_slot(*slot, {0, 1}, kB);
    rg_word_publish(&slot->word[0], with(3, 1));
    return Result{};
  });
  program.broken = [wanted](const std::vector<Result>& results) {
    const int64_t into = results[0][1];
    return into != 0 && (pool_of_end(into) != wanted || into != results[0][0]);
  };
  return program;
}

// What comes back lies between another reader's swap and the void: that reader had still read the
// identity before the daemon wrote the next one.
Program put_back_between_swap_and_void() {
  const SharedSlot slot = slot_of(kA, with(1, 1));
  Program program;
  program.name = "a reader, a permit put back and a hand-over";
  program.threads.push_back([slot] { return check(*slot, 0, kB, 1); });
  program.threads.push_back(carrier(slot, {kA, 0, 1}, 1, PutBack::kRight));
  program.threads.push_back([slot] {
    give_slot(*slot, {0}, kB);
    return Result{};
  });
  program.broken = [](const std::vector<Result>& results) { return results[0][0] != kMiss; };
  return program;
}

// The daemon has seen in the first slice what came back, and only then says in the other word that
// the store has nothing: nobody may be denied, as the permit stays where it is.
Program put_back_before_denial(const char* name, SliceReader reader) {
  const SharedSlot slot = slot_of(kA, with(1, 0));
  Program program;
  program.name = name;
  program.threads.push_back([slot, reader] { return check_slices(*slot, kA, 1, reader); });
  program.threads.push_back(carrier(slot, {kA, 0, 1}, 1, PutBack::kRight));
  program.threads.push_back([slot] {
    if (rg_word_permits(rg_word_load(&slot->word[0])) == 1) {
      rg_word_publish(&slot->word[1], rg_word_make(2, 0, true));
    }
    return Result{};
  });
  program.broken = [](const std::vector<Result>& results) { return results[0][0] == kDenied; };
  return program;
}

}  // namespace

std::vector<Program> carried_programs() {
  return {
      put_back_beside_spending("put back beside a reader and void, every permit counted", false,
                               PutBack::kRight),
      put_back_beside_spending("put back beside a reader, a flow and void, counted", true,
                               PutBack::kRight),
      put_back_beside_next("put back beside the next window", 2, PutBack::kRight),
      put_back_beside_hand_over(),
      put_back_beside_clear(),
  };
}

std::vector<Program> put_back_programs() {
  std::vector<Program> all = carried_programs();
  for (const Pool wanted : {kA, kB}) all.push_back(take_and_put_back_beside_hand_over(wanted));
  all.push_back(put_back_between_swap_and_void());
  all.push_back(put_back_before_denial("a denial published beside a permit that came back",
                                       SliceReader::kRight));
  return all;
}

std::vector<Program> put_back_mistakes() {
  return {
      put_back_beside_next("put back without comparing the end", 2, PutBack::kEndNotCompared),
      put_back_beside_next("given again in the same slot after a CLEAR", 1, PutBack::kRight),
      put_back_beside_spending("put back by a store", false, PutBack::kByStore),
      put_back_before_denial("a denial beside a permit that came back, no second look",
                             SliceReader::kNoSecondLook),
  };
}

}  // namespace rategate::model
