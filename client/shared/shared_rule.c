#include "client/shared/shared_rule.h"

#include <stdbool.h>
#include <stdlib.h>

#include "client/wire/exchange.h"
#include "client/wire/integers.h"
#include "shm/bounds.h"

enum { RULE, LIMIT, PERIOD_MS, SHARED, KEYED, KIND, BURST, LONGEST_MS, FIELDS };

/* How many checks the daemon is asked for before a rule is asked for again: twice as many each time
 * that it was another one then. A rule that is replaced costs a record until the client is closed,
 * and these are the bounds of how fast such records gather. */
#define FIRST_MOST_ASKED 32
#define LAST_MOST_ASKED (1u << 15)

static bool is_within(int64_t number, int64_t least, int64_t most) {
  return number >= least && number <= most;
}

static bool is_rule(const int64_t field[FIELDS]) {
  return field[RULE] > 0 && is_within(field[LIMIT], 1, RG_MAX_PERMITS) &&
         is_within(field[PERIOD_MS], 1, RG_MAX_WINDOW_MS) &&
         is_within(field[KIND], 0, RG_RULE_KINDS - 1) &&
         is_within(field[BURST], 1, RG_MAX_PERMITS) &&
         is_within(field[LONGEST_MS], 1, RG_MAX_WINDOW_MS);
}

static struct rg_shm_rule rule_of(const int64_t field[FIELDS]) {
  return (struct rg_shm_rule){
      .id = (uint64_t)field[RULE],
      .limit = field[LIMIT],
      .period_ms = field[PERIOD_MS],
      .shared = field[SHARED] == 1,
      .keyed = field[KEYED] != 0,
      .kind = (enum rg_rule_kind)field[KIND],
      .burst = field[BURST],
      .ms_per_permit_2_32 = rg_shm_ms_per_permit(field[LIMIT], field[PERIOD_MS]),
      .longest_ms = field[LONGEST_MS]};
}

/* What RESOLVE has answered. */
struct resolved {
  int members; /* 0: nothing that is known of */
  struct rg_shm_rule member[RG_SHM_MOST_MEMBERS];
};

static void read_rules(const struct rg_answer* answer, struct resolved* resolved) {
  int64_t fields[RG_SHM_MOST_MEMBERS][FIELDS];
  int rows;
  if (rg_read_rows(answer->data, answer->size, FIELDS, RG_SHM_MOST_MEMBERS, fields[0], &rows) <=
      0) {
    return;
  }
  for (int i = 0; i < rows; ++i) {
    if (!is_rule(fields[i])) return;
  }
  for (int i = 0; i < rows; ++i) resolved->member[i] = rule_of(fields[i]);
  resolved->members = rows;
}

/* False where the connection failed. An error as the answer leaves `resolved` empty. */
static bool ask_for_rule(const struct rg_limit_name* name, const void* key, size_t key_size,
                         struct rg_connection* connection, const struct rg_call* call,
                         struct resolved* resolved) {
  char asked[RG_MAX_QUESTION];
  char answered[RG_MAX_HEADER + RG_SHM_MOST_MEMBERS * FIELDS * RG_MAX_INTEGER];
  struct rg_request request = {.data = asked};
  struct rg_answer answer = {.data = answered, .capacity = sizeof answered};
  rg_put_question(&request, "RESOLVE", name, key, key_size, 1, -1);
  if (!rg_ask_on(connection, &request, &answer, call)) return false;
  read_rules(&answer, resolved);
  return true;
}

/* A rule that is not shared, zeros, where nothing was resolved: it is asked for again when the
 * rules change. NULL where there is no memory. */
static struct rg_shared_rule* make_rule(const struct resolved* resolved,
                                        const struct rg_segment* segment, uint64_t rules) {
  const uint32_t members = resolved->members > 0 ? (uint32_t)resolved->members : 1;
  struct rg_shared_rule* fresh = calloc(1, sizeof *fresh + members * sizeof fresh->member[0]);
  if (fresh == NULL) return NULL;
  fresh->view = segment->view;
  fresh->segment = segment;
  fresh->members = members;
  atomic_init(&fresh->rules, rules);
  atomic_init(&fresh->slot, RG_SHM_NO_HINT);
  atomic_init(&fresh->asked, 0);
  bool all_shared = true;
  for (uint32_t i = 0; i < members; ++i) {
    fresh->member[i].rule = resolved->member[i];
    atomic_init(&fresh->member[i].slot, RG_SHM_NO_HINT);
    all_shared = all_shared && fresh->member[i].rule.shared;
  }
  fresh->rule = fresh->member[0].rule;
  if (members > 1) fresh->rule.shared = false;
  fresh->has_members = members > 1 && all_shared;
  fresh->is_quick =
      fresh->rule.kind == RG_RULE_WINDOWS && fresh->rule.period_ms >= RG_SHM_COARSE_FROM_MS;
  return fresh;
}

static int64_t longest_period_ms(const struct rg_shared_rule* rule) {
  int64_t longest = 0;
  for (uint32_t i = 0; i < rule->members; ++i) {
    const int64_t period_ms = rule->member[i].rule.period_ms;
    if (period_ms > longest) longest = period_ms;
  }
  return longest;
}

static bool is_of(const struct rg_shared_rule* known, const struct rg_segment* segment,
                  uint64_t rules) {
  return known != NULL && known->segment == segment &&
         atomic_load_explicit(&known->rules, memory_order_relaxed) == rules;
}

/* Counts a check that the daemon was asked for. True for the one with which the rule is due. */
static bool is_due(struct rg_shared_rule* known) {
  const uint32_t asked = atomic_fetch_add_explicit(&known->asked, 1, memory_order_relaxed) + 1;
  return asked % known->most_asked == 0;
}

static uint32_t most_asked_after(const struct rg_shared_rule* known,
                                 const struct rg_segment* segment) {
  if (known == NULL || known->segment != segment) return FIRST_MOST_ASKED;
  return known->most_asked < LAST_MOST_ASKED ? 2 * known->most_asked : LAST_MOST_ASKED;
}

static bool are_same(const struct rg_shm_rule* a, const struct rg_shm_rule* b) {
  return a->id == b->id && a->limit == b->limit && a->period_ms == b->period_ms &&
         a->shared == b->shared && a->keyed == b->keyed && a->kind == b->kind &&
         a->burst == b->burst && a->longest_ms == b->longest_ms;
}

static bool says_the_same(const struct rg_shared_rule* known, const struct rg_shared_rule* fresh) {
  if (known == NULL || known->segment != fresh->segment || known->members != fresh->members) {
    return false;
  }
  for (uint32_t i = 0; i < known->members; ++i) {
    if (!are_same(&known->member[i].rule, &fresh->member[i].rule)) return false;
  }
  return true;
}

int64_t rg_resolve_rule(struct rg_shared_limit* limit, const struct rg_limit_name* name,
                        const void* key, size_t key_size, struct rg_connection* connection,
                        const struct rg_call* call) {
  const struct rg_segment* segment =
      atomic_load_explicit(&limit->shared->segment, memory_order_acquire);
  /* An answer of another daemon would not do: its rules have the same numbers. */
  if (segment == NULL || connection->generation != segment->generation) return 0;
  _Atomic(struct rg_shared_rule*)* place = &limit->rule[key_size > 0];
  struct rg_shared_rule* known = atomic_load_explicit(place, memory_order_acquire);
  /* Read before RESOLVE is asked, so that a rule that changes meanwhile is asked for again. */
  const uint64_t rules = rg_rules_of(&segment->view);
  if (is_of(known, segment, rules) && !is_due(known)) return 0;
  struct resolved resolved = {.members = 0};
  if (!ask_for_rule(name, key, key_size, connection, call, &resolved)) return 0;
  struct rg_shared_rule* fresh = make_rule(&resolved, segment, rules);
  if (fresh == NULL) return 0;
  const int64_t period_ms = longest_period_ms(fresh);
  do {
    if (says_the_same(known, fresh)) {
      /* Mostly it was the rule of another limit that changed. */
      atomic_store_explicit(&known->rules, rules, memory_order_relaxed);
      free(fresh);
      return period_ms;
    }
    fresh->older = known;
    fresh->most_asked = most_asked_after(known, segment);
    /* Release: who finds the rule sees it whole. */
  } while (!atomic_compare_exchange_weak_explicit(place, &known, fresh, memory_order_acq_rel,
                                                  memory_order_acquire));
  return period_ms;
}

/* Frees this rule and all older ones. */
static void free_rules(struct rg_shared_rule* rule) {
  while (rule != NULL) {
    struct rg_shared_rule* older = rule->older;
    free(rule);
    rule = older;
  }
}

void rg_shared_limit_close(struct rg_shared_limit* limit) {
  for (int i = 0; i < 2; ++i) {
    free_rules(atomic_load_explicit(&limit->rule[i], memory_order_acquire));
  }
}
