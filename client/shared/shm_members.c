#include "client/shared/shm_members.h"

#include "client/shared/shm_check.h"
#include "client/shared/shm_decide.h"

/* What is asked of all members, and what has come of it. */
struct combining {
  const struct rg_shm_view* view;
  const struct rg_shm_member* members;
  uint32_t count;
  const struct rg_shm_reader* reader;
  struct rg_shm_combined* combined;
};

/* A limit of windows: by the coarse clock where that is enough. */
static enum rg_shm_outcome ask_windows(const struct combining* of,
                                       const struct rg_shm_member* member, bool looks,
                                       struct rg_shm_result* result) {
  struct rg_shm_ask ask = {.cost = member->cost, .looks = looks};
  enum rg_shm_outcome outcome = RG_SHM_BETWEEN;
  if (member->rule->period_ms >= RG_SHM_COARSE_FROM_MS) {
    ask.now_ns = of->reader->coarse(of->reader->of);
    ask.lag_ns = of->reader->coarse_lag_ns;
    outcome = rg_shm_check(of->view, member->rule, member->id, member->slot_hint, ask, result);
  }
  if (outcome == RG_SHM_BETWEEN) {
    ask.now_ns = of->reader->precise(of->reader->of);
    ask.lag_ns = 0;
    outcome = rg_shm_check(of->view, member->rule, member->id, member->slot_hint, ask, result);
  }
  result->read_ns = ask.now_ns;
  /* The edge of a window is passed by the daemon: it knows of all members. */
  return outcome == RG_SHM_BETWEEN ? RG_SHM_MISS : outcome;
}

static enum rg_shm_outcome ask_member(const struct combining* of, uint32_t at, bool looks) {
  const struct rg_shm_member* member = &of->members[at];
  struct rg_shm_result* result = &of->combined->result[at];
  if (member->rule->kind == RG_RULE_WINDOWS) return ask_windows(of, member, looks, result);
  return rg_shm_check_slices(of->view, member->rule, member->id, member->slot_hint, member->cost,
                             looks, of->reader, result);
}

static bool has_less_left(const struct rg_shm_result* a, const struct rg_shm_result* b) {
  return a->remaining * b->limit < b->remaining * a->limit;
}

/* Names the one of which the smallest part is left. */
static void name_scarcest(const struct combining* of) {
  struct rg_shm_combined* combined = of->combined;
  combined->named = 0;
  for (uint32_t i = 1; i < of->count; ++i) {
    if (has_less_left(&combined->result[i], &combined->result[combined->named])) {
      combined->named = i;
    }
  }
}

/* Looks at all of them, and takes nothing. Decided: the named one denies, or all allow it, and the
 * scarcest is named. */
static enum rg_shm_outcome look_at_all(const struct combining* of) {
  struct rg_shm_combined* combined = of->combined;
  uint64_t longest_ms = 0; /* never is the longest */
  bool denied = false, missed = false;
  for (uint32_t i = 0; i < of->count; ++i) {
    if (ask_member(of, i, true) != RG_SHM_DECIDED) {
      missed = true;
    } else if (!combined->result[i].allowed &&
               (!denied || (uint64_t)combined->result[i].retry_after_ms > longest_ms)) {
      denied = true;
      longest_ms = (uint64_t)combined->result[i].retry_after_ms;
      combined->named = i;
    }
  }
  if (denied) {
    combined->read_ns = combined->result[combined->named].read_ns;
    return RG_SHM_DECIDED;
  }
  if (missed) return RG_SHM_MISS;
  name_scarcest(of);
  return RG_SHM_DECIDED;
}

/* Gives a member's cost back to the word that it was taken of. False where that has another end by
 * now, or is another pool's: the permits are stranded. */
static bool put_back(const struct combining* of, uint32_t at) {
  const struct rg_shm_member* member = &of->members[at];
  const struct rg_shm_result* taken = &of->combined->result[at];
  struct rg_identity id = member->id != NULL ? *member->id : (struct rg_identity){0, {0, 0, 0, 0}};
  id.rule = rg_rule_with_clock(member->rule->id, taken->clock);
  const struct rg_shm_whose whose = {id.rule, member->id != NULL ? &id : NULL};
  struct rg_slot* slot = &of->view->slots[taken->slot & of->view->mask];
  for (int i = 0; i < 2; ++i) {
    uint64_t seen = rg_word_load(&slot->word[i]);
    for (int tries = 0; tries < RG_SHM_MAX_TRIES; ++tries) {
      rg_step();
      const int64_t permits = rg_word_permits(seen) + member->cost;
      if (rg_word_end_ms(seen) != taken->window_end_ms || permits > RG_WORD_MAX_PERMITS) break;
      if (!rg_shm_is_it(slot, whose)) return false;
      rg_step();
      if (rg_word_swap(&slot->word[i], &seen, rg_word_with_permits(seen, permits))) {
        return true;
      }
    }
  }
  return false;
}

/* Whether the end of what was taken lies ahead, at the latest time that it may be. */
static bool is_ahead(const struct combining* of, uint32_t at, int64_t now_ns, int64_t lag_ns) {
  const struct rg_shm_result* taken = &of->combined->result[at];
  const struct rg_shm_clock* clock = &of->view->header->clock[taken->clock % RG_SHM_CLOCKS];
  struct rg_shm_time time;
  if (!rg_shm_time_at(clock, now_ns, lag_ns, &time)) return false;
  const uint64_t end_ns = (uint64_t)taken->window_end_ms * (uint64_t)RG_SHM_NS_PER_MS;
  return (int64_t)(end_ns - (time.middle_ns + time.margin_ns)) > 0;
}

static bool are_ahead(const struct combining* of, int64_t now_ns, int64_t lag_ns) {
  of->combined->read_ns = now_ns;
  for (uint32_t i = 0; i < of->count; ++i) {
    if (!is_ahead(of, i, now_ns, lag_ns)) return false;
  }
  return true;
}

/* Whether the pool is where it was taken of: one that was emptied meanwhile has left its slot. */
static bool is_there(const struct combining* of, uint32_t at) {
  const struct rg_shm_result* taken = &of->combined->result[at];
  const struct rg_slot* slot = &of->view->slots[taken->slot & of->view->mask];
  return rg_word_end_ms(rg_word_load(&slot->word[0])) == taken->window_end_ms ||
         rg_word_end_ms(rg_word_load(&slot->word[1])) == taken->window_end_ms;
}

/* The coarse clock may say less than a reading by which something was taken. */
static int64_t latest_reading(const struct combining* of) {
  int64_t latest_ns = of->combined->read_ns;
  for (uint32_t i = 0; i < of->count; ++i) {
    if (of->combined->result[i].read_ns > latest_ns) latest_ns = of->combined->result[i].read_ns;
  }
  return latest_ns;
}

/* One moment at which all that was taken is good, the decision's: that of the clock's reading. What
 * is in its place after that was there then. */
static bool is_good_now(const struct combining* of) {
  rg_step();
  const struct rg_shm_reader* reader = of->reader;
  if (!are_ahead(of, reader->coarse(reader->of), reader->coarse_lag_ns) &&
      !are_ahead(of, reader->precise(reader->of), 0)) {
    return false;
  }
  rg_step();
  for (uint32_t i = 0; i < of->count; ++i) {
    if (!is_there(of, i)) return false;
  }
  of->combined->read_ns = latest_reading(of);
  return true;
}

/* The order in which they are taken: the named one first. */
static uint32_t place_of(const struct combining* of, uint32_t turn) {
  const uint32_t first = of->combined->named;
  if (turn == 0) return first;
  return turn <= first ? turn - 1 : turn;
}

enum rg_shm_outcome rg_shm_check_members(const struct rg_shm_view* view,
                                         const struct rg_shm_member members[], uint32_t count,
                                         const struct rg_shm_reader* reader,
                                         struct rg_shm_combined* combined) {
  const struct combining of = {view, members, count, reader, combined};
  combined->stranded = 0;
  const enum rg_shm_outcome seen = look_at_all(&of);
  if (seen != RG_SHM_DECIDED || !combined->result[combined->named].allowed) return seen;
  uint32_t taken = 0;
  while (taken < count) {
    const uint32_t at = place_of(&of, taken);
    if (ask_member(&of, at, false) != RG_SHM_DECIDED || !combined->result[at].allowed) break;
    ++taken;
  }
  if (taken == count && is_good_now(&of)) {
    name_scarcest(&of);
    return RG_SHM_DECIDED;
  }
  while (taken > 0) {
    const uint32_t at = place_of(&of, --taken);
    if (!put_back(&of, at)) combined->stranded |= UINT32_C(1) << at;
  }
  return RG_SHM_MISS;
}
