#include "tests/model/litmus.hpp"

#include <memory>
#include <string>
#include <utility>

#include "tests/model/hand_over_steps.hpp"

namespace rategate::model {
namespace {

uint64_t word_of(int64_t end, int64_t permits) { return rg_word_make(end, permits, permits == 0); }

// A reader decided by the word of a pool that is not the one it asked for.
bool is_wrong(Pool wanted, const Result& result) {
  return result[0] != kMiss && pool_of_end(result[1]) != wanted;
}

struct Asks {
  Pool wanted;
  size_t word = 0;
  int swaps = 1;
  Reader reader = Reader::kRight;
};

// Readers beside a daemon: no reader may decide by another pool's word.
Program beside(std::string name, const SharedSlot& slot, const std::vector<Asks>& readers,
               std::function<void(rg_slot&)> daemon) {
  Program program;
  program.name = std::move(name);
  for (const Asks& asks : readers) {
    program.threads.push_back(
        [slot, asks] { return check(*slot, asks.word, asks.wanted, asks.swaps, asks.reader); });
  }
  program.threads.push_back([slot, daemon = std::move(daemon)] {
    daemon(*slot);
    return Result{};
  });
  program.broken = [readers](const std::vector<Result>& results) {
    for (size_t i = 0; i < readers.size(); ++i) {
      if (is_wrong(readers[i].wanted, results[i])) return true;
    }
    return false;
  };
  return program;
}

std::string asking(const char* litmus, Pool wanted) {
  static constexpr const char* kNames[] = {"nobody", "A", "B", "B's rule, A's key",
                                           "A's rule, B's key"};
  return std::string(litmus) + ", asked for " + kNames[wanted];
}

// The slot goes from A to B, with permits in both pools' words, or with both exhausted.
void add_hand_over(std::vector<Program>& all) {
  const auto to_b = [](int64_t permits) {
    return [permits](rg_slot& slot) {
      give_slot(slot, {0, 1}, kB);
      rg_word_publish(&slot.word[0], word_of(3, permits));
    };
  };
  for (const Pool wanted : {kA, kB, kTornRule, kTornKey}) {
    all.push_back(beside(asking("allow beside a hand-over", wanted), slot_of(kA, word_of(1, 1)),
                         {{wanted}}, to_b(1)));
    all.push_back(beside(asking("deny beside a hand-over", wanted), slot_of(kA, word_of(1, 0)),
                         {{wanted}}, to_b(0)));
  }
  // The swap is lost to the hand-over, and tried again with what it found.
  all.push_back(beside("a lost swap, tried again, asked for A", slot_of(kA, word_of(1, 1)),
                       {{kA, 0, 2}}, to_b(1)));
  all.push_back(beside("a lost swap, then a denial, asked for A", slot_of(kA, word_of(1, 1)),
                       {{kA, 0, 2}}, to_b(0)));
  // The new pool's first window is of the other parity.
  for (const Pool wanted : {kA, kB}) {
    for (const size_t word : {size_t{0}, size_t{1}}) {
      all.push_back(
          beside(asking("hand-over to the other word", wanted) + " in word " + std::to_string(word),
                 slot_of(kA, word_of(1, 1)), {{wanted, word}}, [](rg_slot& slot) {
                   give_slot(slot, {0, 1}, kB);
                   rg_word_publish(&slot.word[1], word_of(3, 1));
                 }));
    }
  }
}

// Windows that follow each other in one word, then the hand-over.
void add_next_window(std::vector<Program>& all) {
  for (const Pool wanted : {kA, kB}) {
    all.push_back(beside(asking("next window, then a hand-over", wanted),
                         slot_of(kA, word_of(1, 1)), {{wanted}}, [](rg_slot& slot) {
                           rg_word_void(&slot.word[0]);
                           rg_word_publish(&slot.word[0], word_of(2, 1));
                           give_slot(slot, {0}, kB);
                           rg_word_publish(&slot.word[0], word_of(3, 1));
                         }));
    all.push_back(beside(asking("given back, then a hand-over", wanted), slot_of(kA, word_of(1, 1)),
                         {{wanted}}, [](rg_slot& slot) {
                           rg_word_void(&slot.word[0]);
                           give_slot(slot, {0}, kB);
                           rg_word_publish(&slot.word[0], word_of(3, 1));
                         }));
    all.push_back(beside(asking("a slot's first two pools", wanted), slot_of(kNobody, RG_WORD_VOID),
                         {{wanted}}, [](rg_slot& slot) {
                           give_slot(slot, {}, kA);
                           rg_word_publish(&slot.word[0], word_of(1, 1));
                           give_slot(slot, {0}, kB);
                           rg_word_publish(&slot.word[0], word_of(3, 1));
                         }));
  }
}

// Another reader's spending, and a flow, lie between a reader's swap and the void.
void add_two_readers(std::vector<Program>& all) {
  all.push_back(beside("two readers and a hand-over", slot_of(kA, word_of(1, 2)), {{kB}, {kA}},
                       [](rg_slot& slot) { give_slot(slot, {0}, kB); }));
  all.push_back(beside("a reader, a flow and a hand-over", slot_of(kA, word_of(1, 1)), {{kB}},
                       [](rg_slot& slot) {
                         top_up(slot, 0, 1);
                         give_slot(slot, {0}, kB);
                       }));

  const SharedSlot slot = slot_of(kA, word_of(1, 1));
  Program count;
  count.name = "two readers and a flow, every permit counted";
  for (int i = 0; i < 2; ++i) count.threads.push_back([slot] { return check(*slot, 0, kA, 1); });
  count.threads.push_back([slot] {
    const int64_t put = 1 + top_up(*slot, 0, 1);
    return Result{put, rg_word_permits(rg_word_void(&slot->word[0]))};
  });
  count.broken = [](const std::vector<Result>& results) {
    int64_t spent = 0;
    for (size_t i = 0; i < 2; ++i) spent += results[i][0] == kAllowed ? 1 : 0;
    return spent + results[2][1] != results[2][0];
  };
  all.push_back(std::move(count));
}

// The clock's record: its numbers belong together.
Program clock_record() {
  const auto clock = std::make_shared<rg_shm_clock>();
  Program program;
  program.name = "the clock record, written twice";
  program.threads.push_back([clock] {
    uint64_t sequence = 0;
    for (int64_t version = 1; version <= 2; ++version) {
      sequence = rg_sequence_begin_write(&clock->sequence, sequence);
      rg_field_store(&clock->offset_ns, version);
      rg_field_store(&clock->error_ns, version);
      rg_sequence_end_write(&clock->sequence, sequence);
    }
    return Result{};
  });
  program.threads.push_back([clock] {
    const uint64_t begun = rg_sequence_begin_read(&clock->sequence);
    const int64_t offset = rg_field_load(&clock->offset_ns);
    const int64_t error = rg_field_load(&clock->error_ns);
    return Result{rg_sequence_read_is_whole(&clock->sequence, begun) ? 1 : 0, offset, error};
  });
  program.broken = [](const std::vector<Result>& results) {
    return results[1][0] == 1 && results[1][1] != results[1][2];
  };
  return program;
}

}  // namespace

std::vector<Program> litmus_programs() {
  std::vector<Program> all;
  add_hand_over(all);
  add_next_window(all);
  add_two_readers(all);
  all.push_back(clock_record());
  return all;
}

std::vector<Program> litmus_mistakes() {
  const auto to_b = [](rg_slot& slot) {
    give_slot(slot, {0, 1}, kB);
    rg_word_publish(&slot.word[0], word_of(3, 1));
  };
  return {
      beside("identity compared after the swap", slot_of(kA, word_of(1, 1)),
             {{kB, 0, 1, Reader::kIdentityAfterSwap}}, to_b),
      beside("a denial without a second look", slot_of(kA, word_of(1, 0)),
             {{kB, 0, 1, Reader::kNoSecondLook}}, to_b),
      beside("the words are not voided", slot_of(kA, word_of(1, 1)), {{kB}},
             [](rg_slot& slot) { give_slot(slot, {}, kB); }),
      beside("published before the identity", slot_of(kA, word_of(1, 1)), {{kA}},
             [](rg_slot& slot) {
               rg_word_void(&slot.word[0]);
               rg_word_publish(&slot.word[0], word_of(3, 1));
               give_slot(slot, {}, kB);
             }),
      // A store ends the release sequence of the swaps before it, so the void behind it does not
      // come after what their readers had read.
      beside("the next window stored over a word that is not void", slot_of(kA, word_of(1, 1)),
             {{kB}},
             [](rg_slot& slot) {
               rg_word_publish(&slot.word[0], word_of(2, 1));
               give_slot(slot, {0}, kB);
             }),
  };
}

}  // namespace rategate::model
